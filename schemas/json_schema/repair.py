"""Read JSON that a model wrote slightly wrong, and say what was done to it."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from attrs import define, field

from ..errors import DecodeError
from .decode import loads
from .partial import MISSING, PartialJSON

__all__ = ["LEFT_OPEN", "loads", "repair"]

MAX_TRIES: Final = 20
LEFT_OPEN: Final = "closed what the text left open"
"""How the note on a text that ended before its value did begins."""

_FENCE = re.compile(r"```[^\S\n]*\w{0,20}[^\S\n]*\n\s*(?=[\[{])")
_OPENER = re.compile(r"[\[{]")
_RUN = re.compile(r'[^"{}\[\],]+')
_STRING = re.compile(r'[^"\\\x00-\x1f]+|\\.', re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")
_CLOSER = {"{": "}", "[": "]"}


def repair(text: str) -> tuple[Any, list[str]]:
    """The value, and the repairs it took: none for well-formed JSON.

    Mended: a byte order mark, code fences and prose around the document, trailing commas, raw line breaks and tabs
    in strings, lists and objects left open. Of a text that ends early only what is certain is kept, as
    `partial.PartialJSON` would publish it. The inside of a string is never changed otherwise. Raises DecodeError,
    as `decode.loads` does, for what light repair cannot mend.
    """
    try:
        return loads(text), []
    except DecodeError as error:
        failure = error
    found = _longest(text)
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
    value: Any = MISSING
    whole: bool = True
    repairs: dict[str, int] = field(factory=dict)

    def note(self, what: str, count: int = 1) -> None:
        self.repairs[what] = self.repairs.get(what, 0) + count


def _longest(text: str) -> _Mended | None:
    """The longest document in the text; one in a code fence before any other, a whole one before a cut one."""
    fenced = [match.end() for match in _FENCE.finditer(text)]
    found: list[_Mended] = []
    tries, passed = 0, 0
    for start in [*fenced, *(match.start() for match in _OPENER.finditer(text))]:
        if start < passed and start not in fenced:
            continue
        if tries == MAX_TRIES:
            break
        mended = _mended(text, start)
        if mended is None:
            tries += 1
        else:
            found.append(mended)
            passed = max(passed, mended.end)
    return max(found, key=lambda one: (one.whole, one.start in fenced, one.end - one.start), default=None)


def _mended(text: str, start: int) -> _Mended | None:
    found = _Mended(start, start)
    mended = _mend(text, found)
    try:
        if found.whole:
            found.value = loads(mended)
        else:
            found.value = PartialJSON().feed(mended)
            found.note(LEFT_OPEN)
    except DecodeError:
        return None
    return found


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
        pieces.append(json.dumps(char)[1:-1])
        found.note("escaped a control character in a string")
    return at
