"""jsonschema's validator with our own patterns, multiples and formats, and without a way out of the document.

Importing this module imports jsonschema, which costs 100 ms: `validate` does so on first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from fractions import Fraction
from typing import Any, Final, NoReturn

from attrs import define, field
from jsonschema import Draft202012Validator, FormatChecker, ValidationError  # type: ignore[import-untyped]
from jsonschema.validators import extend  # type: ignore[import-untyped]
from referencing import Registry
from referencing.exceptions import NoSuchResource

from ..json_types import Schema
from .formats import FORMATS
from .patterns import compile_pattern

Errors = Iterator[Any]

MAX_STEPS: Final = 5_000
"""References and unions that are gone through to explain why a value does not fit. Past this it is only said that it
does not."""


@define
class _Work:
    """One matching under way.

    What is known of pairs of a schema and a value is kept, so that whether the value fits is decided in steps that add
    up and never multiply. While `deciding`, why it does not fit is not asked; while `shallow`, not why it does not fit
    the unions inside.
    """

    fitting: dict[tuple[Any, int], bool] = field(factory=dict)
    deciding: bool = False
    shallow: bool = False
    left: int = MAX_STEPS

    def explaining(self) -> bool:
        """Whether another step may be taken to explain."""
        if not self.deciding:
            self.left -= 1
            self.deciding = self.left < 0
        return not self.deciding


NONE_FITS: Final = "none"
"""What the error of a union without an explanation says, to tell it from one that fits too often."""
_WORK: ContextVar[_Work] = ContextVar("stepwell_matching")


class Matcher:
    """Matches values against a schema that `check.prepare` has passed."""

    def __init__(self, schema: Schema) -> None:
        registry: Any = Registry(retrieve=_refuse)  # type: ignore[call-arg]
        self._validator = _Validator(schema, registry=registry, format_checker=_formats())

    def errors(self, value: Any) -> list[Any]:
        """jsonschema's errors."""
        token = _WORK.set(_Work())
        try:
            return list(self._validator.iter_errors(value))
        finally:
            _WORK.reset(token)

    def fits(self, value: Any, part: Schema) -> bool:
        """Whether the value fits one part of the schema."""
        token = _WORK.set(_Work(deciding=True))
        try:
            return bool(self._validator.evolve(schema=part).is_valid(value))
        finally:
            _WORK.reset(token)


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


def _ref(validator: Any, wanted: str, value: Any, schema: Any) -> Errors:
    work = _WORK.get()
    pair = (wanted, id(value))
    known = work.fitting.get(pair)
    if known:
        return
    if known is False and not work.explaining():
        yield ValidationError("")
        return
    fits = True
    for error in validator._validate_reference(ref=wanted, instance=value):
        fits = work.fitting[pair] = False
        yield error
    if fits:
        work.fitting[pair] = True


def _any_of(validator: Any, wanted: Any, value: Any, schema: Any) -> Errors:
    if not any(_fits(validator, part, value) for part in wanted):
        yield _none_of(validator, wanted, value)


def _one_of(validator: Any, wanted: Any, value: Any, schema: Any) -> Errors:
    fitting = sum(_fits(validator, part, value) for part in wanted)
    if not fitting:
        yield _none_of(validator, wanted, value)
    elif fitting > 1:
        yield ValidationError("")


def _fits(validator: Any, part: Any, value: Any) -> bool:
    """Decided before any error is collected: of a union that fits, nothing has to be explained."""
    work = _WORK.get()
    pair = (id(part), id(value))
    if pair not in work.fitting:
        before, work.deciding = work.deciding, True
        try:
            work.fitting[pair] = validator.evolve(schema=part).is_valid(value)
        finally:
            work.deciding = before
    return work.fitting[pair]


def _none_of(validator: Any, wanted: Any, value: Any) -> ValidationError:
    """Why the alternative that comes closest does not fit, or that none comes near."""
    work = _WORK.get()
    if work.shallow or not work.explaining():
        return ValidationError(NONE_FITS)
    work.shallow = True
    try:
        parts = [(at, part) for at, part in enumerate(wanted) if part is not False]
        ranked = [(*_distance(list(validator.descend(value, part))), at) for at, part in parts]
    finally:
        work.shallow = False
    wrong_kind, _, nearest = min(ranked, default=(1, 0, 0))
    if wrong_kind:
        return ValidationError(NONE_FITS)
    return ValidationError("", context=list(validator.descend(value, wanted[nearest], schema_path=nearest)))


def _distance(errors: list[ValidationError]) -> tuple[int, int]:
    """First whether the value is of another kind altogether (wrong type, wrong tag), then the number of faults."""
    kinds = {"type", "const", "enum", "additionalProperties"}
    wrong_kind = sum(
        1
        for error in errors
        if (error.validator in kinds and not error.path) or (error.validator in {"const"} and len(error.path) == 1)
    )
    return wrong_kind, len(errors)


def _unique_items(validator: Any, wanted: Any, value: Any, schema: Any) -> Errors:
    # jsonschema compares each item with each other when they cannot be sorted.
    if wanted and isinstance(value, list) and len(set(map(_identity, value))) != len(value):
        yield ValidationError("")


def _identity(value: Any) -> Any:
    """Equal for values that JSON Schema calls equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, dict):
        return (dict, frozenset((name, _identity(part)) for name, part in value.items()))
    if isinstance(value, list):
        return (list, *map(_identity, value))
    return (bool, value) if isinstance(value, bool) else value


_Validator = extend(
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "multipleOf": _multiple_of,
        "uniqueItems": _unique_items,
        "anyOf": _any_of,
        "oneOf": _one_of,
        "$ref": _ref,
    },
)
