"""Declare how a wire takes JSON Schemas: for the answer, for strict tools, and for plain tools.

This is used by the step of fit_schemas.py, which translates the schemas of a request to the vendor's dialect, and by
object calls, which choose by it how to request the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...schemas.errors import SchemaError
from ...schemas.message import Message

if TYPE_CHECKING:
    from ...schemas.json_schema.dialects import Dialected

Dialect = Callable[[Any], "Dialected"]


def lazy_dialect(name: str, function: str = "to_dialect") -> Dialect:
    """Make a dialect whose module is imported for the first schema, since that takes as long as importing a wire.

    name: the name of its module within `providers`, or with dots before it, relative to this one.
    function: the name of the function in it.
    """

    @cache
    def load() -> Dialect:
        dialect: Dialect = getattr(import_module(name if name[0] == "." else f"..{name}", __package__), function)
        return dialect

    return lambda schema: load()(schema)


def never_strict(schema: object) -> Dialected:
    """Refuse every schema: the dialect of strict tools where a vendor enforces no arguments. Raises SchemaError."""
    raise SchemaError("nothing enforces the arguments of tools here")


PLAIN = lazy_dialect("...schemas.json_schema.dialects.plain")

MODES = ("json_schema", "strict_tool", "tool", "json", "prompt")


@frozen(kw_only=True)
class ObjectSupport:
    """How a wire takes JSON Schemas."""

    modes: tuple[str, ...] = MODES
    """the ways to request an object, best first: `json_schema` (the answer must fit the schema), `strict_tool` (a call
    must), `tool`, `json` (the answer is JSON), `prompt` (only the prompt describes it)"""
    answers: Dialect | None = None
    """translates the schema of an answer to the vendor's dialect; None sends it as it is"""
    strict_tools: Dialect | None = None
    """the same for strict tools; `never_strict` where the vendor has none"""
    tools: Dialect = PLAIN
    """the same for other tools; by default only the root is made one object, and what breaks JSON Schema is repaired"""
    always_enforced: bool = False
    """a schema for the answer cannot be sent as a hint: one that cannot be enforced is put into the prompt instead"""
    sure: bool = False
    """`json_schema` works for every model, also where the metadata does not say so"""
    json_unasked: bool = False
    """`json` works where no message asks for JSON; others refuse that, or write white space without end"""
    shown: bool = True
    """the model reads the schema; if not, the prompt has to describe it"""


def is_any_json(response_format: object) -> bool:
    """Check whether a response format asks for JSON without a schema."""
    kind = response_format.get("type") if isinstance(response_format, Mapping) else response_format
    return kind in ("json", "json_object")


def ask_for_json(messages: Iterable[Message]) -> bool:
    """Check whether a message has the word "json", as the vendors' JSON modes demand."""
    return any("json" in message.text.lower() for message in messages)


ANY_JSON = "Answer with JSON only, without a word before or after it."
"""The instruction for JSON without a schema."""
ONLY_JSON = f"{ANY_JSON} It must fit this JSON Schema:\n{{schema}}"
"""The instruction for a schema that nothing enforces."""
AS_GIVEN = ObjectSupport()
BY_GRAMMAR = ObjectSupport(
    modes=("json_schema", "json", "prompt"),
    answers=lazy_dialect("local.grammar_dialect"),
    tools=lazy_dialect("local.grammar_dialect", "to_tool_dialect"),
    always_enforced=True,
    sure=True,
    shown=False,
)
"""llama.cpp and servers built on it: the schema becomes a grammar, which the model does not see."""
