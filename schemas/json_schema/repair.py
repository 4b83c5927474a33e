"""Read JSON that a model wrote slightly wrong, and say what was done to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import define, field

from ..errors import DecodeError
from ..json_text import spaced
from .decode import loads
from .partial import MISSING, PartialJSON

__all__ = ["LEFT_OPEN", "loads", "repair"]

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


def repair(text: str, fits: Callable[[Any], bool] | None = None) -> tuple[Any, list[str]]:
    """The value, and the repairs it took: none for well-formed JSON.

    Mended: a byte order mark, code fences and prose around the document, trailing commas, raw line breaks and tabs
    in strings, lists and objects left open. Of a text that ends early only what is certain is kept, as
    `partial.PartialJSON` would publish it. The inside of a string is never changed otherwise. Of several documents one
    that stands outside of the model's thoughts (`<think>`) is taken, one that `fits`, a whole one, one in a code fence,
    and then the last: what is said last is meant. Raises DecodeError, as `decode.loads` does, for what light repair
    cannot mend.
    """
    try:
        return loads(text), []
    except DecodeError as error:
        failure = error
    found = _best(_documents(text), fits)
    if found is None:
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
class _Mended:
    """A document found in a text, from `start` to `end`."""

    start: int
    end: int
    fenced: bool = False
    value: Any = MISSING
    whole: bool = True
    repairs: dict[str, int] = field(factory=dict)

    def note(self, what: str, count: int = 1) -> None:
        self.repairs[what] = self.repairs.get(what, 0) + count


def _best(found: list[_Mended], fits: Callable[[Any], bool] | None) -> _Mended | None:
    """The document that is meant; a string or a number in a fence only where there is no object and no list."""
    by_rank = sorted(found, key=lambda one: (isinstance(one.value, dict | list), one.whole, one.fenced, one.start))
    candidates = by_rank[-MAX_CANDIDATES:][::-1]
    if fits is not None and len(candidates) > 1:
        return next((one for one in candidates if fits(one.value)), candidates[0])
    return candidates[0] if candidates else None


def _documents(text: str) -> list[_Mended]:
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
    return _bare(text, thoughts) or _read(text, said, fences) or _read(text, thought, fences)


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


def _bare(text: str, thoughts: list[tuple[int, int]]) -> list[_Mended]:
    """All that follows the thoughts, if it is JSON as it stands: so a number or a word is read, too."""
    if not thoughts:
        return []
    start = thoughts[-1][1]
    try:
        return [_Mended(start, len(text), value=loads(text[start:]))]
    except DecodeError:
        return []


def _read(text: str, starts: Iterable[int], fences: set[int]) -> list[_Mended]:
    found: list[_Mended] = []
    passed, left = 0, MAX_READINGS * len(text)
    for start in starts:
        if start < passed and start not in fences:
            continue
        if left <= 0:
            break
        one = _Mended(start, start, start in fences)
        read = _mended(text, one) if text[start : start + 1] in _CLOSER else _scalar(text, one)
        left -= max(one.end - start, 1)
        if read:
            found.append(one)
            passed = max(passed, one.end)
    return found


def _mended(text: str, found: _Mended) -> bool:
    mended = _mend(text, found)
    try:
        if found.whole:
            found.value = loads(mended)
        else:
            found.value = PartialJSON().feed(mended)
            found.note(LEFT_OPEN)
    except DecodeError:
        return False
    return True


def _scalar(text: str, found: _Mended) -> bool:
    """A string, a number or a word that is alone in its code fence."""
    found.end = text.find("```", found.start)
    if found.end < 0:
        found.end = len(text)
        return False
    try:
        found.value = loads(text[found.start : found.end])
    except DecodeError:
        return False
    return True


def _mend(text: str, found: _Mended) -> str:
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
            stack.append(char)
            pieces.append(char)
        else:
            _close(char, stack, pieces, found)
            if not stack:
                found.end = at
                return "".join(pieces)
    found.end, found.whole = len(text), False
    return "".join(pieces)


def _close(char: str, stack: list[str], pieces: list[str], found: _Mended) -> None:
    """Close as `char` says; what it would leave open inside is closed first."""
    if char in (_CLOSER[opener] for opener in stack):
        while _CLOSER[stack[-1]] != char:
            pieces.append(_CLOSER[stack.pop()])
            found.note("closed an open list or object")
        stack.pop()
    pieces.append(char)


def _copy_string(text: str, at: int, pieces: list[str], found: _Mended) -> int:
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
