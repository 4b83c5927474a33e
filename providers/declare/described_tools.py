"""Read the descriptions of tools in the forms of other vendors and programs: data without a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...schemas.errors import ConfigError
from ...schemas.tool import Tool

_SEVERAL: Final = ("functionDeclarations", "function_declarations")
"""Where Gemini's form holds a list of tools."""
_INSIDE: Final = ("function", "toolSpec")
"""Where the dict of a tool holds its facts: chat completions, Converse. In other forms, the dict itself has them."""
_PARAMETERS: Final = (
    *("parameters", "input_schema", "inputSchema"),  # OpenAI and Gemini, Anthropic, MCP and Converse
    *("parametersJsonSchema", "parameters_json_schema"),  # Gemini
)
_FORMS: Final = 'pass {"type": "function", "function": {"name": …, "parameters": {…}}}, or a function'


def described_tools(given: object) -> list[Tool] | None:
    """Make Tools of the dict form of OpenAI (both), Anthropic, Gemini, Converse or MCP, or of MCP's class.

    Returns None for anything else. Raises ConfigError for a dict that is in none of these forms.
    """
    if not isinstance(given, Mapping):
        schema = getattr(given, "inputSchema", None)
        if not isinstance(schema, Mapping):
            return None
        described = {name: getattr(given, name, None) for name in ("name", "description")}
        return [_tool({**described, "parameters": schema})]
    for name in _SEVERAL:
        if isinstance(given.get(name), list):
            return [_tool(each) for each in given[name]]
    return [_tool(given)]


def _tool(data: object) -> Tool:
    if not isinstance(data, Mapping):
        raise ConfigError(f"a tool cannot be a {type(data).__name__}", hint=_FORMS)
    if function := next((name for name, value in data.items() if callable(value)), None):
        why = f"a tool given as a dict has no place for a function, here {function!r:.40}: it would never be called"
        raise ConfigError(why, hint="pass the function alone, or Tool(name, description, parameters, callback=…)")
    facts = next((data[name] for name in _INSIDE if name in data), data)
    kind = data.get("type", "function")
    is_function = kind in ("function", None) or (kind == "custom" and "input_schema" in data)
    if not is_function or not isinstance(facts, Mapping):
        raise ConfigError(f"a tool of type {kind!r:.40} is the provider's own", hint="pass Tool(name, server={...})")
    name, parameters = facts.get("name"), next((facts[each] for each in _PARAMETERS if each in facts), None)
    if isinstance(parameters, Mapping) and parameters.keys() == {"json"}:
        parameters = parameters["json"]  # Converse
    if not isinstance(name, str) or not isinstance(parameters, Mapping | None):
        of = f" {name!r:.140}" if isinstance(name, str) else ""
        raise ConfigError(
            f"the tool{of} given as a dict needs its name, and its parameters as a JSON Schema", hint=_FORMS
        )
    return Tool(name, facts.get("description") or "", parameters, strict=facts.get("strict"))
