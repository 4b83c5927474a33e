"""jsonschema's validator with patterns, multiples and formats of our own, which never leaves the document.

Importing this module imports jsonschema, which takes 100 ms: `validate` does so on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from fractions import Fraction
from typing import Any, Final, NoReturn, Protocol

from attrs import define, field
from jsonschema import Draft202012Validator, FormatChecker, ValidationError  # type: ignore[import-untyped]
from jsonschema.validators import extend  # type: ignore[import-untyped]
from referencing import Registry
from referencing.exceptions import NoSuchResource

from ..json_types import JSONSchema, Schema
from ..regex import compile_pattern, is_pattern
from .formats import FORMATS

Errors = Iterator[Any]


class Validator(Protocol):
    """The part of jsonschema's validator that is used here; the library has no types."""

    def evolve(self, *, schema: Schema) -> Validator:
        """Return a validator of another schema of the same document."""

    def is_valid(self, instance: object) -> bool:
        """Return whether the value fits."""

    def iter_errors(self, instance: object) -> Errors:
        """Yield the errors of the value."""

    def descend(
        self,
        instance: object,
        schema: Schema,
        path: str | int | None = None,
        schema_path: str | int | None = None,
    ) -> Errors:
        """Yield the errors of a part of the value."""


MAX_STEPS: Final = 5_000
"""How many references and unions are followed to explain why a value does not fit; after that, the reason is
left out."""


@define
class _MatchState:
    """The state of one match of a value against a schema."""

    fitting: dict[tuple[str | int, int], bool] = field(factory=dict)
    """Whether the value fits, by pairs of schema and value, so that steps add up and do not multiply."""
    deciding: bool = False
    """While set, errors are not explained."""
    shallow: bool = False
    """While set, errors in unions inside are not explained."""
    left: int = MAX_STEPS
    """How many more steps may be taken to explain."""

    def explaining(self) -> bool:
        """Count one more step of explaining, and return whether so many may be taken."""
        if not self.deciding:
            self.left -= 1
            self.deciding = self.left < 0
        return not self.deciding


NONE_FITS: Final = "none"
"""The message of the error of a union of which no alternative fits, as opposed to one of which several do."""
_STATE: ContextVar[_MatchState] = ContextVar("stepwell_matching")


class Matcher:
    """A matcher of values against a schema that `safety.checked_schema` returned."""

    def __init__(self, schema: Schema) -> None:
        registry = Registry(retrieve=_refuse)  # type: ignore[call-arg]
        self._validator: Validator = _Validator(schema, registry=registry, format_checker=_formats())

    def errors(self, value: object) -> list[Any]:
        """Return jsonschema's errors for a value."""
        token = _STATE.set(_MatchState())
        try:
            return list(self._validator.iter_errors(value))
        finally:
            _STATE.reset(token)

    def fits(self, value: object, part: Schema) -> bool:
        """Return whether the value fits one part of the schema."""
        token = _STATE.set(_MatchState(deciding=True))
        try:
            return bool(self._validator.evolve(schema=part).is_valid(value))
        finally:
            _STATE.reset(token)


def _refuse(uri: str) -> NoReturn:
    raise NoSuchResource(ref=uri)  # type: ignore[call-arg]


def _formats() -> Any:
    checker = FormatChecker(formats=())
    for name, holds in {**FORMATS, "regex": is_pattern}.items():
        checker.checks(name)(lambda value, holds=holds: not isinstance(value, str) or holds(value))
    return checker


# The messages of these errors are not shown: `validate` has its own, which do not quote the value.


def _pattern(validator: Validator, pattern: str, value: object, schema: JSONSchema) -> Errors:
    if isinstance(value, str) and not compile_pattern(pattern).search(value):
        yield ValidationError("")


def _pattern_properties(validator: Validator, by_pattern: JSONSchema, value: object, schema: JSONSchema) -> Errors:
    if isinstance(value, dict):
        for pattern, part in by_pattern.items():
            for name in value:
                if compile_pattern(pattern).search(name):
                    yield from validator.descend(value[name], part, path=name, schema_path=pattern)


