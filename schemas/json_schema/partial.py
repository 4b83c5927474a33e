"""Read JSON text in pieces, strictly or with repairs: the only reader of JSON that grows or is slightly malformed.

What was published never has to be withdrawn. No text can overflow the stack, and the time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, NoReturn, TypeAlias

from attrs import Factory, define, field

from ..errors import DecodeError
from ..json_text import JSONDecodeError, loads, loads_fast, well_formed
from ..json_types import JSONValue
from .decode import loads_exact

__all__ = ["CLOSER", "MAX_DEPTH", "MISSING", "Hold", "Missing", "PartialJSON", "Path", "closing_bracket"]

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
CLOSER: Final = {"{": "}", "[": "]", "(": ")"}

_SPACE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^\s,\]}\[{\":()]*")
_FENCE = re.compile(r"```[^\S\n]*(?:json|JSON)?[^\S\n]*\n")
_FENCE_SOON = re.compile(r"(?:`{0,2}|```[^\S\n]{0,8}[A-Za-z]{0,4}[^\S\n]{0,8})\Z")
# Text in a string that is certain: half of a surrogate pair waits for what follows it.
_LOW = r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE = r"(?!(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z)"
_CODE = rf"u(?:(?![dD][89abAB])[0-9a-fA-F]{{4}}|[dD][89abAB][0-9a-fA-F]{{2}}(?:{_LOW}|{_LONE}))"
_TEXT = re.compile(rf'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|{_CODE}))*+')
_ESCAPE_SOON = re.compile(r"\\(?:u[0-9a-fA-F]{0,3}|u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?)?\Z")
_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\](){}]|```', re.DOTALL)
# A string longer than this is published only when it has grown by a sixteenth, so that the cost stays linear.
_LONG: Final = 65_536

# What may come next: the characters that it may begin with.
_VALUE, _NAME, _COLON, _END = '"[({-0123456789tfn', '"', ":", ""


def closing_bracket(text: str, start: int, *, strict: bool = False) -> tuple[int, bool]:
    """Return where a list or an object ends, and whether it is closed there.

    text: the text, of which only the brackets and strings are looked at.
    start: the place of its opening bracket.
    strict: a closing bracket of the wrong kind is an error, so that nothing is closed. By default, it closes what is
        still open inside, and is skipped if nothing is. A bracket that is never closed ends at a code fence.
    """
    closers: list[str] = []
    for token in _BRACKETS.finditer(text, start):
        char = token[0]
        if char == "```" and not strict:
            return token.start(), False
        if char in CLOSER and len(closers) < MAX_DEPTH:
            closers.append(CLOSER[char])
        elif char in CLOSER or (strict and char in "]})" and char != closers[-1]):
            break
        elif char in closers:
            while closers.pop() != char:
                pass
            if not closers:
                return token.end(), True
    return len(text), False


@define(eq=False, kw_only=True)
class PartialJSON:
    """A reader of JSON text in pieces, whose `value` is what is certain after each piece.

    A number, `true`, `false`, `null` or a name appears when it has ended, an escape when it is complete. Strings, lists
    and objects appear when they begin, and grow. So everything published is part of the final value. The same lists and
    objects grow in place, which keeps the cost linear in the text: copy the value to keep one state of it.

    It reads strictly, unless one of the fields says otherwise, and counts the repairs that it makes.
    """

    fenced: bool = False
    """Whether to skip a Markdown code fence around the document, and what follows the fence."""
    followed: bool = False
    """Whether to stop at the end of the value: any text may follow it."""
    loose: bool = False
    """Whether to repair trailing commas, and raw line breaks and tabs in strings."""
    tuples: bool = False
    """Whether to read a list in round brackets."""
    unclosed: bool = False
    """Whether a closing bracket closes what is still open inside."""
    hold: Hold | None = None
    """Says for each null in an object and each string whether to hold it back: such a null is left out, such a string
    appears when it has ended. By default, nothing is held back."""
    value: Any = field(default=MISSING, init=False)
    """The value so far; MISSING while nothing of it is known."""
    repairs: dict[str, int] = field(factory=dict, init=False)
    """How often each repair was made."""
    end: int = field(default=0, init=False)
    """Up to where the text was read, in characters."""
    _rest: str = field(default="", init=False)
    _expect: str = field(default=_VALUE, init=False)
    _open: list[Any] = field(factory=list, init=False)
    _closers: list[str] = field(factory=list, init=False)
    _names: list[str | None] = field(factory=list, init=False)
    _string: list[str] | None = field(default=None, init=False)
    _unpublished: int = field(default=0, init=False)
    _held: bool = field(default=False, init=False)
    _begun: bool = field(default=Factory(lambda self: not self.fenced, takes_self=True), init=False)
    _fence_closed: bool = field(default=False, init=False)
    _failure: DecodeError | None = field(default=None, init=False)

    @property
    def complete(self) -> bool:
        """Whether the document has ended; a number alone ends only with `finish`."""
        return self._expect == _END

    @property
    def settled(self) -> bool:
        """Whether the text so far ends after a complete value: at most, closing brackets are missing."""
        return self._expect[:1] in (_END, ",")

    def feed(self, text: str) -> Any:
        """Read the next piece of text; return the value so far, or MISSING.

        Raises DecodeError, as `decode.loads_exact` does, for text that is not JSON.
        """
        if self._failure is not None:
            raise self._failure
        text = self._rest + text
        before, at = -1, 0 if self._begun else self._skip_fence(text)
        try:
            while self._begun and before < at < len(text):
                before, at = at, self._advance(text, at)
        except DecodeError as failure:
            self._failure = failure
            raise
        self.end += at
        self._rest = text[at:]
        if self._unpublished:
            self._publish_string()
        return self.value

    def finish(self, text: str = "") -> Any:
        """Read the last piece of text; return the whole value. Raises DecodeError if the document is not complete."""
        self.feed(text)
        if not self.complete and self._string is None:
            self.feed("\n")  # ends a number
        if not self.complete:
            raise DecodeError(f"the JSON ends before its value does, at character {self.end + len(self._rest)}")
        return self.value

    def note(self, repair: str) -> None:
        """Count a repair."""
        self.repairs[repair] = self.repairs.get(repair, 0) + 1

    def _skip_fence(self, text: str) -> int:
        """Return where the document begins; it has not begun while it is not certain whether there is a code fence."""
        start = len(text) - len(text.lstrip("\ufeff \t\n\r"))
        fence = _FENCE.match(text, start)
        self._begun = fence is not None or not _FENCE_SOON.match(text, start)
        return fence.end() if fence else start

    def _advance(self, text: str, at: int) -> int:
        """Read one token; return its end, or the same place if the token is not complete yet."""
        if self._string is not None:
            return self._read_string(text, at, self._string)
        start = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        if start == len(text):
            return start
        char = text[start]
        if char not in self._expect:
            if self.followed and not self._expect:
                return at
            if self._fence_closed or (self.fenced and not self._expect and char == "`"):
                self._fence_closed = True
                return len(text)
            self._close_inside(char, start)
        if char == '"':
            self._open_string()
        elif char == ",":
            closer = self._closers[-1]
            self._expect = (_NAME if closer == "}" else _VALUE) + (closer if self.loose else "")
        elif char == ":":
            self._expect = _VALUE
        elif char in CLOSER:
            self._open_container(char, start)
        elif char in "]})":
            self._close()
        else:
            return self._read_scalar(text, start)
        return start + 1

    def _close_inside(self, char: str, at: int) -> None:
        """Close what is open inside of the list or object that a bracket closes. Raises DecodeError if none is."""
        while (
            self.unclosed and char not in self._expect and char in self._closers and self._closers[-1] in self._expect
        ):
            self._close()
            self.note("closed an open list or object")
        if char not in self._expect:
            wanted = "a JSON value" if "[" in self._expect else " or ".join(map(repr, self._expect[:2]))
            self._fail(f"expected {wanted or 'the end of the text'}", at)

    def _open_container(self, char: str, at: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._fail(f"nested more than {MAX_DEPTH} levels deep", at)
        if char == "(":
            if not self.tuples:
                self._fail("expected a JSON value", at)
            self.note("replaced round brackets")
        fresh: dict[str, Any] | list[Any] = {} if char == "{" else []
        self._place(fresh)
        self._open.append(fresh)
        self._closers.append(CLOSER[char])
        self._names.append(None)
        self._expect = (_NAME if char == "{" else _VALUE) + CLOSER[char]

    def _close(self) -> None:
        if self._open.pop() and self._expect[0] != ",":
            self.note("removed a trailing comma")
        self._closers.pop()
        self._names.pop()
        self._settle()

    def _open_string(self) -> None:
        self._string = []
        if "[" in self._expect:
            self._held = self._holds(null=False)
            if not self._held:
                self._place("")

    def _read_string(self, text: str, at: int, pieces: list[str]) -> int:
        end = _TEXT.match(text, at).end()  # type: ignore[union-attr]
        if end > at:
            piece = text[at:end]
            pieces.append(loads(f'"{piece}"') if "\\" in piece else piece)
            self._unpublished += end - at
        if end == len(text) or _ESCAPE_SOON.match(text, end):
            return end
        if text[end] == '"':
            self._end_string("".join(pieces), end)
        elif text[end] != "\\" and self.loose:
            pieces.append(text[end])
            self._unpublished += 1
            self.note("escaped a control character in a string")
        else:
            self._fail("a malformed escape or a control character in a string", end)
        return end + 1

    def _end_string(self, text: str, at: int) -> None:
        text = well_formed(text)
        self._string, self._unpublished = None, 0
        if "[" not in self._expect:
            if text in self._open[-1]:
                self._fail("a name given twice in an object", at)
            self._names[-1], self._expect = text, _COLON
            return
        (self._place if self._held else self._replace)(text)
        self._held = False
        self._settle()

    def _publish_string(self) -> None:
        """Show what a string has grown by, unless it is a name or held back."""
        if self._string is None or self._held or "[" not in self._expect:
            return
        if self._unpublished > (len(self._string[0]) // 16 if len(self._string[0]) > _LONG else 0):
            self._string = ["".join(self._string)]
            self._unpublished = 0
            self._replace(self._string[0])

    def _read_scalar(self, text: str, at: int) -> int:
        end = _SCALAR.match(text, at).end()  # type: ignore[union-attr]
        word = text[at:end]
        if end == len(text):
            if len(word) > MAX_WORD:
                self._fail("a number that is too long", at)
            return at
        if word != "null" or not self._names or self._names[-1] is None or not self._holds(null=True):
            self._place(self._scalar(word, at))
        self._settle()
        return end

    def _scalar(self, word: str, at: int) -> JSONValue:
        try:
            value: JSONValue = loads_fast(word)
        except JSONDecodeError:
            self._fail("expected a JSON value", at)
        # The fast reader rounds integers over 64 bits.
        rounded = isinstance(value, float) and word.lstrip("-").isdigit()
        return loads_exact(word) if rounded else value

    def _holds(self, *, null: bool) -> bool:
        return self.hold is not None and self.hold(tuple(self._names), null)

    def _place(self, value: JSONValue) -> None:
        """Add a new value at the current position."""
        if not self._open:
            self.value = value
        elif isinstance(holder := self._open[-1], list):
            holder.append(value)
        else:
            holder[self._names[-1]] = value

    def _replace(self, value: JSONValue) -> None:
        if self._open and isinstance(holder := self._open[-1], list):
            holder[-1] = value
        else:
            self._place(value)

    def _settle(self) -> None:
        """Go on after the end of a value."""
        self._expect = "," + self._closers[-1] if self._closers else _END

    def _fail(self, what: str, at: int) -> NoReturn:
        raise DecodeError(f"not valid JSON: {what}, at character {self.end + at}")
