"""Read JSON values as instances of Python types, and say what is wrong with those that cannot be read.

A class of the program has the final say about what it can read: pydantic's types (see `own_types`), attrs classes with
converters, enums that find their members themselves. A value is also checked against the JSON Schema derived from its
type. Where the two disagree over such a class, the class counts; the schema explains a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..errors import ObjectInvalid
from ..json_types import JSONSchema
from .from_type import trusting_schema
from .own_types import reads_itself
from .structure_value import invalid, structure_value
from .validate import errors_of
from .violation import REFUSED, Violation

__all__ = ["read_checked", "read_value"]

Result = TypeVar("Result")


def read_value(value: object, tp: object, schema: JSONSchema) -> Any:
    """Return the JSON value as an instance of a type, after checking it.

    value: the value.
    tp: a type that `schema_of` understands, or a schema.
    schema: its schema. A value that does not fit it is read all the same where a class of the program can read it.

    Raises ObjectInvalid with all that does not fit.
    """
    if not reads_itself(tp):
        return read_checked(value, schema, lambda: trusting_schema(tp), lambda checked: structure_value(checked, tp))
    try:
        return structure_value(value, tp)
    except ObjectInvalid as error:
        raise invalid(*_explained(error.violations, errors_of(value, schema))) from None


def read_checked(
    value: object, schema: JSONSchema, trusting: Callable[[], JSONSchema], read: Callable[[Any], Result]
) -> Result:
    """Return what is read of a value, after checking it; see `read_value`.

    value: the value.
    schema: its schema.
    trusting: makes the schema of what no class of the program reads itself; called for a value that does not fit.
    read: reads the value; raises ObjectInvalid.
    """
    violations = errors_of(value, schema)
    refusals: list[Violation] = []
    if violations:
        own = trusting()
        refusals = violations if own == schema else errors_of(value, own)
        if refusals == violations:
            raise invalid(*violations)
    try:
        result = read(value)
    except ObjectInvalid as error:
        refusals = [*refusals, *error.violations]
    else:
        if not refusals:
            return result
    raise invalid(*_explained(refusals, violations))


def _explained(refusals: Sequence[Violation], violations: Sequence[Violation]) -> list[Violation]:
    """Return why a value is refused: by its schema if that explains it, else by its class."""
    unsaid = [each for each in refusals if each.keyword != REFUSED]
    kept = [each for each in violations if any(_is_near(each, refusal) for refusal in unsaid)]
    rest = [each for each in refusals if each.keyword == REFUSED or not any(_is_near(each, known) for known in kept)]
    return list(dict.fromkeys([*kept, *rest]))


def _is_near(one: Violation, other: Violation) -> bool:
    """Return whether one place is the other, or inside of it."""
    return f"{one.pointer}/".startswith(f"{other.pointer}/") or f"{other.pointer}/".startswith(f"{one.pointer}/")