def _additional_properties(validator: Validator, additional: Schema, value: object, schema: JSONSchema) -> Errors:
    if not isinstance(value, dict):
        return
    patterns = [compile_pattern(pattern) for pattern in schema.get("patternProperties", ())]
    known = schema.get("properties", ())
    extra = [name for name in value if name not in known and not any(pattern.search(name) for pattern in patterns)]
    if additional is False and extra:
        yield ValidationError("")
    elif isinstance(additional, dict):
        for name in extra:
            yield from validator.descend(value[name], additional, path=name)


def _multiple_of(validator: Validator, divisor: float, value: object, schema: JSONSchema) -> Errors:
    # In decimal, as written: in binary, 0.3 is not a multiple of 0.1.
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and Fraction(str(value)) % Fraction(str(divisor)):
        yield ValidationError("")


_follow_reference: Final[Callable[[Validator, str, object, JSONSchema], Errors]] = Draft202012Validator.VALIDATORS[
    "$ref"
]


def _ref(validator: Validator, ref: str, value: object, schema: JSONSchema) -> Errors:
    state = _STATE.get()
    pair = (ref, id(value))
    known = state.fitting.get(pair)
    if known:
        return
    if known is False and not state.explaining():
        yield ValidationError("")
        return
    for error in _follow_reference(validator, ref, value, schema):
        state.fitting[pair] = False
        yield error
    state.fitting.setdefault(pair, True)


def _any_of(validator: Validator, alternatives: list[Schema], value: object, schema: JSONSchema) -> Errors:
    if not any(_fits(validator, part, value) for part in alternatives):
        yield _none_of(validator, alternatives, value)


def _one_of(validator: Validator, alternatives: list[Schema], value: object, schema: JSONSchema) -> Errors:
    fitting = sum(_fits(validator, part, value) for part in alternatives)
    if not fitting:
        yield _none_of(validator, alternatives, value)
    elif fitting > 1:
        yield ValidationError("")


def _fits(validator: Validator, part: Schema, value: object) -> bool:
    """Return whether a value fits an alternative, without collecting errors: a union that fits needs no explanation."""
    state = _STATE.get()
    pair = (id(part), id(value))
    if pair not in state.fitting:
        before, state.deciding = state.deciding, True
        state.fitting[pair] = validator.evolve(schema=part).is_valid(value)
        state.deciding = before
    return state.fitting[pair]


def _none_of(validator: Validator, alternatives: list[Schema], value: object) -> ValidationError:
    """Return an error with the errors of the closest alternative, or without any if none is of the value's kind."""
    state = _STATE.get()
    if state.shallow or not state.explaining():
        return ValidationError(NONE_FITS)
    state.shallow = True
    parts = [(at, part) for at, part in enumerate(alternatives) if part is not False]
    ranked = [(*_distance(list(validator.descend(value, part))), at) for at, part in parts]
    state.shallow = False
    wrong_kind, _, nearest = min(ranked, default=(1, 0, 0))
    if wrong_kind:
        return ValidationError(NONE_FITS)
    return ValidationError("", context=list(validator.descend(value, alternatives[nearest], schema_path=nearest)))


def _distance(errors: list[ValidationError]) -> tuple[int, int]:
    """Measure errors: first by how many show that the value is of another kind (type, tag), then by their number."""
    own = ("type", "const", "enum", "additionalProperties")
    wrong_kind = [
        error
        for error in errors
        if (error.validator in own and not error.path) or (error.validator == "const" and len(error.path) == 1)
    ]
    return len(wrong_kind), len(errors)


def _unique_items(validator: Validator, unique: bool, value: object, schema: JSONSchema) -> Errors:
    # jsonschema compares all pairs of items that cannot be sorted.
    if unique and isinstance(value, list) and len(set(map(_identity, value))) != len(value):
        yield ValidationError("")


def _identity(value: object) -> Any:
    """Return a key that is equal for values that are equal in JSON Schema: 1 and 1.0, but not 1 and true."""
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
