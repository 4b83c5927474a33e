"""jsonschema's validator with our own patterns, multiples and formats, and without a way out of the document.

Importing this module imports jsonschema, which costs 100 ms: `validate` does so on first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NoReturn

from jsonschema import Draft202012Validator, FormatChecker, ValidationError  # type: ignore[import-untyped]
from jsonschema.validators import extend  # type: ignore[import-untyped]
from referencing import Registry
from referencing.exceptions import NoSuchResource

from .formats import FORMATS
from .keywords import Schema
from .patterns import compile_pattern

Errors = Iterator[Any]


def validator_of(schema: Schema) -> Any:
    """A validator for a schema that `check.prepare` has passed."""
    registry: Any = Registry(retrieve=_refuse)  # type: ignore[call-arg]
    return _Validator(schema, registry=registry, format_checker=_formats())


def _refuse(uri: str) -> NoReturn:
    raise NoSuchResource(ref=uri)  # type: ignore[call-arg]


def _formats() -> Any:
    checker = FormatChecker(formats=())
    for name, holds in FORMATS.items():
        checker.checks(name)(lambda value, holds=holds: not isinstance(value, str) or holds(value))
    return checker


# The texts of these errors are never shown: `validate` has its own, which do not quote the value.


def _pattern(validator: Any, wanted: str, value: Any, schema: Any) -> Errors:
    if isinstance(value, str) and not compile_pattern(wanted).search(value):
        yield ValidationError("")


def _pattern_properties(validator: Any, wanted: Any, value: Any, schema: Any) -> Errors:
    if isinstance(value, dict):
        for pattern, part in wanted.items():
            for name in value:
                if compile_pattern(pattern).search(name):
                    yield from validator.descend(value[name], part, path=name, schema_path=pattern)


def _additional_properties(validator: Any, wanted: Any, value: Any, schema: Any) -> Errors:
    if not isinstance(value, dict):
        return
    patterns = [compile_pattern(pattern) for pattern in schema.get("patternProperties", ())]
    extra = [name for name in value if name not in schema.get("properties", ())]
    extra = [name for name in extra if not any(pattern.search(name) for pattern in patterns)]
    if wanted is False and extra:
        yield ValidationError("")
    elif isinstance(wanted, dict):
        for name in extra:
            yield from validator.descend(value[name], wanted, path=name)


def _multiple_of(validator: Any, wanted: Any, value: Any, schema: Any) -> Errors:
    # In decimal, as they are written: in binary 0.3 is no multiple of 0.1.
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and Fraction(str(value)) % Fraction(str(wanted)):
        yield ValidationError("")


_Validator = extend(
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "multipleOf": _multiple_of,
    },
)
