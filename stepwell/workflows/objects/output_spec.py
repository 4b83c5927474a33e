"""The object that a model is asked for: its schema, its Python type, and how an answer is read as one."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...schemas.errors import DecodeError, ObjectInvalid
from ...schemas.json_schema.from_type import schema_of
from ...schemas.json_schema.repair import LEFT_OPEN, repair
from ...schemas.json_schema.root import KEY, in_object, without_nulls
from ...schemas.json_schema.structure_value import structure_value
from ...schemas.json_schema.validate import Violation, errors_of


@frozen
class OutputSpec:
    """A schema and its type. Made by `OutputSpec.of`."""

    kind: Any
    """The type, or the JSON Schema, as it was given."""
    schema: dict[str, Any]
    """Its JSON Schema."""
    sent: dict[str, Any]
    """The schema that is sent, which has an object at its root."""
    wrapped: bool
    """True where that object holds the value under "value"."""
    name: str
    description: str

    @classmethod
    def of(cls, kind: object, name: str | None = None, description: str | None = None) -> OutputSpec:
        """Make one for a JSON Schema (a dict) or a type. Raises SchemaError for anything that cannot be used.

        name, description: what the model reads; None takes them from the schema.
        """
        schema = schema_of(kind)
        sent, wrapped = in_object(schema)
        named = name or schema.get("title") or getattr(kind, "__name__", "") or "answer"
        about = description or schema.get("description") or ""
        return cls(kind, schema, sent, wrapped, _tool_name(named), str(about))

    def read(self, text: str, *, cut: bool = False) -> tuple[Any, list[str]]:
        """Return the value in the text of an answer, as its type, and the repairs made to the JSON.

        cut: True for an answer that was cut at the token limit. JSON that is left open is then not repaired, since
            anything may be missing.

        Raises ObjectInvalid, with all the violations, where there is no value or it does not fit.
        """
        value, repairs = self.parse(text, cut=cut)
        return self.build(value, text), repairs

    def parse(self, text: str, *, cut: bool = False) -> tuple[Any, list[str]]:
        """Return the value as plain JSON data, checked against the schema, and the repairs; see `read`."""
        try:
            value, repairs = repair(text, lambda found: not errors_of(self._unwrapped(found), self.schema), cut=False)
        except DecodeError as error:
            raise _invalid([Violation("", f"is not JSON: {error.message}", "json")], text) from None
        if cut and any(what.startswith(LEFT_OPEN) for what in repairs):
            raise _invalid([Violation("", "ends before its value does", "json")], text)
        value = self._unwrapped(value)
        if violations := errors_of(value, self.schema):
            raise _invalid(violations, text)
        return value, repairs

    def build(self, value: object, text: str) -> Any:
        """Make the type's value of plain data. Raises ObjectInvalid where the type refuses it."""
        try:
            return structure_value(value, self.kind)
        except ObjectInvalid as error:
            error.text = text
            raise

    def _unwrapped(self, value: object) -> Any:
        """Return the value without nulls for absent properties. Remove the wrapping object, which a model may omit."""
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
    """Make a name that vendors accept: letters, digits, _ and -, at most 64 of them."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in name)[:64] or "answer"
