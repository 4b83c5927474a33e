"""What is wanted of a model: a schema, the Python type it came from, and how an answer becomes one of its values."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...schemas.errors import DecodeError, ObjectInvalid
from ...schemas.json_schema.from_type import schema_of
from ...schemas.json_schema.repair import LEFT_OPEN, repair
from ...schemas.json_schema.root import KEY, in_object, without_nulls
from ...schemas.json_schema.structure_value import structure_value
from ...schemas.json_schema.validate import Violation, check_schema, errors_of


@frozen
class OutputSpec:
    """`schema` is what was asked for, `sent` the same with an object at its root (under "value" when `wrapped`)."""

    kind: Any
    schema: dict[str, Any]
    sent: dict[str, Any]
    wrapped: bool
    name: str
    description: str

    @classmethod
    def of(cls, kind: Any, name: str | None = None, description: str | None = None) -> OutputSpec:
        """The target for a JSON Schema (a dict) or a type. Raises SchemaError for what cannot be used."""
        schema = schema_of(kind)
        check_schema(schema)
        sent, wrapped = in_object(schema)
        named = name or schema.get("title") or getattr(kind, "__name__", "") or "answer"
        about = description or schema.get("description") or ""
        return cls(kind, schema, sent, wrapped, _tool_name(named), str(about))

    def read(self, text: str, *, cut: bool = False) -> tuple[Any, list[str]]:
        """The value in the text of an answer, as its type, and what had to be mended in the JSON. Where the answer was
        `cut` at the token limit, JSON that was left open is not mended: what is missing may be anything.

        Raises ObjectInvalid with all the violations when there is none or it does not fit.
        """
        value, repairs = self.parse(text, cut=cut)
        return self.build(value, text), repairs

    def parse(self, text: str, *, cut: bool = False) -> tuple[Any, list[str]]:
        """As `read`, but the value as JSON has it, checked against the schema alone."""
        try:
            value, repairs = repair(text, lambda found: not errors_of(self._meant(found), self.schema), cut=False)
        except DecodeError as error:
            raise _invalid([Violation("", f"is not JSON: {error.message}", "json")], text) from None
        if cut and any(what.startswith(LEFT_OPEN) for what in repairs):
            raise _invalid([Violation("", "ends before its value does", "json")], text)
        value = self._meant(value)
        if violations := errors_of(value, self.schema):
            raise _invalid(violations, text)
        return value, repairs

    def build(self, value: Any, text: str) -> Any:
        """The plain value as its type. Raises ObjectInvalid where that refuses it."""
        try:
            return structure_value(value, self.kind)
        except ObjectInvalid as error:
            error.text = text
            raise

    def _meant(self, value: Any) -> Any:
        """The value itself, without nulls that stand for nothing, and out of the object that it came in; a model that
        left the object out is understood."""
        value = without_nulls(value, self.sent)
        if self.wrapped and isinstance(value, dict) and value.keys() == {KEY}:
            return value[KEY]
        return value


def _invalid(violations: list[Violation], text: str) -> ObjectInvalid:
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    return ObjectInvalid(
        f"the answer does not fit the schema: {violations[0]}{more}",
        violations=tuple(violations),
        text=text,
    )


def _tool_name(name: str) -> str:
    """The name as vendors take it: letters, digits, _ and -, at most 64 of them."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in name)[:64] or "answer"
