"""JSON text, in and out: the one place that knows orjson and json.

orjson is fast, but it makes floats of integers over 64 bits without a word, refuses to write them, and takes no half of
a surrogate pair and no byte that is no UTF-8, all of which servers, models and programs send. So each function here
tries orjson first, and only where that fails, or where the text has an integer so long, the exact and slower way.
Half of a pair becomes U+FFFD, the replacement character; two halves side by side become the character that they make.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import Enum
from json import JSONDecodeError
from typing import Any, Final

import orjson
from attrs import evolve, fields, has
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
    "SERIALIZE_NUMPY",
    "SORT_KEYS",
    "Fragment",
    "JSONDecodeError",
    "dumps",
    "dumps_strictly",
    "exact",
    "first_value",
    "loads",
    "loads_event",
    "loads_fast",
    "loads_with",
    "repaired",
    "spaced",
    "well_formed",
]

loads_fast: Final = orjson.loads
"""For events of a stream, where the text alone is wanted: integers over 64 bits are floats (see `exact`), and half of a
pair is a JSONDecodeError (see `loads_event`)."""

_REPLACEMENT: Final = "\ufffd"
_MOST_DIGITS: Final = 4300  # beyond, Python makes no int of a text
_HALF = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD](?P<half>[89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_ESCAPE_OF_A_HALF = re.compile(r"\\u[dD][89a-fA-F]")
# What may stand before a number becomes ":", and each digit "0", so that two searches in C find a long integer. Digits
# behind a decimal point, of which vectors are full, have "." before them.
_NUMBERS = bytes.maketrans(b"123456789[,{ \t\n\r", b"000000000:::::::")
_LONG, _LONG_ALONE, _LONG_NEGATIVE = b":" + b"0" * 20, b"0" * 20, b"-" + b"0" * 19


def loads(data: bytes | bytearray | str) -> Any:
    """The value of a JSON document, integers exact. Takes what other readers take: NaN and infinities, half of a
    surrogate pair and bytes that are no UTF-8 (both as U+FFFD), a byte order mark. Raises JSONDecodeError for what is
    no JSON."""
    try:
        return exact(orjson.loads(data), data)
    except JSONDecodeError as error:
        return _tolerant(data, error)


def exact(value: Any, data: bytes | bytearray | str) -> Any:
    """What `loads_fast` read from the data; read once more where the data may have an integer over 64 bits."""
    raw = data.encode() if isinstance(data, str) else data
    plain = raw.translate(_NUMBERS)
    if _LONG in plain or _LONG_NEGATIVE in plain or plain.startswith(_LONG_ALONE):
        try:
            return json.loads(raw, parse_int=_integer)
        except RecursionError:
            raise JSONDecodeError("nested too deeply for integers over 64 bits", "", 0) from None
    return value


def loads_event(data: bytes) -> tuple[Any, bool]:
    """What `loads` gives, and whether there are halves of pairs in it: they stay, since the next event may hold the
    other half."""
    text = data.decode("utf-8-sig", "replace")
    if _ESCAPE_OF_A_HALF.search(text) and repaired(text) != text:
        try:
            return json.loads(text, parse_int=_integer), True
        except RecursionError:
            pass
    return loads(data), False


def loads_with(text: str | bytes | bytearray, **hooks: Callable[[Any], Any]) -> Any:
    """The value, by the standard reader with hooks of its own; see json.loads."""
    return json.loads(text, **hooks)  # type: ignore[arg-type]


def first_value(text: str) -> tuple[Any, int]:
    """The JSON value that the text begins with, and where it ends. Raises ValueError and RecursionError."""
    value, end = json.JSONDecoder().raw_decode(text)
    return well_formed(value), end


def repaired(text: str) -> str:
    """JSON text without halves of pairs, be they escapes or characters: U+FFFD is in their place."""
    whole = _as_text(text)
    if not _ESCAPE_OF_A_HALF.search(whole):
        return whole
    return _ESCAPED.sub(_unless_half, whole)


def _unless_half(found: re.Match[str]) -> str:
    escape: str = found[0]
    return _REPLACEMENT if found["half"] else escape


def _tolerant(data: bytes | bytearray | str, error: JSONDecodeError) -> Any:
    if "recursion" in error.msg:
        raise error
    text = repaired(data if isinstance(data, str) else data.decode("utf-8-sig", "replace"))
    try:
        return exact(orjson.loads(text), text)
    except JSONDecodeError:
        pass
    try:
        return json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError):
        raise error from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def dumps(value: Any, default: Callable[[Any], Any] | None = None, option: int | None = None) -> bytes:
    """The JSON of a value, as orjson.dumps writes it. Integers of any size are exact, half of a pair is U+FFFD. Raises
    TypeError for what has no JSON form."""
    try:
        return orjson.dumps(value, default, option)
    except TypeError:
        return _written(value, default, option, _as_text)


def dumps_strictly(value: Any, default: Callable[[Any], Any] | None = None, option: int | None = None) -> bytes:
    """The same, but for half of a pair, for which it raises TypeError."""
    try:
        return orjson.dumps(value, default, option)
    except TypeError:
        return _written(value, default, option, _same)


def spaced(value: Any, *, ascii: bool = False, default: Callable[[Any], Any] | None = None) -> str:
    """JSON text with spaces between, as people and models read it; NaN and infinities are written as they are."""
    return json.dumps(value if ascii else well_formed(value), ensure_ascii=ascii, default=default)


def _written(value: Any, default: Callable[[Any], Any] | None, option: int | None, text: Callable[[str], str]) -> bytes:
    """Once more, with long integers as pieces of finished JSON, in what `default` makes of things, too."""
    inner = None if default is None else lambda given: _prepared(default(given), text)
    try:
        return orjson.dumps(_prepared(value, text), inner, option)
    except RecursionError:
        raise TypeError("the value is nested too deeply, or holds itself") from None


def _prepared(value: Any, text: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else Fragment(_digits(value))
    if isinstance(value, dict):
        return {_name(name, text): _prepared(part, text) for name, part in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        return [_prepared(part, text) for part in value]
    if isinstance(value, Enum):
        return _prepared(value.value, text)
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        from dataclasses import fields as fields_of  # rarely, and it takes long to import

        names = [each.name for each in fields_of(value) if not each.name.startswith("_")]
        return {name: _prepared(getattr(value, name), text) for name in names}
    return value


def _name(name: Any, text: Callable[[str], str]) -> Any:
    if isinstance(name, str):
        return text(name)
    return _digits(name).decode() if isinstance(name, int) and not -(2**63) <= name < 2**64 else name


def _digits(value: int) -> bytes:
    try:
        return b"%d" % value
    except ValueError:
        raise TypeError(f"an integer of more than {_MOST_DIGITS:,} digits cannot be written") from None


def _same(text: str) -> str:
    return text


def _as_text(text: str) -> str:
    return text if text.isascii() or not _HALF.search(text) else _joined(text)


def well_formed(value: Any) -> Any:
    """The value with halves of pairs joined or replaced by U+FFFD in all of its text, that of dicts, lists, tuples and
    attrs classes included; itself where there are none."""
    if isinstance(value, str):
        return _as_text(value)
    if isinstance(value, dict):
        whole: Any = {well_formed(name): well_formed(part) for name, part in value.items()}
        return value if all(_is(*pair) for pair in zip(_flat(value), _flat(whole), strict=False)) else whole
    if type(value) in (list, tuple):
        whole = type(value)(well_formed(part) for part in value)
        return value if all(map(_is, value, whole)) else whole
    if has(type(value)):
        changed = {}
        for each in fields(type(value)):
            before = getattr(value, each.name)
            if each.init and (after := well_formed(before)) is not before:
                changed[each.alias] = after
        return evolve(value, **changed) if changed else value
    return value


def _is(one: Any, other: Any) -> bool:
    return one is other


def _flat(value: dict[Any, Any]) -> list[Any]:
    return [*value.keys(), *value.values()]


def _joined(text: str) -> str:
    halves = text.encode("utf-16-le", "surrogatepass")
    return halves.decode("utf-16-le", "replace")
