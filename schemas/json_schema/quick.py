"""A quick test that a value fits a schema, for what most schemas consist of: a tenth of the time of jsonschema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..json_types import Schema

Test = Callable[[Any], bool]
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_READ = frozenset(("type", "properties", "required", "additionalProperties", "items", "enum"))
_SAY_NOTHING = frozenset(("title", "description", "default", "examples"))


def quick_test(schema: Schema) -> Test:
    """Return a test that is true only for values that fit for certain. False means that jsonschema decides.

    schema: what `safety.checked_schema` returned. With other keywords than the common ones, the test is always false.
    """
    try:
        return _test(schema)
    except KeyError:
        return lambda value: False


def _test(schema: Schema) -> Test:
    if isinstance(schema, bool):
        return lambda value: schema
    if not schema.keys() <= _READ | _SAY_NOTHING:
        raise KeyError("a keyword that is not read here")
    named = schema.get("type", [*_KINDS])
    kinds = {kind for name in ([named] if isinstance(named, str) else named) for kind in _KINDS[name]}
    choices = schema.get("enum")
    parts = {name: _test(part) for name, part in schema.get("properties", {}).items()}
    required, others = frozenset(schema.get("required", ())), _test(schema.get("additionalProperties", True))
    items = _test(schema.get("items", True))

    def fits(value: Any) -> bool:
        kind = type(value)
        if kind not in kinds or (choices is not None and (kind is not str or value not in choices)):
            return False
        if kind is list:
            return all(map(items, value))
        if kind is dict:
            return value.keys() >= required and all(parts.get(name, others)(part) for name, part in value.items())
        return True

    return fits
