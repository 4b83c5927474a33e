"""The tools that providers run themselves, by kind: what each declares for them, and where its settings go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..declare.server_tools import ServerTool, ServerTools


def _approximate(location: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "approximate", **location}


def _enabled(names: Sequence[str]) -> dict[str, Any]:
    return {name: {"enabled": True} for name in names}


OPENAI: ServerTools = {
    # https://platform.openai.com/docs/guides/tools-web-search
    "web_search": ServerTool(
        {"type": "web_search"},
        {
            "allowed_domains": "filters.allowed_domains",
            "user_location": ("user_location", _approximate),
            "context_size": "search_context_size",
        },
        include=("web_search_call.action.sources",),
    ),
    # https://platform.openai.com/docs/guides/tools-code-interpreter
    "code_execution": ServerTool(
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"file_ids": "container.file_ids"},
        include=("code_interpreter_call.outputs",),
    ),
    # https://platform.openai.com/docs/guides/tools-file-search
    "file_search": ServerTool(
        {"type": "file_search"},
        {"stores": "vector_store_ids", "max_results": "max_num_results"},
        include=("file_search_call.results",),
    ),
    # https://platform.openai.com/docs/guides/tools-computer-use
    "computer_use": ServerTool(
        {"type": "computer_use_preview", "display_width": 1024, "display_height": 768, "environment": "browser"},
        {"width": "display_width", "height": "display_height", "environment": "environment"},
    ),
    # https://platform.openai.com/docs/guides/tools-connectors-mcp
    "mcp": ServerTool(
        {"type": "mcp"},
        {
            "label": "server_label",
            "url": "server_url",
            "token": "authorization",
            "allowed_tools": "allowed_tools",
            "approval": "require_approval",
        },
    ),
    # https://platform.openai.com/docs/guides/tools-image-generation
    "image_generation": ServerTool(
        {"type": "image_generation"}, {"size": "size", "quality": "quality", "background": "background"}
    ),
}

_PAGES = {"max_uses": "max_uses", "allowed_domains": "allowed_domains", "blocked_domains": "blocked_domains"}
_SCREEN = {"width": "display_width_px", "height": "display_height_px"}


def _computer(version: str, models: tuple[str, ...] = ("*",), otherwise: ServerTool | None = None) -> ServerTool:
    shown = {"type": version, "name": "computer", "display_width_px": 1024, "display_height_px": 768}
    return ServerTool(shown, _SCREEN, models=models, otherwise=otherwise)


_BEFORE_2025_11 = (
    *("claude-sonnet-4-5*", "claude-haiku-4-5*", "claude-opus-4-1*", "claude-sonnet-4-0", "claude-sonnet-4-2025*"),
    *("claude-opus-4-0", "claude-opus-4-2025*", "claude-3-7-sonnet*"),
)
_CLAUDES_SEARCH = ServerTool(
    {"type": "web_search_20250305", "name": "web_search"}, {**_PAGES, "user_location": ("user_location", _approximate)}
)
# https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview, with the names and versions of the types in
# the vendor's SDK (anthropic.types)
ANTHROPIC: ServerTools = {
    "web_search": _CLAUDES_SEARCH,
    "web_fetch": ServerTool({"type": "web_fetch_20250910", "name": "web_fetch"}, _PAGES),
    "code_execution": ServerTool({"type": "code_execution_20250825", "name": "code_execution"}),
    # https://platform.claude.com/docs/en/agents-and-tools/tool-use/computer-use-tool: two versions, by model
    "computer_use": _computer("computer_20250124", _BEFORE_2025_11, _computer("computer_20251124")),
    "mcp": ServerTool(
        {"type": "mcp_toolset"},
        {
            "label": ["mcp_server_name", "/name"],
            "url": "/url",
            "token": "/authorization_token",
            "allowed_tools": [("configs", _enabled), ("default_config", lambda names: {"enabled": False})],
        },
        beside="mcp_servers",
        beside_declaration={"type": "url"},
    ),
}
# https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/web-search
CLAUDE_ON_VERTEX: ServerTools = {"web_search": _CLAUDES_SEARCH}

_SURROUNDINGS = {"browser": "ENVIRONMENT_BROWSER"}
# https://ai.google.dev/gemini-api/docs/tools
GEMINI: ServerTools = {
    "web_search": ServerTool({"googleSearch": {}}),
    "web_fetch": ServerTool({"urlContext": {}}),
    "code_execution": ServerTool({"codeExecution": {}}),
    "file_search": ServerTool(
        {"fileSearch": {}}, {"stores": "fileSearch.fileSearchStoreNames", "max_results": "fileSearch.topK"}
    ),
    "computer_use": ServerTool(
        {"computerUse": {"environment": "ENVIRONMENT_BROWSER"}},
        {"environment": ("computerUse.environment", lambda name: _SURROUNDINGS.get(name, name))},
    ),
}
# https://cloud.google.com/vertex-ai/generative-ai/docs/grounding/grounding-with-google-search
GEMINI_ON_VERTEX: ServerTools = {
    "web_search": ServerTool({"googleSearch": {}}, {"blocked_domains": "googleSearch.excludeDomains"}),
    "web_fetch": GEMINI["web_fetch"],
    "code_execution": GEMINI["code_execution"],
}
_NOVA = ("*amazon.nova*", "arn:*")
"""An ARN may be that of an inference profile, which does not name its model."""
# https://docs.aws.amazon.com/nova/latest/userguide/grounding.html
BEDROCK: ServerTools = {
    "web_search": ServerTool({"systemTool": {"name": "nova_grounding"}}, models=_NOVA),
    "code_execution": ServerTool({"systemTool": {"name": "nova_code_interpreter"}}, models=_NOVA),
}
_GPT_OSS = ("openai/gpt-oss*",)
# https://console.groq.com/docs/browser-search, https://console.groq.com/docs/code-execution
GROQ: ServerTools = {
    "web_search": ServerTool({"type": "browser_search"}, models=_GPT_OSS),
    "code_execution": ServerTool({"type": "code_interpreter", "container": {"type": "auto"}}, models=_GPT_OSS),
}
# https://docs.x.ai/docs/guides/tools/overview
XAI: ServerTools = {
    "web_search": ServerTool(
        {"type": "web_search"},
        {"allowed_domains": "filters.allowed_domains", "blocked_domains": "filters.excluded_domains"},
    ),
    "code_execution": ServerTool({"type": "code_interpreter"}),
    "file_search": ServerTool(
        {"type": "file_search"}, {"stores": "vector_store_ids", "max_results": "max_num_results"}
    ),
    "mcp": OPENAI["mcp"],
}
# https://openrouter.ai/docs/guides/features/server-tools/web-search
OPENROUTER: ServerTools = {
    "web_search": ServerTool(
        {"type": "openrouter:web_search"},
        {
            "allowed_domains": "parameters.allowed_domains",
            "blocked_domains": "parameters.excluded_domains",
            "context_size": "parameters.search_context_size",
            "user_location": ("parameters.user_location", _approximate),
        },
    ),
}
