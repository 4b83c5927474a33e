"""Answers in JSON: any value, or one that fits a schema."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import field, frozen

from ..schemas.errors import DecodeError
from ..schemas.json_schema.repair import LEFT_OPEN, repair
from ..schemas.json_text import dumps
from ..workflows.objects.output_spec import OutputSpec
from .parser import OutputParser, unreadable

_JSON = "Answer with JSON only, without a word before or after it."


@frozen
class JSONParser(OutputParser[Any]):
    """Any JSON value. A code fence or words around it and trailing commas are mended; what was cut short is not."""

    closed: ClassVar[bool] = True
    instructions: str = _JSON

    def parse(self, text: str) -> Any:
        try:
            value, repairs = repair(text)
        except DecodeError as error:
            raise unreadable(f"the answer is {error.message}", text) from None
        return _whole(value, repairs, text)


@frozen
class SchemaParser(OutputParser[Any]):
    """A value that fits a schema: a JSON Schema (a dict) or any type that `schema_of` understands, which it becomes.

    Every way in which an answer does not fit is in the error's `violations`. Raises SchemaError for a schema that
    cannot be used. Where the model itself is to be held to the schema, use generate_object.
    """

    closed: ClassVar[bool] = True
    schema: Any
    instructions: str = ""
    _target: OutputSpec = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        target = OutputSpec.of(self.schema)
        object.__setattr__(self, "_target", target)
        if not self.instructions:
            shown = dumps(target.schema).decode()
            object.__setattr__(self, "instructions", f"{_JSON} It must fit this JSON Schema:\n{shown}")

    def parse(self, text: str) -> Any:
        return _whole(*self._target.read(text), text)


def _whole(value: Any, repairs: list[str], text: str) -> Any:
    if any(what.startswith(LEFT_OPEN) for what in repairs):
        raise unreadable("the JSON ends before its value does", text, "raise max_tokens")
    return value
