"""The step that fits what a request asks of its answer and its tools to what the wire takes: schemas, and JSON mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ...pipeline.http.request import Request
from ...pipeline.step import Step, on_request
from ...schemas.errors import SchemaError
from ...schemas.json_text import dumps
from ...schemas.memo import Memo
from ...schemas.reply import CallWarning
from ...schemas.tool import Tool
from .dropped import drop_options
from .object_support import ANY_JSON, ONLY_JSON, PLAIN, Dialect, ObjectSupport, ask_for_json, is_any_json

if TYPE_CHECKING:
    from ...schemas.json_schema.dialects import Dialected, Dropped

_TOOLS = 1000
"""How many tools of earlier calls a provider's step knows; more if a single call has more."""
_FORMS = 3
"""In how many forms the schema of a tool is kept at most: as it is, as plain JSON Schema, in the vendor's dialect."""


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
        lost: list[str] = []
        tools = request.context.tools
        if len(tools) > _TOOLS:
            from ...schemas.json_schema.safety import SCHEMAS  # few calls have so many

            written.hold(len(tools))
            SCHEMAS.hold(_FORMS * len(tools))
        for at, tool in enumerate(tools):
            if tool.server is None and (tool.strict or written[tool.name][0] != tool.parameters):
                changed[at], losses = _fit_tool(tool, support, provider)
                written[tool.name][0] = changed[at].parameters
                lost += losses
        if not changed:
            return request
        if lost:
            warned = (CallWarning("tools", loss, str(request.model)) for loss in lost)
            request = request.replace(warnings=(*request.warnings, *warned))
        return request.replace(
            context=request.context.with_tools(*(changed.get(at, tool) for at, tool in enumerate(tools)))
        )

    return on_request("fit_schemas", fit)


def _fit_answer(request: Request, support: ObjectSupport, provider: str) -> Request:
    """Translate the schema of an answer, if there is one that is strict or is enforced always."""
    dialect, always = support.answers, support.always_enforced
    response_format: Any = request.options["response_format"]
    if is_any_json(response_format):
        return _fit_json(request, support, provider)
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


def _fit_json(request: Request, support: ObjectSupport, provider: str) -> Request:
    """Fit a request for JSON without a schema, for which the prompt has to ask.

    OpenAI refuses a prompt that does not ("'messages' must contain the word 'json' in some form"). It says that the
    model may otherwise write white space without end; so do DeepSeek, Cohere and Mistral:
    https://developers.openai.com/api/docs/guides/structured-outputs#json-mode,
    https://api-docs.deepseek.com/guides/json_mode, https://docs.cohere.com/docs/structured-outputs
    """
    if "json" not in support.modes:
        why = f"{provider} has no JSON mode without a schema: the prompt asks for JSON, and nothing enforces it"
        request = drop_options(request, ["response_format"], why)
    elif support.json_unasked:
        return request
    if ask_for_json(request.context.messages):
        return request
    if "response_format" in request.options:
        request = request.warn(
            "response_format", "no message asks for JSON: an instruction to answer with it was added"
        )
    return request.replace(context=request.context.with_instructions(ANY_JSON))


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
