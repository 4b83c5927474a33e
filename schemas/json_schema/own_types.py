"""Types that read and write themselves: pydantic's models, dataclasses, adapters and annotated types.

What such a type makes of a value counts, not the schema derived from it: its validators, aliases, defaults and
strictness say more than a schema can. It reads in pydantic's JSON mode, as `model_validate_json` does
(https://docs.pydantic.dev/latest/concepts/conversion_table/). pydantic is never imported here: a type can be pydantic's
only in a program that has imported it.
"""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Any, Final, Protocol, TypeGuard

from ..errors import ObjectInvalid, SchemaError
from ..json_text import dumps
from .keywords import pointer
from .violation import REFUSED, Violation

__all__ = [
    "Adapter",
    "adapter_of",
    "is_adapter",
    "is_pydantic_model",
    "own_schema",
    "read_own",
    "reads_itself",
    "write_own",
]

_OF_CLASSES: Final = ("__get_pydantic_core_schema__", "__pydantic_validator__", "__pydantic_config__")
# What `constraints` can express of pydantic's metadata in Annotated.
_BOUNDS: Final = frozenset(("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern"))
_OF_KIND: Final = ("literal_error", "enum")
_PLAIN: Final = (str, int, float, bool, types.NoneType)


class Adapter(Protocol):
    """A pydantic TypeAdapter, or an object with the same methods."""

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the adapted type."""

    def validate_python(self, value: object, /) -> Any:
        """Return the value as the adapted type; raise ValueError for one that does not fit."""


def is_adapter(tp: object) -> TypeGuard[Adapter]:
    """Return whether this is a pydantic TypeAdapter, or an object with the same methods."""
    return not isinstance(tp, type) and hasattr(tp, "json_schema") and hasattr(tp, "validate_python")


def is_pydantic_model(tp: object) -> TypeGuard[type[Any]]:
    """Return whether this is a pydantic model, or a class with the same methods."""
    return isinstance(tp, type) and hasattr(tp, "model_json_schema")


def reads_itself(tp: object) -> bool:
    """Return whether values of a type are read by pydantic.

    So are its classes and generic ones of them, a type with metadata in Annotated that only pydantic understands (a
    validator, a discriminator, strictness), and a union of such a type with others and with plain JSON types.
    """
    if is_pydantic_model(tp) or is_adapter(tp):
        return True
    if "pydantic" not in sys.modules:
        return False
    origin, args = typing.get_origin(tp), typing.get_args(tp)
    if origin is typing.Annotated:
        return any(map(_is_pydantics, tp.__metadata__))  # type: ignore[attr-defined]
    if origin in (typing.Union, types.UnionType):
        own = [reads_itself(arm) for arm in args]
        return any(own) and all(each or arm in _PLAIN for each, arm in zip(own, args, strict=True))
    cls = origin or tp
    return isinstance(cls, type) and any(hasattr(cls, name) for name in _OF_CLASSES)


def _is_pydantics(note: object) -> bool:
    """Return whether metadata of Annotated changes how pydantic reads, and is more than a bound or a description."""
    if hasattr(note, "__get_pydantic_core_schema__"):
        return True
    if not type(note).__module__.startswith("pydantic"):
        return False
    inner = getattr(note, "metadata", None)
    if inner is None:
        return not getattr(note, "__dict__", {}).keys() <= _BOUNDS
    return getattr(note, "discriminator", None) is not None or any(map(_is_pydantics, inner))


def adapter_of(tp: object) -> Any:
    """Return what reads a type that reads itself: the class or the adapter itself, or a TypeAdapter of it.

    Raises SchemaError for a type that pydantic cannot read.
    """
    if is_pydantic_model(tp) or is_adapter(tp):
        return tp
    try:
        return _cached_adapter(tp)
    except TypeError:  # metadata that cannot be hashed
        return _new_adapter(tp)


def _new_adapter(tp: object) -> Any:
    try:
        return sys.modules["pydantic"].TypeAdapter(tp)
    except Exception as error:
        raise _no_schema(tp, error) from error


_cached_adapter = lru_cache(maxsize=1024)(_new_adapter)


def own_schema(tp: object) -> dict[str, Any]:
    """Return pydantic's JSON Schema of a type that reads itself. Raises SchemaError if it has none."""
    reader = adapter_of(tp)
    make: Callable[[], dict[str, Any]] = getattr(reader, "model_json_schema", None) or reader.json_schema
    try:
        return make()
    except (ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise _no_schema(tp, error) from error


def _no_schema(tp: object, error: Exception) -> SchemaError:
    return SchemaError(f"pydantic has no JSON Schema of {getattr(tp, '__name__', tp)}: {str(error)[:300]}")


def read_own(value: object, tp: object) -> Any:
    """Return what a type that reads itself makes of a JSON value.

    Raises ObjectInvalid, with JSON pointers, for a value that it refuses. What its own validators say is quoted.
    """
    reader = adapter_of(tp)
    in_json_mode = getattr(reader, "model_validate_json", None) or getattr(reader, "validate_json", None)
    try:
        if in_json_mode is not None:
            return in_json_mode(dumps(value))
        return (getattr(reader, "model_validate", None) or reader.validate_python)(value)
    except ValueError as error:
        if not hasattr(error, "errors"):
            raise
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise ObjectInvalid("refused", violations=tuple(_violations(found, value))) from None


def _violations(errors: Iterable[dict[str, Any]], value: object) -> list[Violation]:
    """Return what pydantic finds wrong with a value; of a union, that of the nearest alternative: it lists all."""
    rows = [(_violation(error, value), *_place_in(value, error["loc"])[1:]) for error in errors]
    found: dict[tuple[str, object], list[Violation]] = {}
    for violation, union, alternative in rows:
        found.setdefault((union, alternative), []).append(violation)
    # First by how many errors show that the value is of another kind, then by their number.
    ranks = {
        key: (sum(each.pointer == key[0] or each.keyword in _OF_KIND for each in several), len(several))
        for key, several in found.items()
    }
    nearest = {union: min((key for key in ranks if key[0] == union), key=ranks.__getitem__) for union, _ in ranks}
    return [violation for violation, union, name in rows if name is None or nearest[union] == (union, name)]


def _violation(error: dict[str, Any], value: object) -> Violation:
    kind, message = error["type"], error["msg"]
    place, _, _ = _place_in(value, error["loc"])
    if kind == "missing":
        return Violation(place, f"lacks the required {error['loc'][-1]!r}", "required")
    if kind == "union_tag_invalid":  # pydantic's message quotes the value
        return Violation(place, "has a tag that none of the alternatives has", kind)
    return Violation(place, message, kind if kind in _pydantics_words() else REFUSED)


@lru_cache(maxsize=1)
def _pydantics_words() -> frozenset[str]:
    """Return the kinds of errors whose message is pydantic's own, and not that of a validator of the program."""
    kinds = typing.get_args(getattr(sys.modules.get("pydantic_core"), "ErrorType", None))
    return frozenset(kinds) - {"value_error", "assertion_error"}


def _place_in(value: object, loc: Sequence[str | int]) -> tuple[str, str, str | int | None]:
    """Translate the location of an error of pydantic's.

    Return its JSON pointer, that of the first union on the way, and the name of the alternative there; "" and None
    without a union. Names of alternatives and validators are not part of the pointers.
    """
    place: list[str | int] = []
    union: tuple[str, str | int | None] = ("", None)
    for step in loc:
        parts = dict(enumerate(value)) if isinstance(value, list) else value
        if isinstance(parts, dict) and step in parts:
            place.append(step)
            value = parts[step]
        elif union[1] is None and (len(place) + 1 < len(loc) or not isinstance(value, dict)):
            union = (pointer(place), step)
    return pointer(place), *union


def write_own(value: object) -> Any:
    """Return an instance of a type that pydantic reads as plain data, under the names that it is read by."""
    dump = getattr(value, "model_dump", None)
    if dump is None:
        dump = partial(adapter_of(type(value)).dump_python, value)
    try:
        return dump(mode="json", by_alias=True)
    except ValueError:  # bytes that are no text, which pydantic does not write as JSON
        return dump(mode="python", by_alias=True)
