"""Ask for a tool that the provider runs itself, by one name for all providers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .errors import ConfigError, InvalidOption
from .json_types import JSONSchema
from .nearest import nearest
from .options import check_value
from .secret import Secret
from .tool import Tool

ASKED: Final = "stepwell"
"""The key of a tool's `server` under which such a request has its kind; a provider's own declaration has none."""
_TEXT: Final[JSONSchema] = {"type": "string"}
_TEXTS: Final[JSONSchema] = {"type": "array", "items": _TEXT}
_COUNT: Final[JSONSchema] = {"type": "integer", "minimum": 1}
_DOMAINS: Final[Mapping[str, JSONSchema]] = {"allowed_domains": _TEXTS, "blocked_domains": _TEXTS, "max_uses": _COUNT}
SETTINGS: Final[Mapping[str, Mapping[str, JSONSchema]]] = {
    "web_search": {
        **_DOMAINS,
        "user_location": {
            "type": "object",
            "properties": dict.fromkeys(("city", "region", "country", "timezone"), _TEXT),
            "additionalProperties": False,
        },
        "context_size": {"enum": ["low", "medium", "high"]},
    },
    "web_fetch": _DOMAINS,
    "code_execution": {"file_ids": _TEXTS},
    "file_search": {"stores": _TEXTS, "max_results": _COUNT},
    "computer_use": {"width": _COUNT, "height": _COUNT, "environment": _TEXT},
    "mcp": {
        "label": _TEXT,
        "url": _TEXT,
        "token": {},
        "allowed_tools": _TEXTS,
        "approval": {"enum": ["always", "never"]},
    },
    "image_generation": {"size": _TEXT, "quality": _TEXT, "background": _TEXT},
}
"""The kinds of such tools, and the settings of each, as JSON Schemas. No provider has all of them."""
_NEEDED: Final = {"file_search": ("stores",), "mcp": ("label", "url")}


def server_tool(kind: str, **settings: Any) -> Tool:
    """Ask for a tool that the provider runs itself; each provider gets its own form of it.

        client.generate_text(model, "What is new?", tools=[server_tool("web_search", max_uses=3)])

    kind: web_search, web_fetch, code_execution, file_search, computer_use, mcp or image_generation.
    settings: of web_search and web_fetch: `allowed_domains`, `blocked_domains`, `max_uses`, and of web_search
        `user_location` (country, region, city, timezone) and `context_size` (low, medium, high); of code_execution:
        `file_ids`; of file_search: `stores` (their ids) and `max_results`; of computer_use: `width`, `height` (pixels)
        and `environment`; of mcp: `label`, `url`, `token`, `allowed_tools`, `approval` (always, never); of
        image_generation: `size`, `quality` and `background`.

    A setting that a provider does not have is left out with a warning; a provider without such a tool raises
    NotSupported before anything is sent. Raises ConfigError for a kind or a setting that does not exist.
    """
    known = SETTINGS.get(kind)
    if known is None:
        raise ConfigError(f"there is no server tool {kind!r:.40}", hint=nearest(str(kind), SETTINGS))
    given = {name: value for name, value in settings.items() if value is not None}
    for name, value in given.items():
        if name not in known:
            raise ConfigError(f"the server tool {kind} has no setting {name!r:.40}", hint=f"it has {', '.join(known)}")
        if name != "token":
            check_value(name, value, known[name], where=f"the server tool {kind}")
    if missing := [name for name in _NEEDED.get(kind, ()) if not given.get(name)]:
        raise InvalidOption(f"the server tool {kind} needs {' and '.join(missing)}", hint=f"{missing[0]}=...")
    if isinstance(token := given.get("token"), str):
        given["token"] = Secret(token)
    return Tool(given.get("label", kind), server={ASKED: kind, **given})


def asked(tool: Tool) -> tuple[str, Mapping[str, Any]] | None:
    """Return kind and settings of a tool made by `server_tool`; None for any other."""
    server = tool.server
    if server is None or ASKED not in server:
        return None
    return server[ASKED], {name: value for name, value in server.items() if name != ASKED}
