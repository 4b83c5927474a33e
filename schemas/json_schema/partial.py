"""Read a JSON value while its text arrives; what was published never has to be withdrawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, NoReturn, TypeAlias

from ..errors import DecodeError
from ..json_types import JSONValue
from .decode import MAX_DIGITS

__all__ = ["MISSING", "Hold", "Missing", "PartialJSON", "Path", "complete"]

Path: TypeAlias = tuple[str | None, ...]
"""The position of a value: the names of the properties that lead to it; None for an item of a list."""
Hold: TypeAlias = Callable[[Path, bool], bool]
"""Says whether the value that begins at a path is held back; True is passed for a null, False for a string."""


class Missing(Enum):
    """The type of MISSING, which means that nothing of the value is known yet. It is false, and is not JSON's null."""

    MISSING = "MISSING"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING
MAX_DEPTH: Final = 1_000
MAX_WORD: Final = 4_000

_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_SCALAR = re.compile(r"[^\s,\]}\[{\":]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9]\d*))((?:\.\d+)?(?:[eE][+-]?\d+)?)", re.ASCII)
_FENCE = re.compile(r"```[^\S\n]*(?:json|JSON)?[^\S\n]*\n")
_FENCE_SOON = re.compile(r"(?:`{0,2}|```[^\S\n]{0,8}[A-Za-z]{0,4}[^\S\n]{0,8})\Z")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LITERALS = {"true": True, "false": False, "null": None}
# A string longer than this is published only when it has grown by a sixteenth, so that the cost stays linear.
_LONG: Final = 65_536

# What may follow.
_VALUE, _FIRST_ITEM, _FIRST_NAME, _NAME, _COLON, _MORE, _END = range(7)


def complete(text_prefix: str, *, fenced: bool = False) -> Any:
    """Return what is certain of a JSON document from its beginning; MISSING if nothing is.

    text_prefix: the beginning of the document.
    fenced: skip a Markdown code fence around it.

    Raises as PartialJSON does.
    """
    return PartialJSON(fenced=fenced).feed(text_prefix)


