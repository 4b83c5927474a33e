"""Read slightly malformed JSON of a model, and list the repairs."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain
from typing import Any, Final

from attrs import define, field

from ..errors import DecodeError
from .decode import loads_exact
from .partial import PartialJSON, closing_bracket
from .whole import WholeDocuments

__all__ = ["LEFT_OPEN", "repair"]

MAX_CANDIDATES: Final = 50
LEFT_OPEN: Final = "closed what the text left open"
"""The repair of a text that ended before its value did; more may follow it."""

_FENCE = re.compile(r"```[^\S\n]{0,8}\w{0,20}[^\S\n]{0,8}\n\s*")
# The reasoning that some models write into their text. Some servers remove the opening tag, and the token limit the
# closing one.
_TAG = re.compile(r"</?(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_OPEN, _CLOSE = _TAG.pattern.replace("/?", ""), _TAG.pattern.replace("/?", "/")
_REASONING = re.compile(
    rf"\A(?:[^<]++|(?!{_TAG.pattern})<)*+{_CLOSE}|{_OPEN}(?:[^<]++|(?!{_CLOSE})<)*+(?:{_CLOSE}|\Z)", re.IGNORECASE
)
_OPENER = re.compile(r"[\[{]")
# The beginning of a JSON document, as opposed to a phrase in brackets: an object with its first name, in quotes or as
# JavaScript and Python write it, or a list whose items are numbers or words up to a string or an object. All repeats
# are bounded.
_NAME = r"""\{\s{0,200}+(?:["']|//|/\*|[A-Za-z_$][\w$]{0,100}+\s{0,20}+:)"""
_WORDS = r"(?:(?:-?\d[\d.eE+-]{0,30}+|true|false|null)\s{0,20}+,\s{0,200}+){0,200}+"
_DOCUMENT = re.compile(rf"""{_NAME}|(?:\[\s{{0,200}}+{_WORDS}){{1,20}}+(?:["']|{_NAME})""")


def repair(
    text: str, fits: Callable[[Any], bool] | None = None, *, cut: bool = True, limited: bool = False
) -> tuple[Any, list[str]]:
    """Return the value of a text, and the repairs; none for well-formed JSON.

    text: the text.
    fits: says which of several documents is meant.
    cut: accept a text that ends inside a value. Without it only closing brackets may be missing.
    limited: the text was cut at a token limit: a document that is left open at its end is the one that is meant, and
        one in the model's reasoning is a draft.

    Repaired are a byte order mark, code fences and prose around the document, trailing commas, raw line breaks and tabs
    in strings, and lists and objects left open. Nothing else in a string is changed. Of a text that ends early only
    what is certain is kept, as `partial.PartialJSON` would publish it.

    Of several documents, one that is left open at the end of the text comes first, since the others are drafts of it;
    then those outside of the model's reasoning (`<think>`), those that fit, ones in a code fence, and the last. A part
    of a document that cannot be repaired is never taken for the whole: what stands around a document may be prose, but
    no more of a list or an object. In doubt, nothing is taken.
    Raises DecodeError, as `decode.loads_exact` does, for what cannot be repaired so.
    """
    try:
        return loads_exact(text), []
    except DecodeError as error:
        failure = error
    documents, thought = _documents(text)
    if not documents:
        raise failure
    last = documents[-1].reader
    if (limited and (thought or not last.complete)) or not (cut or last.settled):
        raise DecodeError(f"the JSON ends before its value does, at character {len(text)}")
    # What comes before a document that is left open is a draft of it.
    found = _best(documents if last.complete else documents[-1:], fits)
    before, after = text[: found.start], text[found.end :]
    repairs = []
    if "\ufeff" in before:
        repairs.append("removed a byte order mark")
    if "```" in before or "```" in after:
        repairs.append("removed a code fence")
    if re.sub(r"```\w*|[\s\ufeff]", "", before) or re.sub(r"```|\s", "", after):
        repairs.append("removed text around the JSON")
    return found.reader.value, repairs + [f"{what} ({count})" for what, count in found.reader.repairs.items()]


@define
class _Document:
    """A document in a text, from `start` to `end`."""

    start: int
    end: int
    fenced: bool = False
    """Whether it is in a code fence."""
    reader: PartialJSON = field(factory=PartialJSON)
    """What read it."""


def _best(found: list[_Document], fits: Callable[[Any], bool] | None) -> _Document:
    """Choose the document that is meant: a string or a number in a fence only if there is no object and no list."""
    ranked = sorted(
        found,
        key=lambda one: (isinstance(one.reader.value, dict | list), one.fenced, one.start),
        reverse=True,
    )
    fitting = filter(lambda one: fits is None or len(found) == 1 or fits(one.reader.value), ranked[:MAX_CANDIDATES])
    return next(chain(fitting, ranked))


def _documents(text: str) -> tuple[list[_Document], bool]:
    """Return the documents in the text, and whether they are in the model's reasoning: only if there are no others."""
    said: list[str] = []
    thought: list[str] = []
    at = 0
    for part in _REASONING.finditer(text) if _TAG.search(text) else ():
        said += text[at : part.start()], "\n" * len(part[0])
        thought += "\n" * (part.start() - at), part[0]
        at = part.end()
    # All text after the reasoning may be JSON as it is: a number or a word, too.
    answer = _Document(at, len(text))
    if at and _read_scalar(text, answer):
        return [answer], False
    found, broken = _read_all(text, "".join(said) + text[at:])
    # A draft in the reasoning is not the answer if there is an answer that cannot be read.
    return (found, False) if found or broken else (_read_all(text, "".join(thought))[0], True)


def _read_all(text: str, shown: str) -> tuple[list[_Document], bool]:
    """Return the documents, none of them part of another, and whether there was one that cannot be read.

    shown: the text, blank where no document begins.
    """
    found: list[_Document] = []
    broken = False
    whole = WholeDocuments(shown)
    fences = {match.end() for match in _FENCE.finditer(shown)}
    for start in sorted(fences.union(match.start() for match in _OPENER.finditer(shown))):
        if start < whole.at:
            continue
        whole.pass_text(start)
        one = _Document(start, start, start in fences)
        if not _OPENER.match(text, start):
            one.end = max(text.find("```", start), start)
            if _read_scalar(text, one):
                whole.pass_scalar(start, one.end)
                found.append(one)
        elif not whole.opens_phrase(start):
            if (seems_json := _read_document(text, one)) is None:
                if whole.pass_document(start, one.end, complete=one.reader.complete):
                    found.append(one)
            elif seems_json:
                broken = True
                whole.pass_broken(one.end)
            else:
                whole.at = one.end
    starting = whole.finish()
    remaining = [one for one in found if one.start in starting]
    return remaining, broken or len(remaining) < len(found)


def _read_document(text: str, found: _Document) -> bool | None:
    """Read a list or an object.

    Return None if that succeeded; True for what looks like a document, or like a part of one, and cannot be read; False
    for other text.
    """
    found.end, closed = closing_bracket(text, found.start)
    end, reader = found.end, PartialJSON(loose=True, unclosed=True)
    found.reader = reader
    try:
        reader.feed(text[found.start : end])
        if closed or end == len(text):
            if not closed:
                reader.note(LEFT_OPEN)
            return None
    except DecodeError:
        pass
    # Brackets that close, around no quotes, are a phrase, or a reference to code.
    return not closed or text.find('"', found.start, end) >= 0 or _DOCUMENT.match(text, found.start) is not None


def _read_scalar(text: str, found: _Document) -> bool:
    """Read all of a document, which may be a string, a number or a word; return whether that succeeded."""
    try:
        found.reader.finish(text[found.start : found.end])
    except DecodeError:
        return False
    return True
