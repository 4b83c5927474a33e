"""Read slightly malformed JSON of a model, and list the repairs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import define, field

from ..errors import DecodeError
from ..json_text import spaced
from .decode import loads_exact
from .partial import MAX_DEPTH, MISSING, PartialJSON
from .whole import CLOSER, WholeDocuments

__all__ = ["LEFT_OPEN", "loads_exact", "repair"]

MAX_CANDIDATES: Final = 50
LEFT_OPEN: Final = "closed what the text left open"
"""The repair of a text that ended before its value did; more may follow it."""

_FENCE = re.compile(r"```[^\S\n]{0,8}\w{0,20}[^\S\n]{0,8}\n\s*")
# Tags around the reasoning that some models write into their text; some servers remove the opening one.
_REASONING_TAG = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_OPENER = re.compile(r"[\[{]")
_RUN = re.compile(r'[^"{}\[\],]+')
_STRING = re.compile(r'[^"\\\x00-\x1f]+|\\.', re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")
# The beginning of a JSON document, as opposed to a phrase in brackets: an object with its first name, in quotes or as
# JavaScript and Python write it, or a list whose items are numbers or words up to a string or an object. All repeats
# are bounded.
_NAME = r"""\{\s{0,200}+(?:["']|//|/\*|[A-Za-z_$][\w$]{0,100}+\s{0,20}+:)"""
_WORDS = r"(?:(?:-?\d[\d.eE+-]{0,30}+|true|false|null)\s{0,20}+,\s{0,200}+){0,200}+"
_DOCUMENT = re.compile(rf"""{_NAME}|(?:\[\s{{0,200}}+{_WORDS}){{1,20}}+(?:["']|{_NAME})""")


def repair(text: str, fits: Callable[[Any], bool] | None = None, *, cut: bool = True) -> tuple[Any, list[str]]:
    """Return the value of a text, and the repairs; none for well-formed JSON.

    text: the text.
    fits: says which of several documents is meant.
    cut: accept a text that ends inside a value. Without it only closing brackets may be missing.

    Repaired are a byte order mark, code fences and prose around the document, trailing commas, raw line breaks and tabs
    in strings, and lists and objects left open. Nothing else in a string is changed. Of a text that ends early only
    what is certain is kept, as `partial.PartialJSON` would publish it.

    Of several documents, those outside of the model's reasoning (`<think>`) come first, then those that fit, complete
    ones, ones in a code fence, and the last. A part of a document that cannot be repaired is never taken for the whole:
    what stands around a document may be prose, but no more of a list or an object. In doubt, nothing is taken.
    Raises DecodeError, as `decode.loads_exact` does, for what cannot be repaired so.
    """
    try:
        return loads_exact(text), []
    except DecodeError as error:
        failure = error
    documents = _documents(text)
    found = _best([one for one in documents if cut or not one.cut], fits)
    if found is None:
        if documents:
            raise DecodeError(f"the JSON ends before its value does, at character {len(text)}")
        raise failure
    before, after = text[: found.start], text[found.end :]
    repairs = []
    if "\ufeff" in before:
        repairs.append("removed a byte order mark")
    if "```" in before or "```" in after:
        repairs.append("removed a code fence")
    if re.sub(r"```\w*|[\s\ufeff]", "", before) or re.sub(r"```|\s", "", after):
        repairs.append("removed text around the JSON")
    return found.value, repairs + [f"{what} ({count})" for what, count in found.repairs.items()]


@define
class _Document:
    """A document in a text, from `start` to `end`."""

    start: int
    end: int
    fenced: bool = False
    """Whether it is in a code fence."""
    value: Any = MISSING
    complete: bool = True
    """Whether its closing bracket was found."""
    cut: bool = False
    """Whether the text ends inside a value."""
    broken: bool = False
    """Whether it looks like a document, or like a part of one, but cannot be read."""
    repairs: dict[str, int] = field(factory=dict)
    """How often each repair was made."""

    def note(self, what: str, count: int = 1) -> None:
        """Count a repair."""
        self.repairs[what] = self.repairs.get(what, 0) + count


def _best(found: list[_Document], fits: Callable[[Any], bool] | None) -> _Document | None:
    """Choose the document that is meant: a string or a number in a fence only if there is no object and no list."""
    by_rank = sorted(found, key=lambda one: (isinstance(one.value, dict | list), one.complete, one.fenced, one.start))
    candidates = by_rank[-MAX_CANDIDATES:][::-1]
    if fits is not None and len(candidates) > 1:
        return next((one for one in candidates if fits(one.value)), candidates[0])
    return candidates[0] if candidates else None


def _documents(text: str) -> list[_Document]:
    """Return the documents in the text; those in the model's reasoning only if there are no others."""
    ranges = _reasoning_ranges(text)
    fences = {match.end() for match in _FENCE.finditer(text)}
    starts = sorted(fences.union(match.start() for match in _OPENER.finditer(text)))
    outside: list[int] = []
    reasoning: list[int] = []
    at = 0
    for start in starts:
        while at < len(ranges) and ranges[at][1] <= start:
            at += 1
        inside = at < len(ranges) and ranges[at][0] <= start
        (reasoning if inside else outside).append(start)
    if rest := _after_reasoning(text, ranges):
        return rest
    said, thought = _separated(text, ranges)
    found, broken = _read_all(text, said, outside, fences)
    # A draft in the reasoning is not the answer if there is an answer that cannot be read.
    return found if found or broken or not reasoning else _read_all(text, thought, reasoning, fences)[0]


def _separated(text: str, ranges: list[tuple[int, int]]) -> tuple[str, str]:
    """Return the text with its reasoning blank, and the reasoning with all else blank, both as long as the text."""
    if not ranges:
        return text, ""
    said: list[str] = []
    thought: list[str] = []
    at = 0
    for start, end in ranges:
        said += text[at:start], "\n" * (end - start)
        thought += "\n" * (start - at), text[start:end]
        at = end
    return "".join(said) + text[at:], "".join(thought) + "\n" * (len(text) - at)


def _reasoning_ranges(text: str) -> list[tuple[int, int]]:
    """Return the ranges of reasoning. One without an opening tag begins with the text, one without a closing tag ends
    with it."""
    found: list[tuple[int, int]] = []
    opened: int | None = None
    for mark in _REASONING_TAG.finditer(text):
        if not mark[1]:
            opened = mark.start() if opened is None else opened
        elif opened is not None or not found:
            found.append((opened or 0, mark.end()))
            opened = None
    return found if opened is None else [*found, (opened, len(text))]


def _after_reasoning(text: str, ranges: list[tuple[int, int]]) -> list[_Document]:
    """Return all text after the reasoning if it is JSON as it is, which may be a number or a word."""
    if not ranges:
        return []
    start = ranges[-1][1]
    try:
        return [_Document(start, len(text), value=loads_exact(text[start:]))]
    except DecodeError:
        return []


def _read_all(text: str, shown: str, starts: Iterable[int], fences: set[int]) -> tuple[list[_Document], bool]:
    """Return the documents, none of them part of another, and whether there was one that cannot be read.

    shown: the text, blank where it says nothing about the documents that begin at these places.
    """
    found: list[_Document] = []
    broken = False
    whole = WholeDocuments(shown)
    for start in starts:
        if start < whole.at:
            continue
        one = _Document(start, start, start in fences)
        if text[start : start + 1] not in CLOSER:
            if _scalar(text, one):
                whole.pass_scalar(start, one.end)
                found.append(one)
        elif whole.skipped(start):
            continue
        elif _read_document(text, one):
            if whole.pass_document(start, one.end, CLOSER[text[start]], complete=one.complete):
                found.append(one)
        elif one.broken:
            whole.pass_broken(start, one.end)
            broken = True
        else:
            whole.pass_words(start, one.end)
    starting = whole.finish()
    remaining = [one for one in found if one.start in starting]
    return remaining, broken or len(remaining) < len(found)


def _read_document(text: str, found: _Document) -> bool:
    copy = _repair(text, found)
    try:
        if found.complete:
            found.value = loads_exact(copy)
            return True
        partial = PartialJSON()
        found.value = partial.feed(copy)
        found.note(LEFT_OPEN)
        found.cut = not partial.settled
        if not found.broken:
            return True
    except DecodeError:
        pass
    # Brackets that close, around no quotes, are a phrase, or a reference to code.
    phrase = found.complete and not found.broken and '"' not in copy
    found.broken = not phrase or _DOCUMENT.match(text, found.start) is not None
    return False


def _scalar(text: str, found: _Document) -> bool:
    """Read a string, a number or a word that is alone in its code fence; return whether that succeeded."""
    found.end = text.find("```", found.start)
    if found.end < 0:
        found.end = len(text)
        return False
    try:
        found.value = loads_exact(text[found.start : found.end])
    except DecodeError:
        return False
    return True


def _repair(text: str, found: _Document) -> str:
    """Copy one document and repair it; set in `found` where it ends, and note the repairs."""
    pieces: list[str] = []
    stack: list[str] = []
    at = found.start
    while at < len(text):
        char = text[at]
        if char == '"':
            at = _copy_string(text, at, pieces, found)
            continue
        if run := _RUN.match(text, at):
            if (fence := run[0].find("```")) >= 0:
                # No value has these marks outside of a string: the code block ends, or another begins.
                found.end, found.complete, found.broken = at + fence, False, True
                return "".join(pieces)
            pieces.append(run[0])
            at = run.end()
            continue
        at += 1
        if char == ",":
            following = text[_SPACE.match(text, at).end() :][:1]  # type: ignore[union-attr]
            if following in ("]", "}"):
                found.note("removed a trailing comma")
            else:
                pieces.append(char)
        elif char in "{[":
            if len(stack) >= MAX_DEPTH:
                found.broken = True
                break
            stack.append(char)
            pieces.append(char)
        else:
            _close(char, stack, pieces, found)
            if not stack:
                found.end = at
                return "".join(pieces)
    found.end, found.complete = len(text), False
    return "".join(pieces)


def _close(char: str, stack: list[str], pieces: list[str], found: _Document) -> None:
    """Write a closing bracket; close first what is still open inside."""
    if char in (CLOSER[opener] for opener in stack):
        while CLOSER[stack[-1]] != char:
            pieces.append(CLOSER[stack.pop()])
            found.note("closed an open list or object")
        stack.pop()
    pieces.append(char)


def _copy_string(text: str, at: int, pieces: list[str], found: _Document) -> int:
    pieces.append('"')
    at += 1
    while at < len(text):
        if plain := _STRING.match(text, at):
            pieces.append(plain[0])
            at = plain.end()
            continue
        char = text[at]
        at += 1
        if char == '"':
            pieces.append(char)
            return at
        if char == "\\":
            # The text ends inside an escape.
            return len(text)
        pieces.append(spaced(char)[1:-1])
        found.note("escaped a control character in a string")
    return at
