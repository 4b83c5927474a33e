"""Read and write JSON text. The only module that uses orjson and json.

orjson is fast, but it silently reads integers over 64 bits as floats, refuses to write them, and refuses lone
surrogates and bytes that are not UTF-8. Servers, models and programs send all of these. So each function here tries
orjson first and takes the exact, slower way only if that fails or the text has such an integer. A lone surrogate
becomes U+FFFD, the replacement character; two halves side by side become the character that they encode.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import Enum
from functools import partial
from json import JSONDecodeError
from operator import is_
from typing import Any, Final, cast

import orjson
from orjson import OPT_INDENT_2 as INDENT
from orjson import OPT_NON_STR_KEYS as NON_STR_KEYS
from orjson import OPT_PASSTHROUGH_DATACLASS as PASSTHROUGH_DATACLASS
from orjson import OPT_PASSTHROUGH_DATETIME as PASSTHROUGH_DATETIME
from orjson import OPT_PASSTHROUGH_SUBCLASS as PASSTHROUGH_SUBCLASS
from orjson import OPT_SERIALIZE_NUMPY as SERIALIZE_NUMPY
from orjson import OPT_SORT_KEYS as SORT_KEYS
from orjson import Fragment

__all__ = [
    "INDENT",
    "NON_STR_KEYS",
    "PASSTHROUGH_DATACLASS",
    "PASSTHROUGH_DATETIME",
    "PASSTHROUGH_SUBCLASS",
    "REPAIRED_TEXT",
    "SERIALIZE_NUMPY",
    "SORT_KEYS",
    "Fragment",
    "JSONDecodeError",
    "dumps",
    "dumps_strictly",
    "exact",
    "loads",
    "loads_event",
    "loads_fast",
    "loads_with",
    "repaired",
    "short_json",
    "spaced",
    "well_formed",
]

loads_fast: Final = orjson.loads
"""Read the JSON of a stream's event, of which only the text matters: integers over 64 bits become floats (see `exact`),
and a lone surrogate is a JSONDecodeError (see `loads_event`)."""

_REPLACEMENT: Final = "\ufffd"
_MOST_DIGITS: Final = 4300  # Python refuses to convert longer text to an int
_HALF = re.compile("[\ud800-\udfff]")
# Strings, which `re` compiles when they are first used: the first alone would take a hundredth of a first call.
_ESCAPED = (
    r"(?s)\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD](?P<half>[89a-fA-F][0-9a-fA-F]{2})|.)"
)
_SURROGATE_ESCAPE = r"\\u[dD][89a-fA-F]"
# Translates each digit to "0" and what may precede a number to ":", so that substring searches find a long integer.
# Digits after a decimal point, which fill embedding vectors, follow "." and are not found.
_NUMBERS = bytes.maketrans(b"123456789[,{ \t\n\r", b"000000000:::::::")
_LONG, _LONG_ALONE, _LONG_NEGATIVE = b":" + b"0" * 20, b"0" * 20, b"-" + b"0" * 19


def loads(data: bytes | bytearray | str) -> Any:
    """Return the value of a JSON document, with exact integers.

    Accepts what other readers accept: NaN and infinities, lone surrogates and bytes that are not UTF-8 (both become
    U+FFFD), a byte order mark. Raises JSONDecodeError for anything else that is not JSON.
    """
    try:
        value = orjson.loads(data)
    except JSONDecodeError as error:
        return _tolerant(data, error)
    # The test of `exact`, for the body of every answer without a call.
    plain = data.translate(_NUMBERS) if type(data) is bytes else _LONG
    return exact(value, data) if _LONG in plain or _LONG_NEGATIVE in plain or plain.startswith(_LONG_ALONE) else value


def exact(value: object, data: bytes | bytearray | str) -> Any:
    """Return the value with exact integers.

    value: what `loads_fast` read from `data`.
    data: the JSON text, which is read again if it may hold an integer over 64 bits.
    """
    raw = data.encode() if isinstance(data, str) else data
    plain = raw.translate(_NUMBERS)
    if _LONG in plain or _LONG_NEGATIVE in plain or plain.startswith(_LONG_ALONE):
        try:
            return json.loads(raw, parse_int=_integer)
        except RecursionError:
            raise JSONDecodeError("nested too deeply for integers over 64 bits", "", 0) from None
    return value


def loads_event(data: bytes) -> tuple[Any, bool]:
    """Return the value of an event's JSON, and whether it holds lone surrogates.

    They are kept, because the next event may hold the other half of the pair.
    """
    text = data.decode("utf-8-sig", "replace")
    if re.search(_SURROGATE_ESCAPE, text) and repaired(text) != text:
        try:
            return json.loads(text, parse_int=_integer), True
        except RecursionError:
            pass
    return loads(data), False


def loads_with(text: str | bytes | bytearray, **hooks: Callable[[Any], Any]) -> Any:
    """Return the value as the standard reader reads it with the hooks of json.loads."""
    return json.loads(text, **hooks)  # type: ignore[arg-type]


def repaired(text: str) -> str:
    """Return JSON text in which U+FFFD replaces each lone surrogate, whether escaped or not."""
    joined = _as_text(text)
    if not re.search(_SURROGATE_ESCAPE, joined):
        return joined
    return re.sub(_ESCAPED, lambda escape: _REPLACEMENT if escape["half"] else escape[0], joined)


def _tolerant(data: bytes | bytearray | str, error: JSONDecodeError) -> Any:
    if "recursion" in error.msg:
        raise error
    text = repaired(data if isinstance(data, str) else data.decode("utf-8-sig", "replace"))
    try:
        return json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError):
        raise error from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def dumps(
    value: object,
    default: Callable[[Any], Any] | None = None,
    option: int | None = None,
    text: Callable[[str], str] | None = None,
) -> bytes:
    """Return the JSON of a value, as orjson.dumps writes it, with integers of any size.

    value: the value.
    default: converts a value that has no JSON form of its own.
    option: orjson's OPT_ flags, added.
    text: converts text that orjson may refuse; by default, U+FFFD replaces lone surrogates.

    Raises TypeError for a value that has no JSON form.
    """
    try:
        return orjson.dumps(value, default, option)
    except TypeError:
        return _write_exactly(value, default, option, text or _as_text)


def trimmed(json: bytes) -> bytes:
    """Return a copy of what `dumps` has returned, for JSON that is kept: orjson leaves its buffer of 4 kB to it."""
    return memoryview(json).tobytes()


dumps_strictly: Final[Callable[[Any], bytes]] = partial(dumps, text=str)
"""Does the same as `dumps`, but raises TypeError for a lone surrogate."""


def spaced(value: object, *, ascii: bool = False, default: Callable[[Any], Any] | None = None) -> str:
    """Return JSON text with spaces after commas and colons, as people and models read it.

    value: the value; NaN and infinities are written as Python names them.
    ascii: escape all other characters.
    default: converts a value that has no JSON form of its own.
    """
    return json.dumps(value if ascii else well_formed(value), ensure_ascii=ascii, default=default)


def short_json(value: object) -> str:
    """Return JSON text as `spaced` writes it, cut to 80 characters for a message."""
    text = spaced(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _write_exactly(
    value: object, default: Callable[[Any], Any] | None, option: int | None, text: Callable[[str], str]
) -> bytes:
    """Write the value with long integers as fragments of finished JSON, also in what `default` returns."""
    inner = None if default is None else lambda unknown: _prepare(default(unknown), text)
    try:
        return orjson.dumps(_prepare(value, text), inner, option)
    except RecursionError:
        raise TypeError("the value is nested too deeply, or holds itself") from None


def _prepare(value: object, text: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else Fragment(_digits(value))
    if isinstance(value, dict):
        return {_name(name, text): _prepare(part, text) for name, part in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        return [_prepare(part, text) for part in value]
    if isinstance(value, Enum):
        return _prepare(value.value, text)
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        from dataclasses import fields as fields_of  # rarely needed, and slow to import

        names = [each.name for each in fields_of(cast(Any, value)) if not each.name.startswith("_")]
        return {name: _prepare(getattr(value, name), text) for name in names}
    return value


def _name(name: object, text: Callable[[str], str]) -> Any:
    if isinstance(name, str):
        return text(name)
    return _digits(name).decode() if isinstance(name, int) and not -(2**63) <= name < 2**64 else name


def _digits(value: int) -> bytes:
    try:
        return b"%d" % value
    except ValueError:
        raise TypeError(f"an integer of more than {_MOST_DIGITS:,} digits cannot be written") from None


def _as_text(text: str) -> str:
    if text.isascii() or not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # joins pairs, replaces lone halves


REPAIRED_TEXT: Final = ("text", "half of a surrogate pair, which JSON cannot hold, became U+FFFD")
"""The subject and the wording of the warning about text that `well_formed` has changed."""


_TEXTLESS: Final = frozenset((float, int, bool, type(None)))


def well_formed(value: object) -> Any:
    """Return the value with well-formed text: pairs of surrogates joined, lone ones replaced by U+FFFD.

    This includes the text in dicts, lists, tuples and attrs classes. A value without surrogates is returned itself.
    """
    if isinstance(value, str):
        return _as_text(value)
    if isinstance(value, dict):
        changed_dict = {well_formed(name): well_formed(part) for name, part in value.items()}
        return value if all(map(is_, _flat(value), _flat(changed_dict))) else changed_dict
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        if _TEXTLESS.issuperset(map(type, value)):  # a vector: to look at each of its numbers takes 50 times as long
            return value
        items = [well_formed(part) for part in value]
        return value if all(map(is_, value, items)) else type(value)(items)
    if hasattr(type(value), "__attrs_attrs__"):
        from attrs import evolve, fields  # heavy: only for objects of attrs with text to repair

        before = {each.alias: getattr(value, each.name) for each in fields(cast(Any, type(value))) if each.init}
        changed = {name: after for name, part in before.items() if (after := well_formed(part)) is not part}
        return evolve(cast(Any, value), **changed) if changed else value
    return value


def _flat(value: dict[Any, Any]) -> list[Any]:
    return [*value.keys(), *value.values()]
