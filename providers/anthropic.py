"""Anthropic. https://docs.claude.com/en/api/overview"""

from __future__ import annotations

from attrs import evolve

from ..pipeline.request import Request
from .dsl.provider import declare_provider
from .dsl.thinking import BUDGETS, CLAUDE, claude_models, user_id_alone
from .wires.anthropic_messages import anthropic_count_tokens, anthropic_messages
from .wires.operations.anthropic_batches import anthropic_batches
from .wires.operations.openai_misc import openai_models


def with_betas(request: Request) -> Request:
    """`anthropic_beta` goes into a header, not into the body."""
    betas = request.options.get("anthropic_beta")
    if not betas:
        return request
    options = {name: value for name, value in request.options.items() if name != "anthropic_beta"}
    return request.replace(options=options).with_headers(anthropic_beta=",".join(betas))


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
    thinking_constraints={"temperature": 1, "min_budget": 1024, "min_top_p": 0.95},
    # "signature values are compatible across platforms (Claude APIs, Amazon Bedrock, and Google Cloud)":
    # https://platform.claude.com/docs/en/build-with-claude/extended-thinking
    kin=["amazon_bedrock", "google_vertex", "google_vertex_anthropic"],
    models=claude_models(user_id_alone),
)
