"""The `anthropic-beta` header: what the caller asks for, and what a request cannot do without.

https://docs.claude.com/en/api/beta-headers
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....pipeline.http.request import RAW_OPTIONS, Request
from ....schemas.parts import File, Image, Opaque, Part, Text
from .encode import NAME

FILES = "files-api-2025-04-14"
"""For files stored at Anthropic: https://docs.claude.com/en/docs/build-with-claude/files"""
TOOLSETS, SERVERS = "mcp-client-2025-11-20", "mcp-client-2025-04-04"
"""For MCP servers: with their toolsets among the tools, or (the older form) by themselves.
https://platform.claude.com/docs/en/agents-and-tools/mcp-connector"""

COMPUTERS = {"computer_20251124": "computer-use-2025-11-24", "computer_20250124": "computer-use-2025-01-24"}
"""For the versions of the computer tool:
https://platform.claude.com/docs/en/agents-and-tools/tool-use/computer-use-tool"""


def with_betas(request: Request) -> Request:
    """Move the option `anthropic_beta` from the body into a header, and add the betas that the request needs.

    A beta that the caller names in another version is kept in that version.
    """
    options = request.options
    betas = list(options.get("anthropic_beta") or ())
    for needed in _required_betas(request):
        family = needed.rpartition("-20")[0]  # its name without the date
        if not any(beta.startswith(family) for beta in betas):
            betas.append(needed)
    if not betas:
        return request
    others = {name: value for name, value in options.items() if name != "anthropic_beta"}
    return request.replace(options=others).with_headers(anthropic_beta=",".join(betas))


def _required_betas(request: Request) -> list[str]:
    parts = [part for message in request.context.messages for part in message.content if type(part) is not Text]
    needed = [FILES] if parts and any(map(_is_stored, parts)) else []
    if request.options.get("mcp_servers"):
        tools = (tool.server for tool in request.context.tools if tool.server is not None)
        needed.append(TOOLSETS if any(tool.get("type") == "mcp_toolset" for tool in tools) else SERVERS)
    for tool in request.context.tools:
        if tool.server is not None and (beta := COMPUTERS.get(str(tool.server.get("type")))):
            needed.append(beta)
    if modes := request.model.facts.get("modes"):
        needed += _betas_of_modes(request, modes)
    return needed


def _betas_of_modes(request: Request, modes: Mapping[str, Any]) -> list[str]:
    """Return the betas of the ways of being served that the request asks for, as the model's row has them."""
    given = {**request.options, **(request.state.get(RAW_OPTIONS) or {})}
    asked = [mode for mode in modes.values() if (body := mode.get("body")) and body.items() <= given.items()]
    return [beta for mode in asked if (beta := (mode.get("headers") or {}).get("anthropic-beta"))]


def _is_stored(part: Part) -> bool:
    """Check whether a part is a file stored at Anthropic."""
    if isinstance(part, Opaque):
        return part.wire == NAME and "file_id" in part.data
    return isinstance(part, Image | File) and part.file_id is not None
