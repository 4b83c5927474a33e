"""The object that a model is asked for: its schema, its Python type, and how an answer is read as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_origin

from attrs import frozen

from ...schemas.errors import DecodeError, ObjectInvalid, SchemaError
from ...schemas.json_schema.from_type import schema_of
from ...schemas.json_schema.keywords import refuse_names_alone
from ...schemas.json_schema.read_value import read_value
from ...schemas.json_schema.repair import repair
from ...schemas.json_schema.root import KEY, in_object, without_nulls
from ...schemas.json_schema.violation import REFUSED, Violation
from ...schemas.message import Context
from ...schemas.missing_argument import refuse_missing


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
        refuse_missing(kind)
        schema = schema_of(kind)
        refuse_names_alone(schema)
        sent, wrapped = in_object(schema)
        named = name or schema.get("title") or getattr(kind, "__name__", "") or "answer"
        about = description or schema.get("description") or ""
        return cls(kind, schema, sent, wrapped, _tool_name(named), str(about))

    def read(self, text: str, *, cut: bool = False) -> tuple[Any, list[str]]:
        """Return the value in the text of an answer, as its type, and the repairs made to the JSON.

        cut: True for an answer that was cut at the token limit. JSON that is left open is then not repaired, since
            anything may be missing, and no draft before it, or in the model's reasoning, is taken for it.

        Raises ObjectInvalid, with all the violations, where there is no value or it does not fit.
        """
        found, repairs = self.parse(text, cut=cut)
        return self.build(found, text), repairs

    def parse(self, text: str, *, cut: bool = False) -> tuple[Any, list[str]]:
        """Return the JSON value in the text of an answer, not yet checked, and the repairs; see `read`."""
        try:
            return repair(text, self._fits, cut=False, limited=cut)
        except DecodeError as error:
            raise _invalid([Violation("", f"is not JSON: {error.message}", "json")], text) from None

    def plain(self, found: object) -> Any:
        """Return a JSON value of an answer without the object that wraps it, and without nulls for absent properties.

        A model may omit the wrapping object.
        """
        return self._unwrapped(without_nulls(found, self.sent))

    def build(self, found: object, text: str) -> Any:
        """Make the type's value of a JSON value that `parse` found. Raises ObjectInvalid where that does not fit."""
        plain, given = self.plain(found), self._unwrapped(found)
        try:
            if given != plain:
                try:
                    # A class of the program may read such a null.
                    return read_value(given, self.kind, self.schema)
                except ObjectInvalid:
                    pass
            return read_value(plain, self.kind, self.schema)
        except ObjectInvalid as error:
            raise _invalid(error.violations, text) from None

    def _fits(self, found: object) -> bool:
        try:
            self.build(found, "")
        except ObjectInvalid:
            return False
        return True

    def _unwrapped(self, value: object) -> Any:
        if self.wrapped and isinstance(value, dict) and value.keys() == {KEY}:
            return value[KEY]
        return value


def spec_of(schema: object, prompt: object, name: str | None, description: str | None) -> OutputSpec:
    """Return the OutputSpec of a call for an object, which may be given as one.

    Raises SchemaError as OutputSpec.of does, and where the prompt is in the place of the schema.
    """
    if isinstance(schema, OutputSpec):
        return schema
    if isinstance(schema, str | Context | list) and _looks_like_a_schema(prompt):
        hint = "the prompt comes first: generate_object(model, prompt, schema)"
        raise SchemaError("the prompt and the schema are in each other's place", hint=hint)
    return OutputSpec.of(schema, name, description)


def _looks_like_a_schema(prompt: object) -> bool:
    return isinstance(prompt, type) or get_origin(prompt) is not None or (type(prompt) is dict and "role" not in prompt)


def _invalid(violations: Sequence[Violation], text: str) -> ObjectInvalid:
    # What a class says may quote the value, which an error's message must not.
    quotable = next((each for each in violations if each.keyword != REFUSED), None)
    first = quotable or f"{violations[0].pointer or 'the value'} is refused by its class"
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    return ObjectInvalid(f"the answer does not fit the schema: {first}{more}", violations=tuple(violations), text=text)


def _tool_name(name: str) -> str:
    """Make a name that vendors accept: letters, digits, _ and -, at most 64 of them."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in name)[:64] or "answer"