class PartialJSON:
    """A reader of JSON text in pieces, whose `value` is what is certain after each piece.

    A number, `true`, `false`, `null` or a name appears when it has ended, an escape when it is complete. Strings, lists
    and objects appear when they begin, and grow. So everything published is part of the final value. The same lists and
    objects grow in place, which keeps the cost linear in the text: copy the value to keep one state of it.
    """

    def __init__(self, *, fenced: bool = False, hold: Hold | None = None) -> None:
        """Begin to read.

        fenced: skip a Markdown code fence around the document.
        hold: says for each null in an object and each string whether to hold it back: such a null is left out, such a
            string appears when it has ended. By default, nothing is held back.
        """
        self.value: Any = MISSING
        self._fenced = fenced
        self._hold = hold
        self._held = False
        self._rest = ""
        self._at = 0
        self._expect = _VALUE
        self._open: list[dict[str, Any] | list[Any]] = []
        self._names: list[str | None] = []
        self._string: list[str] | None = None
        self._string_is_name = False
        self._length = self._published = 0
        self._started = not fenced
        self._fence_closed = False
        self._ended = False
        self._failure: DecodeError | None = None

    @property
    def complete(self) -> bool:
        """Whether the document has ended; a number alone ends only with `finish`."""
        return self._expect == _END and self._string is None

    @property
    def settled(self) -> bool:
        """Whether the text so far ends after a complete value: at most, closing brackets are missing."""
        return self._expect in (_MORE, _END) and self._string is None and not self._rest.strip()

    def feed(self, text: str) -> Any:
        """Read the next piece of text; return the value so far, or MISSING.

        Raises DecodeError, as `decode.loads_exact` does, for text that is not JSON.
        """
        if self._failure is not None:
            raise self._failure
        self._rest += text
        if not self._started and not self._pass_fence():
            return self.value
        position = 0
        try:
            while (after := self._advance(position)) is not None:
                position = after
        except DecodeError as failure:
            self._failure = failure
            raise
        self._at += position
        self._rest = self._rest[position:]
        self._publish_string()
        return self.value

    def finish(self) -> Any:
        """End the text and return the whole value. Raises DecodeError if the document is not complete."""
        self._ended = True
        self._started = True
        self.feed("")
        if not self.complete:
            raise DecodeError(f"the JSON ends before its value does, at character {self._at + len(self._rest)}")
        return self.value

    def _pass_fence(self) -> bool:
        """Skip an opening code fence; return False while it is not certain whether there is one."""
        before = len(self._rest)
        self._rest = self._rest.lstrip("\ufeff \t\n\r")
        self._at += before - len(self._rest)
        if _FENCE_SOON.match(self._rest):
            return False
        if fence := _FENCE.match(self._rest):
            self._at += fence.end()
            self._rest = self._rest[fence.end() :]
        self._started = True
        return True

    def _advance(self, position: int) -> int | None:
        """Read one token; return its end, or None if it is not complete yet."""
        if self._string is not None:
            return self._read_string(position, self._string)
        text = self._rest
        start = _SPACE.match(text, position).end()  # type: ignore[union-attr]
        if start == len(text):
            return start if start > position else None
        char = text[start]
        if self._expect == _END:
            if self._fenced and (self._fence_closed or char == "`"):
                self._fence_closed = True
                return len(text)
            self._fail("more text after the value", start)
        if self._expect == _COLON:
            if char != ":":
                self._fail("expected ':'", start)
            self._expect = _VALUE
            return start + 1
        if char in "]}":
            return self._close(char, start)
        if self._expect == _MORE:
            if char != ",":
                self._fail("expected ',' or the end of the list or object", start)
            self._expect = _NAME if isinstance(self._open[-1], dict) else _VALUE
            return start + 1
        if char == '"':
            return self._open_string(start)
        if self._expect in (_FIRST_NAME, _NAME):
            self._fail("expected a name in double quotes", start)
        if char in "[{":
            return self._open_container(char, start)
        return self._read_scalar(start)

    def _open_container(self, char: str, start: int) -> int:
        if len(self._open) >= MAX_DEPTH:
            self._fail(f"nested more than {MAX_DEPTH} levels deep", start)
        fresh: dict[str, Any] | list[Any] = {} if char == "{" else []
        self._place(fresh)
        self._open.append(fresh)
        self._names.append(None)
        self._expect = _FIRST_NAME if char == "{" else _FIRST_ITEM
        return start + 1

    def _close(self, char: str, start: int) -> int:
        allowed = (_FIRST_NAME, _MORE) if char == "}" else (_FIRST_ITEM, _MORE)
        if not self._open or isinstance(self._open[-1], dict) != (char == "}") or self._expect not in allowed:
            self._fail(f"unexpected '{char}'", start)
        self._open.pop()
        self._names.pop()
        self._settle()
        return start + 1

    def _open_string(self, start: int) -> int:
        self._string_is_name = self._expect in (_FIRST_NAME, _NAME)
        self._string = []
        self._length = self._published = 0
        if not self._string_is_name:
            self._held = self._hold is not None and self._hold(tuple(self._names), False)
            if not self._held:
                self._place("")
        return start + 1

    def _read_string(self, position: int, pieces: list[str]) -> int | None:
        text = self._rest
        end = _PLAIN.match(text, position).end()  # type: ignore[union-attr]
        if end > position:
            pieces.append(text[position:end])
            self._length += end - position
            return end
        if end == len(text):
            return None
        if text[end] == '"':
            self._end_string(end)
            return end + 1
        if text[end] != "\\":
            self._fail("a control character in a string", end)
        escape = self._read_escape(end)
        if escape is None:
            return None
        piece, after = escape
        pieces.append(piece)
        self._length += len(piece)
        return after

    def _read_escape(self, start: int) -> tuple[str, int] | None:
        text = self._rest
        if len(text) < start + 2:
            return None
        if text[start + 1] != "u":
            if text[start + 1] not in _ESCAPES:
                self._fail("an unknown escape in a string", start)
            return _ESCAPES[text[start + 1]], start + 2
        first = self._code_unit(start)
        if first is None:
            return None
        if not 0xD800 <= first <= 0xDFFF:
            return chr(first), start + 6
        # A lone surrogate is not a character: wait for the other half.
        after = text[start + 6 : start + 12]
        if first >= 0xDC00 or (after and not after.startswith("\\u"[: len(after)])):
            return "\ufffd", start + 6
        second = self._code_unit(start + 6)
        if second is None:
            return None
        if not 0xDC00 <= second <= 0xDFFF:
            return "\ufffd", start + 6
        return chr(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)), start + 12

    def _code_unit(self, start: int) -> int | None:
        """Return the number of a `\\uXXXX` escape; None if the text ends inside it."""
        unit = self._rest[start : start + 6]
        if not re.fullmatch(r"\\u[0-9a-fA-F]{4}", unit):
            if re.fullmatch(r"(\\(u[0-9a-fA-F]{0,3})?)?", unit) and start + len(unit) == len(self._rest):
                return None
            self._fail("a malformed \\u escape in a string", start)
        return int(unit[2:], 16)

    def _end_string(self, end: int) -> None:
        text = "".join(self._string or ())
        self._string = None
        if not self._string_is_name:
            (self._place if self._held else self._replace)(text)
            self._held = False
            self._settle()
            return
        if text in self._open[-1]:
            self._fail("a name given twice in an object", end)
        self._names[-1] = text
        self._expect = _COLON

    def _publish_string(self) -> None:
        if self._string is None or self._string_is_name or self._held or self._length == self._published:
            return
        if self._length <= _LONG or self._length - self._published > self._published // 16:
            self._string[:] = ["".join(self._string)]
            self._published = self._length
            self._replace(self._string[0])

    def _read_scalar(self, start: int) -> int | None:
        text = self._rest
        end = _SCALAR.match(text, start).end()  # type: ignore[union-attr]
        word = text[start:end]
        if end == len(text) and not self._ended:
            if len(word) > MAX_WORD:
                self._fail("a number that is too long", start)
            return None
        if word == "null" and self._names and self._names[-1] is not None and self._hides_null():
            pass
        elif word in _LITERALS:
            self._place(_LITERALS[word])
        else:
            self._place(self._number(word, start))
        self._settle()
        return end

    def _hides_null(self) -> bool:
        return self._hold is not None and self._hold(tuple(self._names), True)

    def _number(self, word: str, start: int) -> int | float:
        number = _NUMBER.fullmatch(word)
        if number is None:
            self._fail("expected a JSON value", start)
        if not number[2]:
            if len(word) > MAX_DIGITS:
                self._fail("an integer that is too long", start)
            return int(word)
        value = float(word)
        if value in (float("inf"), float("-inf")):
            self._fail("a number too large for a float", start)
        return value

    def _place(self, value: JSONValue) -> None:
        """Add a new value at the current position."""
        if not self._open:
            self.value = value
        elif isinstance(holder := self._open[-1], list):
            holder.append(value)
        else:
            holder[str(self._names[-1])] = value

    def _replace(self, value: JSONValue) -> None:
        if self._open and isinstance(holder := self._open[-1], list):
            holder[-1] = value
        else:
            self._place(value)

    def _settle(self) -> None:
        """Go on after the end of a value."""
        self._expect = _MORE if self._open else _END

    def _fail(self, what: str, position: int) -> NoReturn:
        raise DecodeError(f"not valid JSON: {what}, at character {self._at + position}")
