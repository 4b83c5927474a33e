"""Anthropic. https://docs.claude.com/en/api/overview"""

from __future__ import annotations

from attrs import evolve

from ..pipeline.http.request import Request
from ..schemas.parts import File, Image, Opaque, Part
from .declare.provider import declare_provider
from .options.claude_options import BUDGETS, CLAUDE, claude_models, user_id_alone
from .wires.anthropic_messages import anthropic_count_tokens, anthropic_messages
from .wires.anthropic_messages.encode import NAME
from .wires.operations.anthropic_batches import anthropic_batches
from .wires.operations.openai_misc import openai_models

FILES = "files-api-2025-04-14"
"""Of files that lie with Anthropic: https://docs.claude.com/en/docs/build-with-claude/files"""
TOOLSETS, SERVERS = "mcp-client-2025-11-20", "mcp-client-2025-04-04"
"""Of MCP servers: with their toolsets among the tools, or (older) by themselves.
https://platform.claude.com/docs/en/agents-and-tools/mcp-connector"""


def with_betas(request: Request) -> Request:
    """`anthropic_beta` goes into a header, not into the body, with the betas that the request cannot do without; of
    those, another version that the caller names is kept instead."""
    options = request.options
    betas = list(options.get("anthropic_beta") or ())
    for needed in _needed(request):
        family = needed.rpartition("-20")[0]  # its name without the date
        if not any(beta.startswith(family) for beta in betas):
            betas.append(needed)
    if not betas:
        return request
    kept = {name: value for name, value in options.items() if name != "anthropic_beta"}
    return request.replace(options=kept).with_headers(anthropic_beta=",".join(betas))


def _needed(request: Request) -> list[str]:
    needed = [FILES] if any(_held(part) for each in request.context.messages for part in each.content) else []
    if request.options.get("mcp_servers"):
        tools = (tool.server for tool in request.context.tools if tool.server is not None)
        needed.append(TOOLSETS if any(tool.get("type") == "mcp_toolset" for tool in tools) else SERVERS)
    return needed


def _held(part: Part) -> bool:
    """Whether a part is a file that lies with Anthropic."""
    if isinstance(part, Opaque):
        return part.wire == NAME and "file_id" in part.data
    return isinstance(part, Image | File) and part.file_id is not None


# https://docs.claude.com/en/api/models-list
_MODELS = evolve(
    openai_models,
    name="anthropic_models",
    path="/models?limit=1000",
    headers=anthropic_messages.headers,
    auth=anthropic_messages.auth,
)

anthropic = declare_provider(
    "anthropic",
    name="Anthropic",
    docs="https://docs.claude.com",
    wire=[anthropic_messages, anthropic_count_tokens, _MODELS, *anthropic_batches],
    base_url="https://api.anthropic.com/v1",
    env_key="ANTHROPIC_API_KEY",
    options={
        "reasoning_effort": {"enum": ["none", *BUDGETS]},
        "reasoning_budget": {"type": "integer", "minimum": 0},
        "reasoning_summary": {"enum": ["auto", "concise", "detailed", "none"]},
        "anthropic_beta": {"type": "array", "items": {"type": "string"}},
        "thinking": {"type": "object"},
        "output_config": {"type": "object"},
        "cache_control": {"type": "object"},
        "container": {},
        "context_management": {"type": "object"},
        "mcp_servers": {"type": "array"},
    },
    prepare_request=with_betas,
    translate_options=(user_id_alone, *CLAUDE),
    # "signature values are compatible across platforms (Claude APIs, Amazon Bedrock, and Google Cloud)":
    # https://platform.claude.com/docs/en/build-with-claude/extended-thinking
    accepts_signatures_of=["amazon_bedrock", "google_vertex", "google_vertex_anthropic"],
    models=claude_models(user_id_alone),
)
