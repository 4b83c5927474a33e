"""Results and errors as plain data, equal after a round trip. Nothing read back runs code: no class is imported."""

from __future__ import annotations

import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

from ...schemas.errors import StepwellError
from ...schemas.message import Context, Message
from ...schemas.parts import PARTS

_TAG = "$"
"""The key of an object that stands for a value which JSON does not have."""
_AS_IT_IS = frozenset((type(None), bool, int, str))
_SECRET_NAMES = ("cookie", "secret", "authoriz", "authentic", "api-key", "apikey", "credential")


def to_data(value: Any) -> Any:
    """Return a value as JSON data: None, booleans, numbers, text, bytes, parts of messages, and lists, tuples and dicts
    of these. Raises TypeError for anything else."""
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is float:
        return value if isfinite(value) else {_TAG: "float", "of": repr(value)}
    if kind is list:
        return [to_data(each) for each in value]
    if kind is dict:
        if _TAG not in value and all(type(name) is str for name in value):
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
    "float": float,
    "dict": lambda pairs: {from_data(name): from_data(each) for name, each in pairs},
    "tuple": lambda items: tuple(map(from_data, items)),
    "bytes": b64decode,
    "decimal": Decimal,
    "part": lambda text: Context.from_json(text).messages[0].content[0],
}


def error_data(error: Exception) -> dict[str, Any]:
    """Return an error as data: its class, message and plain fields, without a traceback and without replies."""
    fields = {}
    for name, value in vars(error).items():
        if name == "headers" and isinstance(value, Mapping):
            value = {key: each for key, each in value.items() if is_kept(key)}
        try:
            fields[name] = to_data(value)
        except TypeError:
            continue  # a partial reply, say
    try:
        arguments = to_data(list(error.args))
    except TypeError:
        arguments = [str(error)]
    kind = type(error)
    return {"class": f"{kind.__module__}:{kind.__qualname__}", "args": arguments, "fields": fields}


def error_of(data: Mapping[str, Any]) -> Exception:
    """Return the error of what `error_data` made. A class that is not loaded is replaced by one of its name."""
    module, _, name = data["class"].partition(":")
    kind: Any = sys.modules.get(module)
    for each in name.split("."):
        kind = getattr(kind, each, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind = type(name.rpartition(".")[2], (Exception,), {})
    arguments = from_data(data["args"])
    try:
        error: Exception = kind.__new__(kind, *arguments)
        error.args = tuple(arguments)
    except TypeError:
        error = StepwellError(f"{name}: {arguments}")
    vars(error).update(from_data(data["fields"]))
    return error


class _Kept(dict[str, bool]):
    """Whether a header is recorded, by its name."""

    def __missing__(self, name: str) -> bool:
        lower = name.lower()
        kept = not any(each in lower for each in _SECRET_NAMES) and not lower.endswith("-token")
        if len(self) < 1000:
            self[name] = kept
        return kept


is_kept = _Kept().__getitem__
"""Return whether a header of an answer is recorded: not one that may hold a credential, such as a cookie."""
