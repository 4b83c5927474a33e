"""Read what an answer says of its sources. Nothing hangs on it: a field of another type counts as missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...schemas.citation import Citation
from ...schemas.json_text import JSONDecodeError, loads


def items(value: Mapping[str, Any], name: str) -> Sequence[Any]:
    """Return the list in a field; an empty one for anything else."""
    found = value.get(name)
    return found if isinstance(found, list) else ()


def objects(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the objects in a list; none for anything else."""
    for each in value if isinstance(value, list | tuple) else ():
        if isinstance(each, dict):
            yield each


def inner(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the object in a field; an empty one for anything else."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def text_in(value: Mapping[str, Any], *names: str) -> str | None:
    """Return the first of these fields that is a string and not empty."""
    found = (value.get(name) for name in names)
    return next((each for each in found if isinstance(each, str) and each), None)


def arguments_in(text: str) -> dict[str, Any]:
    """Return the arguments of a provider's tool from their JSON; any other text as the argument `input`."""
    try:
        value = loads(text)
    except JSONDecodeError:
        value = None
    return value if isinstance(value, dict) else {"input": text}


def number_in(value: Mapping[str, Any], name: str) -> int | None:
    """Return a field that is a whole number, not below zero."""
    found = value.get(name)
    return found if type(found) is int and found >= 0 else None


def score_in(value: Mapping[str, Any], name: str) -> float | None:
    """Return a field that is a number; None for one that no float can hold."""
    found = value.get(name)
    try:
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None
    except OverflowError:
        return None


def span_in(value: Mapping[str, Any], start: str, end: str) -> dict[str, Any]:
    """Return a span as the fields of a Citation; empty without an end."""
    first, last = number_in(value, start) or 0, number_in(value, end)
    return {} if last is None or last < first else {"start": first, "end": last}


def place_in(value: Mapping[str, Any], unit: str, start: str, end: str, document: str) -> dict[str, Any]:
    """Return where in a source something is, as a Citation has it: `unit` is pages, characters, blocks or chunks."""
    out: dict[str, Any] = {}
    if (index := number_in(value, document)) is not None:
        out["document"] = index
    first, last = number_in(value, start), number_in(value, end)
    return {**out, unit: [first, last]} if first is not None and last is not None else out


def others(value: Mapping[str, Any], *known: str) -> dict[str, Any]:
    """Return the fields that have no place of their own in a Citation."""
    return {name: each for name, each in value.items() if name not in known and each is not None}


def web_pages(results: object) -> tuple[Citation, ...]:
    """Read a list of search results: objects with `url`, `title` and words of the page, or addresses alone."""
    out = []
    for each in results if isinstance(results, list | tuple) else ():
        if isinstance(each, str) and each:
            out.append(Citation(url=each))
        elif isinstance(each, dict) and (url := text_in(each, "url", "uri")):
            out.append(
                Citation(
                    url=url,
                    title=text_in(each, "title"),
                    text=text_in(each, "content", "snippet", "text") or "",
                    score=score_in(each, "score"),
                    metadata=others(each, *_PAGE),
                )
            )
    return tuple(out)


_PAGE = ("type", "url", "uri", "title", "content", "snippet", "text", "score", "encrypted_content")


def chat_annotations(annotations: Iterable[Mapping[str, Any]]) -> list[Citation]:
    """Read the annotations of OpenAI's texts, flat (responses) or inside an object named by their type (chats).

    https://platform.openai.com/docs/guides/tools-web-search#output-and-citations,
    https://platform.openai.com/docs/api-reference/responses/object (output_text)
    """
    out = []
    for each in annotations:
        kind = text_in(each, "type") or ""
        flat = inner(each, kind) or each
        if (url := text_in(flat, "url")) is not None:
            title = text_in(flat, "title")
            numbered = title is not None and title.isdecimal() and len(title) < 5  # xAI: what the text names it by
            known: dict[str, Any] = {"url": url, **({"number": int(title or 0)} if numbered else {"title": title})}
        elif file := text_in(flat, "file_id", "document_id", "tool_call_id"):
            of = "tool" if "tool_call_id" in flat else "document"
            known = {"kind": of, "id": file, "title": text_in(flat, "filename", "title")}
        else:
            continue
        known |= span_in(flat, "start_index", "end_index")
        out.append(Citation(**known, text=text_in(flat, "content", "text") or "", metadata=others(flat, *_ANNOTATION)))
    return out


_ANNOTATION = (
    *("type", "url", "title", "file_id", "document_id", "tool_call_id", "filename", "content", "text"),
    *("start_index", "end_index"),
)
