"""Results and errors as plain data, equal after a round trip. Nothing read back runs code: no class is imported."""

from __future__ import annotations

import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from types import BuiltinMethodType, MethodDescriptorType, WrapperDescriptorType
from typing import Any

from ...schemas.message import Context, Message
from ...schemas.parts import PARTS

_TAG = "$"
"""The key of an object that stands for a value which JSON does not have."""
_AS_IT_IS = frozenset((type(None), bool))
_INTEGERS = range(-(2**63), 2**63)
"""Those that JSON gives back as integers."""
_SECRET_NAMES = ("cookie", "secret", "authoriz", "authentic", "api-key", "apikey", "credential")


def to_data(value: Any) -> Any:
    """Return a value as JSON data: None, booleans, numbers, text, bytes, parts of messages, and lists, tuples and dicts
    of these. Raises TypeError for anything else."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() or _is_unicode(value) else _surrogates(value)
    if kind in _AS_IT_IS:
        return value
    if kind is int:
        return value if value in _INTEGERS else {_TAG: "int", "of": hex(value)}
    if kind is float:
        return value if isfinite(value) else {_TAG: "float", "of": repr(value)}
    if kind is list:
        return [to_data(each) for each in value]
    if kind is dict:
        if _TAG not in value and all(type(name) is str and _is_unicode(name) for name in value):
            return {name: to_data(each) for name, each in value.items()}
        return {_TAG: "dict", "of": [[to_data(name), to_data(each)] for name, each in value.items()]}
    if kind is tuple:
        return {_TAG: "tuple", "of": [to_data(each) for each in value]}
    if kind is bytes:
        return {_TAG: "bytes", "of": b64encode(value).decode()}
    if kind is Decimal:
        return {_TAG: "decimal", "of": str(value)}
    if kind in PARTS:
        return {_TAG: "part", "of": Context((Message("user", [value]),)).to_json()}
    raise TypeError(f"a {kind.__name__} is no plain data")


def _surrogates(text: str) -> dict[str, str]:
    return {_TAG: "surrogates", "of": b64encode(text.encode("utf-8", "surrogatepass")).decode()}


def _is_unicode(text: str) -> bool:
    """Check that a text has no half of a pair of surrogates, which JSON files cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def from_data(data: Any) -> Any:
    """Return the value of what `to_data` made."""
    if type(data) is list:
        return [from_data(each) for each in data]
    if type(data) is not dict:
        return data
    kind, of = data.get(_TAG), data.get("of")
    if kind is None:
        return {name: from_data(each) for name, each in data.items()}
    return _READ[kind](of)


_READ: Mapping[str, Any] = {
    "surrogates": lambda text: b64decode(text).decode("utf-8", "surrogatepass"),
    "int": lambda digits: int(digits, 16),
    "float": float,
    "dict": lambda pairs: {from_data(name): from_data(each) for name, each in pairs},
    "tuple": lambda items: tuple(map(from_data, items)),
    "bytes": b64decode,
    "decimal": Decimal,
    "part": lambda text: Context.from_json(text).messages[0].content[0],
}


def error_data(error: Exception) -> dict[str, Any]:
    """Return an error as data: its classes, arguments and plain fields, without a traceback and without replies.

    It has the error's text besides, if the others would not give the same: a model may have been shown it.
    """
    fields = {}
    for name, value in vars(error).items():
        if name == "headers" and isinstance(value, Mapping):
            value = kept_headers(value)
        try:
            fields[name] = to_data(value)
        except TypeError:
            continue  # a partial reply, say
    kind = type(error)
    try:
        # What the constructor was given may be more than `args`: the name of a file, say.
        arguments = to_data(list(error.__reduce__()[1] if _is_builtin(kind) else error.args))
    except TypeError:
        arguments = [to_data(_text_of(error))]
    names = [f"{each.__module__}:{each.__qualname__}" for each in kind.__mro__ if issubclass(each, Exception)]
    data = {"class": names[0], "bases": names[1:-1], "args": arguments, "fields": fields}
    if (text := _text_of(error)) != _text_of(error_of(data)):
        data["text"] = to_data(text)
    return data


def error_of(data: Mapping[str, Any]) -> Exception:
    """Return the error of what `error_data` made, with its name and text. It is of the nearest class that is loaded."""
    arguments, name = from_data(data["args"]), data["class"].rpartition(":")[2].rpartition(".")[2]
    own = {"__str__": lambda self: from_data(data["text"])} if "text" in data else {}
    for kind in (*filter(None, map(_loaded, (data["class"], *data["bases"]))), Exception):
        try:
            if own or kind.__name__ != name:
                kind = type(name, (kind,), {**own, "__module__": kind.__module__})
            error: Exception = kind(*arguments) if _is_builtin(kind) else kind.__new__(kind, *arguments)
            break
        except TypeError:  # no class that can be made of arguments, or derived from
            continue
    if not _is_builtin(kind):
        error.args = tuple(arguments)
    vars(error).update(from_data(data["fields"]))
    return error


def _loaded(name: str) -> type[Exception] | None:
    """Return a class by its name, if a module that is loaded has it."""
    module, _, names = name.partition(":")
    kind: Any = sys.modules.get(module)
    for each in names.split("."):
        kind = getattr(kind, each, None)
    return kind if isinstance(kind, type) and issubclass(kind, Exception) else None


def _is_builtin(kind: type[Exception]) -> bool:
    """Check that no code of Python runs where an error of this class is made."""
    made = isinstance(kind.__init__, WrapperDescriptorType) and isinstance(kind.__new__, BuiltinMethodType)
    return made and isinstance(kind.__reduce__, MethodDescriptorType)


def _text_of(error: Exception) -> str | None:
    try:
        return str(error)
    except Exception:  # a faulty __str__ of the caller's own
        return None


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer to record: all but those that may hold a credential, such as a cookie."""
    kept = dict(headers)
    for name in _secret_names(tuple(kept)):
        del kept[name]
    return kept


@lru_cache(256)  # most answers of a server have the same names
def _secret_names(names: tuple[str, ...]) -> list[str]:
    lower = [(name, name.lower()) for name in names]
    return [name for name, low in lower if low.endswith("-token") or any(each in low for each in _SECRET_NAMES)]
