"""JSON text to values, strictly: nothing is rounded, dropped or guessed."""

from __future__ import annotations

from typing import Any, Final, NoReturn

from ..errors import DecodeError
from ..json_text import JSONDecodeError, loads_fast, loads_with, repaired

# Above some 308 digits a number no longer fits a float, and the fast reader refuses it.
MAX_DIGITS: Final = 300


def loads_exact(text: str | bytes | bytearray) -> Any:
    """The value of a JSON document, exactly: integers of any size up to 300 digits stay integers.

    Raises DecodeError, with the position but never the content, for anything else than one well-formed document:
    NaN and infinities, numbers too large for a float, a name given twice in an object, nesting beyond about 1,000
    levels, a byte order mark. Half of a surrogate pair is read as U+FFFD.
    """
    try:
        # The fast reader is the judge of what is well formed; the standard one then reads integers exactly and sees
        # names that are given twice, neither of which the fast one does.
        text = _judged(text)
        return loads_with(text, object_pairs_hook=_once, parse_constant=_refuse_constant, parse_int=_integer)
    except JSONDecodeError as error:
        raise DecodeError(f"not valid JSON: {error.msg}, at character {error.pos}") from None
    except RecursionError:
        raise DecodeError("the JSON is nested too deeply") from None


def _judged(text: str | bytes | bytearray) -> str | bytes | bytearray:
    try:
        loads_fast(text)
    except JSONDecodeError:
        text = repaired(text if isinstance(text, str) else text.decode("utf-8", "replace"))
        loads_fast(text)
    return text


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise DecodeError("the JSON has an object in which a name is given twice")
    return read


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise DecodeError(f"the JSON has an integer of {len(digits):,} digits; the limit is {MAX_DIGITS:,}")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise DecodeError(f"not valid JSON: {name} is not a JSON number")
