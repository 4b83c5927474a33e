"""LangChain's tools, choices of tools and schemas, in the forms that a call takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

from ...schemas.errors import ConfigError
from ...schemas.tool import Tool

Declared = Mapping[str, Any]
ToolLike = dict[str, Any] | type | Callable[..., Any] | BaseTool | Tool


def declared(tool: ToolLike, strict: bool | None) -> Declared | Tool:
    """A tool as LangChain binds it: OpenAI's declaration. A stepwell Tool, or a provider's own declaration of a tool
    that it runs itself, stays as it is."""
    if isinstance(tool, Tool) or (isinstance(tool, Mapping) and _is_server_tool(tool)):
        return tool
    return convert_to_openai_tool(tool, strict=strict)


def _is_server_tool(tool: Declared) -> bool:
    return "type" in tool and tool["type"] not in ("function", "object") and "input_schema" not in tool


def tools_of(bound: Sequence[Declared | Tool]) -> list[Tool]:
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
    return _with_raw(llm, parser) if include_raw else llm | parser


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
