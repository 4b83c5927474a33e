"""Convert LangChain's tools and schemas to those of a call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, cast

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableMap, RunnablePassthrough
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

from ...schemas.errors import ConfigError, DecodeError
from ...schemas.json_schema.repair import LEFT_OPEN, repair
from ...schemas.json_text import dumps
from ...schemas.tool import Tool, tool_behind

Declared = Mapping[str, Any]
ToolLike = dict[str, Any] | type | Callable[..., Any] | BaseTool | Tool


def declared(tool: ToolLike, strict: bool | None) -> Declared | Tool:
    """Return a tool as LangChain binds it: in the form of OpenAI.

    A stepwell Tool, and a provider's own declaration of a tool that it runs itself, are returned unchanged.
    """
    if (ours := tool_behind(tool)) is not None:
        return ours
    if isinstance(tool, Mapping) and _is_server_tool(tool):
        return tool
    return convert_to_openai_tool(tool, strict=strict)


def _is_server_tool(tool: Declared) -> bool:
    return "type" in tool and tool["type"] not in ("function", "object") and "input_schema" not in tool


def tools_from_langchain(bound: Sequence[Declared | Tool]) -> list[Tool]:
    """Return the tools of a call. Raises ConfigError for a name that no provider would accept."""
    return [tool if isinstance(tool, Tool) else _tool(tool) for tool in bound]


def _tool(tool: Declared) -> Tool:
    if _is_server_tool(tool):
        return Tool(tool.get("name") or tool["type"], server=tool)
    converted = tool if tool.get("type") == "function" else convert_to_openai_tool(dict(tool))
    function = converted.get("function", converted)  # OpenAI's Responses API does not nest the function
    return Tool(
        function["name"],
        function.get("description", ""),
        function.get("parameters"),
        strict=function.get("strict"),
    )


def structured(
    model: BaseChatModel, schema: dict[str, Any] | type, method: str, *, strict: bool | None, include_raw: bool
) -> Runnable[LanguageModelInput, Any]:
    """Return the model, bound to a schema by one of LangChain's three methods, and a parser of its answers.

    model: the chat model.
    schema: a pydantic class, a TypedDict or a JSON Schema.
    method: json_schema, function_calling or json_mode. Raises ConfigError for any other.
    strict: whether answers must fit the schema exactly (None: the provider's default).
    include_raw: give a dict of the raw message, the parsed object and the parser's error.
    """
    function = convert_to_openai_tool(schema, strict=strict)["function"]
    pydantic: Any = schema if isinstance(schema, type) and is_basemodel_subclass(schema) else None
    traced = {"kwargs": {"method": method, "strict": strict}, "schema": schema}
    parser: Runnable[AIMessage, Any]
    if method == "function_calling":
        llm: Runnable[LanguageModelInput, AIMessage] = model.bind_tools(
            [schema], tool_choice="any", strict=strict, ls_structured_output_format=traced
        )
        parser = JsonOutputKeyToolsParser(key_name=function["name"], first_tool_only=True)
    elif method in ("json_schema", "json_mode"):
        llm = model.bind(response_format=_format(function, method), ls_structured_output_format=traced)
        parser = JsonOutputParser()
    else:
        raise ConfigError(
            f"{method!r} is not a method of structured output", hint="use function_calling, json_schema or json_mode"
        )
    calling = method == "function_calling"
    parser = _check_answer(calling=calling) | parser
    if pydantic:
        parser = parser | _read_as(pydantic, calling=calling)
    return _with_raw(llm, parser) if include_raw else llm | parser


def _read_as(model: type[Any], *, calling: bool) -> Runnable[Any, Any]:
    """Read JSON data, or data that grows, as a pydantic class reads JSON.

    LangChain's own parsers pass the data as Python's, which strict classes refuse. For what it cannot read in the end,
    raises pydantic's ValidationError for a call, else OutputParserException.
    """

    def read(value: object) -> tuple[Any, Exception | None]:
        try:
            text = dumps(value)
            return (
                model.model_validate_json(text) if hasattr(model, "model_validate_json") else model(**cast(Any, value))
            ), None
        except ValueError as error:
            if calling:
                return None, error
            message = f"Failed to parse {model.__name__} from completion {text.decode()}. Got: {error}"
            refused = OutputParserException(message, llm_output=text.decode())
            refused.__cause__ = error
            return None, refused

    def transform(values: Iterator[Any]) -> Iterator[Any]:
        error = None
        for value in values:
            made, error = read(value)
            if error is None:
                yield made
        if error is not None:
            raise error

    async def atransform(values: AsyncIterator[Any]) -> AsyncIterator[Any]:
        error = None
        async for value in values:
            made, error = read(value)
            if error is None:
                yield made
        if error is not None:
            raise error

    return RunnableGenerator(transform, atransform)


def _check_answer(*, calling: bool) -> Runnable[AIMessage, AIMessage]:
    """Pass an answer on, and raise OutputParserException at its end if it holds no object.

    LangChain's parsers would return None for a missing call, and complete JSON that was cut.
    """

    def check(pieces: list[AIMessage]) -> None:
        message: Any = pieces[0] + pieces[1:] if isinstance(pieces[0], AIMessageChunk) else pieces[0]
        if (fault := _fault(message, calling)) is not None:
            raise OutputParserException(fault, llm_output=message.text)

    def pass_on(answer: Iterator[AIMessage]) -> Iterator[AIMessage]:
        pieces = []
        for piece in answer:
            pieces.append(piece)
            yield piece
        check(pieces)

    async def apass_on(answer: AsyncIterator[AIMessage]) -> AsyncIterator[AIMessage]:
        pieces = []
        async for piece in answer:
            pieces.append(piece)
            yield piece
        check(pieces)

    return RunnableGenerator(pass_on, apass_on)


def _fault(message: AIMessage, calling: bool) -> str | None:
    """Return why an answer holds no object; None if it may hold one."""
    refusal = message.additional_kwargs.get("refusal")
    if refusal and not message.text and not message.tool_calls:
        return f"the model refused: {refusal[:200]}"
    reason = message.response_metadata.get("finish_reason")
    if calling:
        if message.tool_calls:
            return None
        why = "; ".join(call["error"] or "its arguments are not a JSON object" for call in message.invalid_tool_calls)
        return f"the model made no valid call ({why or 'it answered with text'}; its finish reason is {reason})"
    if _is_complete(message.text):
        return None
    if reason in (None, "stop", "tool_calls"):
        return "the answer is not one whole JSON document"
    return f"the answer broke off (finish reason {reason}); if that is length, raise max_tokens"


def _is_complete(text: str) -> bool:
    """Return whether the text is a complete JSON document; LangChain's parsers also accept the beginning of one."""
    try:
        _, repairs = repair(text)
    except DecodeError:
        return False
    return not any(what.startswith(LEFT_OPEN) for what in repairs)


def _format(function: Declared, method: str) -> Any:
    if method == "json_mode":
        return "json"
    json_schema = {"name": function["name"], "schema": function["parameters"]}
    if "strict" in function:
        json_schema["strict"] = function["strict"]
    return {"type": "json_schema", "json_schema": json_schema}


def _with_raw(
    llm: Runnable[LanguageModelInput, AIMessage], parser: Runnable[AIMessage, Any]
) -> Runnable[LanguageModelInput, Any]:
    """Return a Runnable of the raw message, the parsed object and the parser's error, as `include_raw` defines it."""
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=llm) | parsed.with_fallbacks([failed], exception_key="parsing_error")
