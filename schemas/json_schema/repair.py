"""Read JSON that a model wrote slightly wrong, and say what was done to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import define, field

from ..errors import DecodeError
from ..json_text import spaced
from .decode import loads_exact
from .partial import MAX_DEPTH, MISSING, PartialJSON

__all__ = ["LEFT_OPEN", "goes_on", "loads_exact", "repair"]

MAX_READINGS: Final = 20
"""How often a text is read, at most: what is tried and found to be no JSON is read again from its next bracket."""
MAX_CANDIDATES: Final = 50
LEFT_OPEN: Final = "closed what the text left open"
"""How the note on a text that ended before its value did begins."""

_FENCE = re.compile(r"```[^\S\n]{0,8}\w{0,20}[^\S\n]{0,8}\n\s*")
# Models that think in their text mark it so; some servers swallow the opening mark.
_THOUGHT = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_OPENER = re.compile(r"[\[{]")
_RUN = re.compile(r'[^"{}\[\],]+')
_STRING = re.compile(r'[^"\\\x00-\x1f]+|\\.', re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")
_CLOSER = {"{": "}", "[": "]"}
# What opens a JSON document and no phrase in brackets: an object's first name, in quotes or as JavaScript and Python
# write it, or a list whose first item that is no number or word is a string or an object. All repeats are bounded.
_NAME = r"""\{\s{0,200}+(?:["']|//|/\*|[A-Za-z_$][\w$]{0,100}+\s{0,20}+:)"""
_WORDS = r"(?:(?:-?\d[\d.eE+-]{0,30}+|true|false|null)\s{0,20}+,\s{0,200}+){0,200}+"
_DOCUMENT = re.compile(rf"""{_NAME}|(?:\[\s{{0,200}}+{_WORDS}){{1,20}}+(?:["']|{_NAME})""")
# Behind a list or an object: more of what it was torn out of. A stray bracket alone, or a comma and words, is nothing.
_TEXT = r'"(?:[^"\\]|\\.){0,1000}+'
_MORE = re.compile(rf"""[\s\]}}]*+(?:,\s*+{_TEXT}(?:"\s*+[:\]}}]|\Z)|{_TEXT}"\s*+:)""", re.DOTALL)
_SIBLING = re.compile(r"[\s\]}]*+,\s*+([\[{])")
_NAMED = re.compile(rf"(?:\A[\s\]}}]*+|[,{{\[\n])\s*+{_TEXT}\"\s*+:\s*+\Z", re.DOTALL)
_BEFORE = 300


def repair(text: str, fits: Callable[[Any], bool] | None = None, *, cut: bool = True) -> tuple[Any, list[str]]:
    """The value, and the repairs it took: none for well-formed JSON.

    Mended: a byte order mark, code fences and prose around the document, trailing commas, raw line breaks and tabs
    in strings, lists and objects left open. Of a text that ends early only what is certain is kept, as
    `partial.PartialJSON` would publish it. The inside of a string is never changed otherwise. Of several documents one
    that stands outside of the model's thoughts (`<think>`) is taken, one that `fits`, a whole one, one in a code fence,
    and then the last: what is said last is meant. What stands inside a document that cannot be mended is a part of it
    and is never taken for the whole. Without `cut`, a text that ends inside a value is not mended either: only closing
    brackets may be missing. Raises DecodeError, as `decode.loads` does, for what light repair cannot mend.
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
class _Repaired:
    """A document found in a text, from `start` to `end`."""

    start: int
    end: int
    fenced: bool = False
    value: Any = MISSING
    whole: bool = True
    cut: bool = False
    broken: bool = False
    repairs: dict[str, int] = field(factory=dict)

    def note(self, what: str, count: int = 1) -> None:
        self.repairs[what] = self.repairs.get(what, 0) + count


def _best(found: list[_Repaired], fits: Callable[[Any], bool] | None) -> _Repaired | None:
    """The document that is meant; a string or a number in a fence only where there is no object and no list."""
    by_rank = sorted(found, key=lambda one: (isinstance(one.value, dict | list), one.whole, one.fenced, one.start))
    candidates = by_rank[-MAX_CANDIDATES:][::-1]
    if fits is not None and len(candidates) > 1:
        return next((one for one in candidates if fits(one.value)), candidates[0])
    return candidates[0] if candidates else None


def _documents(text: str) -> list[_Repaired]:
    """The documents in the text; those in the model's thoughts only where there are no others."""
    thoughts = _thoughts(text)
    fences = {match.end() for match in _FENCE.finditer(text)}
    starts = sorted(fences.union(match.start() for match in _OPENER.finditer(text)))
    said: list[int] = []
    thought: list[int] = []
    at = 0
    for start in starts:
        while at < len(thoughts) and thoughts[at][1] <= start:
            at += 1
        inside = at < len(thoughts) and thoughts[at][0] <= start
        (thought if inside else said).append(start)
    if bare := _bare(text, thoughts):
        return bare
    found, broken = _read(text, said, fences)
    # A draft is not the answer where the answer itself is there and cannot be read.
    return found if found or broken else _read(text, thought, fences)[0]


def _thoughts(text: str) -> list[tuple[int, int]]:
    """Where the model thinks. A mark that only closes ends what began with the text, one that only opens never ends."""
    found: list[tuple[int, int]] = []
    opened: int | None = None
    for mark in _THOUGHT.finditer(text):
        if not mark[1]:
            opened = mark.start() if opened is None else opened
        elif opened is not None or not found:
            found.append((opened or 0, mark.end()))
            opened = None
    return found if opened is None else [*found, (opened, len(text))]


def _bare(text: str, thoughts: list[tuple[int, int]]) -> list[_Repaired]:
    """All that follows the thoughts, if it is JSON as it stands: so a number or a word is read, too."""
    if not thoughts:
        return []
    start = thoughts[-1][1]
    try:
        return [_Repaired(start, len(text), value=loads_exact(text[start:]))]
    except DecodeError:
        return []


def _read(text: str, starts: Iterable[int], fences: set[int]) -> tuple[list[_Repaired], bool]:
    """The documents, and whether there was one that cannot be read. Where one ends the next may begin, not before."""
    found: list[_Repaired] = []
    broken = False
    passed, left = 0, MAX_READINGS * len(text)
    for start in starts:
        if start < passed:
            continue
        if left <= 0:
            break
        one = _Repaired(start, start, start in fences)
        bracketed = text[start : start + 1] in _CLOSER
        read = _repaired(text, one) if bracketed else _scalar(text, one)
        left -= max(one.end - start, 1)
        if read and bracketed and (_torn_out(text, one.start, passed) or goes_on(text, one.end)):
            one.broken, read = True, False
        if read:
            found.append(one)
        if read or one.broken:
            passed = max(passed, one.end)
        broken = broken or one.broken
    return found, broken


def goes_on(text: str, end: int) -> bool:
    """Whether a list or an object that ends here is followed by more of the one that it was torn out of: by a name and
    a colon, or by a comma and another of its kind."""
    if _MORE.match(text, end):
        return True
    sibling = _SIBLING.match(text, end)
    return sibling is not None and _CLOSER[sibling[1]] == text[end - 1 : end]


def _torn_out(text: str, start: int, passed: int) -> bool:
    """Whether a list or an object that begins here is the value of a name, or the next after a comma."""
    before = text[max(start - _BEFORE, passed) : start].rstrip()
    if before.endswith(":"):
        # A name that begins where the last document ended, or the text, or a line.
        return _NAMED.search(before if start - _BEFORE <= passed else f".{before}") is not None
    return passed > 0 and text[passed:start].strip() == "," and _CLOSER[text[start]] == text[passed - 1]


def _repaired(text: str, found: _Repaired) -> bool:
    repaired = _repair(text, found)
    try:
        if found.whole:
            found.value = loads_exact(repaired)
            return True
        partial = PartialJSON()
        found.value = partial.feed(repaired)
        found.note(LEFT_OPEN)
        found.cut = not partial.settled
        if not found.broken:
            return True
    except DecodeError:
        pass
    found.broken = _DOCUMENT.match(text, found.start) is not None
    return False


def _scalar(text: str, found: _Repaired) -> bool:
    """A string, a number or a word that is alone in its code fence."""
    found.end = text.find("```", found.start)
    if found.end < 0:
        found.end = len(text)
        return False
    try:
        found.value = loads_exact(text[found.start : found.end])
    except DecodeError:
        return False
    return True


def _repair(text: str, found: _Repaired) -> str:
    """Copy one document, mending on the way; `found` learns where it ends and what was done."""
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
                # No value has these marks outside of a string: the code block is over, or another begins.
                found.end, found.whole, found.broken = at + fence, False, True
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
    found.end, found.whole = len(text), False
    return "".join(pieces)


def _close(char: str, stack: list[str], pieces: list[str], found: _Repaired) -> None:
    """Close as `char` says; what it would leave open inside is closed first."""
    if char in (_CLOSER[opener] for opener in stack):
        while _CLOSER[stack[-1]] != char:
            pieces.append(_CLOSER[stack.pop()])
            found.note("closed an open list or object")
        stack.pop()
    pieces.append(char)


def _copy_string(text: str, at: int, pieces: list[str], found: _Repaired) -> int:
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
            # The text ends in the middle of an escape.
            return len(text)
        pieces.append(spaced(char)[1:-1])
        found.note("escaped a control character in a string")
    return at
