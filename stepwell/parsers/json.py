"""JSONParser and SchemaParser: answers in JSON, any value or one that fits a schema."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from attrs import field, frozen

from ..providers.declare.object_support import ANY_JSON, ONLY_JSON
from ..schemas.errors import DecodeError
from ..schemas.json_schema.repair import LEFT_OPEN, repair
from ..schemas.json_text import dumps
from ..workflows.objects.output_spec import OutputSpec
from .parser import OutputParser, unreadable

T = TypeVar("T")


@frozen
class JSONParser(OutputParser[Any]):
    """Parser of any JSON value.

    Repairs a code fence or words around it and trailing commas; an answer that was cut is an error.
    """

    closed: ClassVar[bool] = True
    instructions: str = ANY_JSON

    def parse(self, text: str) -> Any:
        """Return the JSON value. Raises ObjectInvalid for text that holds none, or an incomplete one."""
        try:
            value, repairs = repair(text)
        except DecodeError as error:
            raise unreadable(f"the answer is {error.message}", text) from None
        return _check_complete(value, repairs, text)


@frozen
class SchemaParser(OutputParser[Any]):
    """Parser of a JSON value that fits a schema: a JSON Schema (a dict), or a type, to which the value is converted.

    All violations of the schema are in the error's `violations`. Raises SchemaError for a schema that cannot be used.
    To have the provider enforce the schema, use generate_object.
    """

    closed: ClassVar[bool] = True
    schema: Any
    instructions: str = ""
    _spec: OutputSpec = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        spec = OutputSpec.of(self.schema)
        object.__setattr__(self, "_spec", spec)
        if not self.instructions:
            schema = dumps(spec.schema).decode()
            object.__setattr__(self, "instructions", ONLY_JSON.format(schema=schema))

    def parse(self, text: str) -> Any:
        """Return the value as the schema's type. Raises ObjectInvalid, with all violations, if it does not fit."""
        return _check_complete(*self._spec.read(text), text)


def _check_complete(value: T, repairs: list[str], text: str) -> T:
    if any(what.startswith(LEFT_OPEN) for what in repairs):
        raise unreadable("the JSON ends before its value does", text, "raise max_tokens")
    return value
