"""Read JSON text strictly: nothing is rounded, dropped or guessed."""

from __future__ import annotations

from typing import Any, Final, NoReturn

from ..errors import DecodeError
from ..json_text import JSONDecodeError, loads_fast, loads_with, repaired

# A number of more than about 308 digits does not fit a float, and orjson refuses it.
MAX_DIGITS: Final = 300


def loads_exact(text: str | bytes | bytearray) -> Any:
    """Return the exact value of a JSON document; integers of up to 300 digits stay integers.

    Raises DecodeError, with the position but not the content, for anything but one well-formed document: NaN and
    infinities, numbers too large for a float, an object that repeats a name, more than about 1,000 levels, a byte order
    mark. A lone surrogate is read as U+FFFD.
    """
    try:
        # orjson decides what is well formed; then the standard reader gives exact integers and finds repeated names,
        # which orjson does not.
        text = _repair_json(text)
        return loads_with(text, object_pairs_hook=_without_repeats, parse_constant=_refuse_constant, parse_int=_integer)
    except JSONDecodeError as error:
        raise DecodeError(f"not valid JSON: {error.msg}, at character {error.pos}") from None
    except RecursionError:
        raise DecodeError("the JSON is nested too deeply") from None


def _repair_json(text: str | bytes | bytearray) -> str | bytes | bytearray:
    try:
        loads_fast(text)
    except JSONDecodeError:
        text = repaired(text if isinstance(text, str) else text.decode("utf-8", "replace"))
        loads_fast(text)
    return text


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
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
