"""Validate values against schemas, and describe where and why they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..json_text import short_json
from ..json_types import JSONValue, Schema
from .depth import too_deep
from .keywords import pointer
from .quick import Test, quick_test
from .safety import SCHEMAS, content_of, schema_from_json
from .violation import Violation

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]

    from .matching import Matcher

__all__ = ["TOO_DEEP", "Violation", "errors_of", "fits_part"]

MAX_VIOLATIONS: Final = 50
_Result = TypeVar("_Result")


TOO_DEEP: Final = Violation("", "is nested too deeply to be checked", "depth")


def errors_of(value: object, schema: object) -> list[Violation]:
    """Return the mismatches (up to 50) of a value with a schema; none if it fits.

    For a union, those of the closest alternative are returned. Formats such as `date-time` are checked. Raises
    SchemaError if the schema itself cannot be used (see `safety.checked_schema`).
    """
    content = content_of(schema)
    if _quick_test[content](value) and not too_deep(value):
        return []
    matcher = _matcher[content]
    found = _unless_too_deep(
        value, lambda: [violation for error in matcher.errors(value) for violation in _violations_of(error)]
    )
    return [TOO_DEEP] if found is None else list(islice(dict.fromkeys(found), MAX_VIOLATIONS))


def fits_part(value: object, part: Schema, schema: object) -> bool:
    """Return whether a value fits one part of a schema; a value that is nested too deeply does not.

    value: the value.
    part: a schema inside the copy that `checked_schema` makes of `schema`.
    schema: the whole schema.
    """
    matcher = _matcher[content_of(schema)]
    return bool(_unless_too_deep(value, lambda: matcher.fits(value, part)))


def _unless_too_deep(value: object, check: Callable[[], _Result]) -> _Result | None:
    """Return the result of the check; None if the value is nested too deeply for it."""
    try:
        return None if too_deep(value) else check()
    except BaseException as error:
        # The stack may overflow in a Rust library, too, whose PanicException is not an Exception.
        if isinstance(error, RecursionError) or type(error).__name__ == "PanicException":
            return None
        raise


@SCHEMAS.memo
def _matcher(content: bytes) -> Matcher:
    from .matching import Matcher  # imports jsonschema, which most programs do not need

    return Matcher(schema_from_json[content])


@SCHEMAS.memo
def _quick_test(content: bytes) -> Test:
    return quick_test(schema_from_json[content])


def _violations_of(error: ValidationError) -> Iterable[Violation]:
    if error.context:
        return [violation for inner in error.context for violation in _violations_of(inner)]
    place = pointer(error.absolute_path)
    keyword = str(error.validator or "false")
    describe = _DESCRIBE.get(keyword)
    message = describe(error.validator_value, error) if describe else f"does not fit '{keyword}'"
    above = list(error.absolute_schema_path)
    if len(above) > 1 and above[-2] == "propertyNames":
        message = f"has a property name that {message}"
    return [Violation(place, message, keyword)]


def _one_of(values: list[JSONValue]) -> str:
    shown = ", ".join(short_json(value) for value in values[:12])
    return f"must be one of {shown}" + (f" or {len(values) - 12} more" if len(values) > 12 else "")


def _fits_none(alternatives: list[Any], error: ValidationError) -> str:
    return f"fits none of the {len(alternatives)} alternatives"


def _not_allowed(additional: object, error: ValidationError) -> str:
    known = list(error.schema.get("properties", ())) if isinstance(error.schema, dict) else []
    allowed = f"; allowed are {', '.join(map(repr, known[:20]))}" if known else ""
    return f"has properties that are not allowed{allowed}"


_DESCRIBE: Final[dict[str, Callable[[Any, ValidationError], str]]] = {
    "type": lambda wanted, error: f"must be of type {' or '.join([wanted] if isinstance(wanted, str) else wanted)}",
    "required": lambda wanted, error: (
        f"lacks the required {', '.join(repr(name) for name in wanted if name not in error.instance)}"
    ),
    "additionalProperties": _not_allowed,
    "unevaluatedProperties": _not_allowed,
    "enum": lambda wanted, error: _one_of(wanted),
    "const": lambda wanted, error: f"must be {short_json(wanted)}",
    "minimum": lambda wanted, error: f"must be at least {wanted}",
    "maximum": lambda wanted, error: f"must be at most {wanted}",
    "exclusiveMinimum": lambda wanted, error: f"must be above {wanted}",
    "exclusiveMaximum": lambda wanted, error: f"must be below {wanted}",
    "multipleOf": lambda wanted, error: f"must be a multiple of {wanted}",
    "minLength": lambda wanted, error: f"must be at least {wanted} characters long",
    "maxLength": lambda wanted, error: f"must be at most {wanted} characters long",
    "minItems": lambda wanted, error: f"must have at least {wanted} items",
    "maxItems": lambda wanted, error: f"must have at most {wanted} items",
    "minProperties": lambda wanted, error: f"must have at least {wanted} properties",
    "maxProperties": lambda wanted, error: f"must have at most {wanted} properties",
    "uniqueItems": lambda wanted, error: "must not repeat an item",
    "items": lambda wanted, error: "has more items than allowed",
    "pattern": lambda wanted, error: f"must match the pattern {short_json(wanted)}",
    "format": lambda wanted, error: f"must be written as a {wanted}",
    "$ref": lambda wanted, error: "does not fit",
    "anyOf": _fits_none,
    "oneOf": lambda wanted, error: (
        _fits_none(wanted, error)
        if error.message == "none"
        else "fits more than one of the alternatives, and may fit only one"
    ),
    "not": lambda wanted, error: "fits the schema under 'not', and must not",
    "false": lambda wanted, error: "is not allowed here",
}
