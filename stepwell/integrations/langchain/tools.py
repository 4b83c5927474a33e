"""LangChain's tools, choices of tools and schemas, in the forms that a call takes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableMap, RunnablePassthrough
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

from ...schemas.errors import ConfigError, DecodeError
from ...schemas.json_schema.repair import LEFT_OPEN, repair
from ...schemas.tool import Tool, tool_behind

Declared = Mapping[str, Any]
ToolLike = dict[str, Any] | type | Callable[..., Any] | BaseTool | Tool


def declared(tool: ToolLike, strict: bool | None) -> Declared | Tool:
    """A tool as LangChain binds it: OpenAI's declaration. A stepwell Tool, or a provider's own declaration of a tool
    that it runs itself, stays as it is."""
    if (ours := tool_behind(tool)) is not None:
        return ours
    if isinstance(tool, Mapping) and _is_server_tool(tool):
        return tool
    return convert_to_openai_tool(tool, strict=strict)


def _is_server_tool(tool: Declared) -> bool:
    return "type" in tool and tool["type"] not in ("function", "object") and "input_schema" not in tool


def tools_from_langchain(bound: Sequence[Declared | Tool]) -> list[Tool]:
    """The tools of a call. Raises ConfigError for a name that no provider would take."""
    return [tool if isinstance(tool, Tool) else _tool(tool) for tool in bound]


def _tool(tool: Declared) -> Tool:
    if _is_server_tool(tool):
        return Tool(tool.get("name") or tool["type"], server=tool)
    converted = tool if tool.get("type") == "function" else convert_to_openai_tool(dict(tool))
    function = converted.get("function", converted)  # OpenAI's responses have one layer less
    return Tool(
        function["name"],
        function.get("description", ""),
        function.get("parameters"),
        strict=function.get("strict"),
    )


def structured(
    model: Any, schema: dict[str, Any] | type, method: str, *, strict: bool | None, include_raw: bool
) -> Runnable[LanguageModelInput, Any]:
    """The model held to a schema by one of LangChain's three methods, and a parser behind it."""
    function = convert_to_openai_tool(schema, strict=strict)["function"]
    pydantic: Any = schema if isinstance(schema, type) and is_basemodel_subclass(schema) else None
    traced = {"kwargs": {"method": method, "strict": strict}, "schema": schema}
    parser: Runnable[AIMessage, Any]
    if method == "function_calling":
        llm = model.bind_tools([schema], tool_choice="any", strict=strict, ls_structured_output_format=traced)
        parser = (
            PydanticToolsParser(tools=[pydantic], first_tool_only=True)
            if pydantic
            else JsonOutputKeyToolsParser(key_name=function["name"], first_tool_only=True)
        )
    elif method in ("json_schema", "json_mode"):
        llm = model.bind(response_format=_format(function, method), ls_structured_output_format=traced)
        parser = PydanticOutputParser(pydantic_object=pydantic) if pydantic else JsonOutputParser()
    else:
        raise ConfigError(
            f"{method!r} is not a method of structured output", hint="use function_calling, json_schema or json_mode"
        )
    parser = _sound(calling=method == "function_calling") | parser
    return _with_raw(llm, parser) if include_raw else llm | parser


def _sound(*, calling: bool) -> Runnable[AIMessage, AIMessage]:
    """Lets an answer through, and raises at its end if it cannot be an object: LangChain's parsers make None of a call
    that was not made, and something whole of JSON that was cut."""

    def check(said: list[AIMessage]) -> None:
        whole = said[0] + said[1:] if isinstance(said[0], AIMessageChunk) else said[0]
        if (fault := _fault(whole, calling)) is not None:
            raise OutputParserException(fault, llm_output=whole.text)

    def through(pieces: Iterator[AIMessage]) -> Iterator[AIMessage]:
        said = []
        for piece in pieces:
            said.append(piece)
            yield piece
        check(said)

    async def athrough(pieces: AsyncIterator[AIMessage]) -> AsyncIterator[AIMessage]:
        said = []
        async for piece in pieces:
            said.append(piece)
            yield piece
        check(said)

    return RunnableGenerator(through, athrough)


def _fault(said: Any, calling: bool) -> str | None:
    """Why an answer holds no object, in words; None if it may."""
    refusal = said.additional_kwargs.get("refusal")
    if refusal and not said.text and not said.tool_calls:
        return f"the model refused: {refusal[:200]}"
    ending = said.response_metadata.get("finish_reason")
    if calling:
        if said.tool_calls:
            return None
        why = "; ".join(call["error"] or "its arguments are no JSON object" for call in said.invalid_tool_calls)
        return f"the model made no call that can be read ({why or 'it answered with text'}; it ended with {ending})"
    if _is_whole(said.text):
        return None
    if ending in (None, "stop", "tool_calls"):
        return "the answer is not one whole JSON document"
    return f"the answer broke off ({ending}); for length, raise max_tokens"


def _is_whole(text: str) -> bool:
    """Whether the text holds a JSON document to its end: of a broken one LangChain's parsers take the beginning."""
    try:
        _, repairs = repair(text)
    except DecodeError:
        return False
    return not any(what.startswith(LEFT_OPEN) for what in repairs)


def _format(function: Declared, method: str) -> Any:
    if method == "json_mode":
        return "json"
    wanted = {"name": function["name"], "schema": function["parameters"]}
    if "strict" in function:
        wanted["strict"] = function["strict"]
    return {"type": "json_schema", "json_schema": wanted}


def _with_raw(llm: Any, parser: Any) -> Runnable[LanguageModelInput, Any]:
    """The raw message, what was parsed, and the parser's error in its place, as LangChain's `include_raw` wants it."""
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=llm) | parsed.with_fallbacks([failed], exception_key="parsing_error")
