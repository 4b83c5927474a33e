"""Declare how a wire takes JSON Schemas: for the answer, for strict tools, and for plain tools.

This is used by the step `fit_schemas`, which translates the schemas of a request to the vendor's dialect, and by object
calls, which choose by it how to request the object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ...pipeline.http.request import Request
from ...pipeline.step import Step, on_request
from ...schemas.errors import SchemaError
from ...schemas.json_text import dumps
from ...schemas.memo import Memo
from ...schemas.tool import Tool

if TYPE_CHECKING:
    from ...schemas.json_schema.dialects import Dialected, Dropped

_TOOLS = 1000
"""How many tools of earlier calls a provider's step knows; more if a single call has more."""
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
    shown: bool = True
    """the model reads the schema; if not, the prompt has to describe it"""


ONLY_JSON = """Answer with JSON only, without a word before or after it. It must fit this JSON Schema:
{schema}"""
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


def fit_schemas(support: ObjectSupport, provider: str) -> Step:
    """Make the step that translates the schemas of a request to the vendor's dialect.

    It warns of schemas that the vendor does not enforce.
    """

    # By the tool's name, in a list of one, what was sent last: most tools need no change. Tools made at run time must
    # not fill the memory, but those of one call all find their places.
    written = Memo[str, list[Mapping[str, Any] | None]](_TOOLS, lambda name: [None])

    def fit(request: Request) -> Request:
        if "response_format" in request.options:
            request = _fit_answer(request, support, provider)
        changed: dict[int, Tool] = {}
        tools = request.context.tools
        if len(tools) > _TOOLS:
            written.hold(len(tools))
        for at, tool in enumerate(tools):
            if tool.server is None and (tool.strict or written[tool.name][0] != tool.parameters):
                changed[at], losses = _fit_tool(tool, support, provider)
                written[tool.name][0] = changed[at].parameters
                for loss in losses:
                    request = request.warn("tools", loss)
        if not changed:
            return request
        return request.replace(
            context=request.context.with_tools(*(changed.get(at, tool) for at, tool in enumerate(tools)))
        )

    return on_request("fit_schemas", fit)


def _fit_answer(request: Request, support: ObjectSupport, provider: str) -> Request:
    """Translate the schema of an answer, if there is one that is strict or is enforced always."""
    dialect, always = support.answers, support.always_enforced
    response_format: Any = request.options["response_format"]
    json_schema = response_format.get("json_schema") if isinstance(response_format, Mapping) else None
    if not isinstance(json_schema, Mapping) or not isinstance(json_schema.get("schema"), Mapping):
        return request
    schema = json_schema["schema"]
    if "json_schema" not in support.modes:
        return _prompt_for(request, schema, support, f"{provider} takes no schema for its answer")
    if dialect is None or not (always or json_schema.get("strict")):
        return request
    translated = dialect(schema)
    if not translated.strict and always:
        return _prompt_for(request, schema, support, _not_enforced_message(provider, translated.dropped))
    sent = {**json_schema, "schema": translated.schema, **({} if translated.strict else {"strict": False})}
    if translated.dropped:
        request = request.warn("response_format", _not_enforced_message(provider, translated.dropped))
    return request.replace(options={**request.options, "response_format": {**response_format, "json_schema": sent}})


def _prompt_for(request: Request, schema: Mapping[str, Any], support: ObjectSupport, why: str) -> Request:
    """Ask in the prompt for an answer that fits the schema, and for JSON in the way that the wire has."""
    options = {name: value for name, value in request.options.items() if name != "response_format"}
    if "json" in support.modes:
        options["response_format"] = "json"
    context = request.context.with_instructions(ONLY_JSON.format(schema=dumps(schema).decode()))
    request = request.replace(options=options, context=context)
    return request.warn("response_format", f"{why}: the prompt asks for it instead, and nothing enforces it")


def _not_enforced_message(provider: str, dropped: tuple[Dropped, ...]) -> str:
    first = dropped[0]
    more = f", and {len(dropped) - 1} more" if len(dropped) > 1 else ""
    return f"{provider} does not enforce {first.keyword!r} at {first.pointer or 'the root'}{more}"


def _fit_tool(tool: Tool, support: ObjectSupport, provider: str) -> tuple[Tool, list[str]]:
    """Return the tool as it is sent, and what the caller is warned of. Raises SchemaError for one that no vendor
    takes."""
    losses: list[str] = []
    if tool.strict and support.strict_tools is not None:
        if (enforced := _enforced(tool, support.strict_tools)) is not None:
            return evolve(tool, parameters=enforced), losses
        tool = evolve(tool, strict=False)
        losses.append(f"{tool.name!r} is not strict: {provider} does not enforce its schema")
    parameters = tool.parameters
    translated = tool_schema(tool, support.tools)
    if translated.dropped:
        changes = (each for each in translated.dropped if each.changes_calls)
        losses += [
            f"{tool.name!r} is sent without {each.keyword!r} at {each.pointer or 'the root'}: {each.why}"
            for each in changes
        ]
    return tool if translated.schema == parameters else evolve(tool, parameters=translated.schema), losses


def _enforced(tool: Tool, dialect: Dialect) -> dict[str, Any] | None:
    try:
        translated = dialect(tool.parameters)
    except SchemaError:
        return None
    return translated.schema if translated.strict else None


def tool_schema(tool: Tool, dialect: Dialect = PLAIN) -> Dialected:
    """Write a tool's parameters in a dialect. Raises SchemaError, which names the tool, where no vendor takes them."""
    parameters = tool.parameters
    try:
        return dialect(parameters if type(parameters) is dict else dict(parameters))
    except SchemaError as error:
        raise SchemaError(f"the tool {tool.name!r} cannot be sent: {error.message}", hint=error.hint) from None
