"""Anthropic. https://docs.claude.com/en/api/overview"""

from attrs import evolve

from ..pipeline.http.request import Request
from .auth.auth import bearer, credential_value, header_key
from .declare.credentials import KEY, Credentials, Login, Value
from .declare.object_support import ObjectSupport
from .declare.provider import declare_provider, override
from .declare.rules import clamp, drop, only
from .options.claude_options import CLAUDE, CLAUDE_OPTIONS, CLAUDE_PREFILL, claude_models, user_id_alone
from .options.server_tools import ANTHROPIC as TOOLS
from .wires.anthropic_messages import anthropic_count_tokens, anthropic_messages
from .wires.anthropic_messages.betas import with_betas
from .wires.openai_chat import openai_chat
from .wires.operations.anthropic_batches import anthropic_batches
from .wires.operations.openai_misc import openai_models

# https://docs.claude.com/en/api/models-list
_MODELS = evolve(
    openai_models,
    name="anthropic_models",
    path="/models?limit=1000",
    headers=anthropic_messages.headers,
    auth=anthropic_messages.auth,
)

# Its SDK's two ways to log in: https://docs.claude.com/en/api/overview
CREDENTIALS = Credentials(
    (
        Value("api_key", KEY, ("key", "api_token", "anthropic_api_key")),
        Value("token", KEY, ("auth_token", "bearer_token", "access_token", "anthropic_auth_token")),
    ),
    (Login(("api_key",)), Login(("token",))),
)


_BY_KEY = header_key("x-api-key")


def authenticate(request: Request) -> Request:
    """Send a key in x-api-key, and a token of a login or a gateway, `{"auth_token": ...}`, as a bearer token."""
    return (_BY_KEY if credential_value(request, "token") is None else bearer)(request)


# What its compatible endpoint ignores: https://docs.claude.com/en/api/openai-sdk
_COMPATIBLE = (
    drop(
        *("presence_penalty", "frequency_penalty", "seed", "logprobs", "top_logprobs", "logit_bias", "user"),
        *("metadata", "store", "service_tier", "verbosity", "modalities", "audio", "prompt_cache_key"),
        *("reasoning_effort", "response_format"),
        why="Anthropic's compatible endpoint ignores it",
    ),
    clamp("n", high=1, why="Anthropic gives one answer"),
    clamp("temperature", 0, 1, why="Claude's scale ends there"),
)

anthropic = declare_provider(
    "anthropic",
    name="Anthropic",
    docs="https://docs.claude.com",
    wire=[
        evolve(anthropic_messages, server_tools=TOOLS),
        evolve(openai_chat, by_name_only=True),
        evolve(anthropic_count_tokens, server_tools=TOOLS),
        _MODELS,
        *anthropic_batches,
    ],
    base_url="https://api.anthropic.com/v1",
    env_key="ANTHROPIC_API_KEY",
    credentials=CREDENTIALS,
    auth=authenticate,
    # https://platform.claude.com/docs/en/api/service-tiers
    options={
        **CLAUDE_OPTIONS,
        "service_tier": {"enum": ["auto", "standard_only"]},
        # 0 fills the cache without an answer: https://platform.claude.com/docs/en/build-with-claude/prompt-caching
        "max_tokens": {"type": "integer", "minimum": 0},
    },
    prefill={"anthropic_messages": CLAUDE_PREFILL},
    prepare_request=with_betas,
    translate_options=(user_id_alone, *CLAUDE),
    # "signature values are compatible across platforms (Claude APIs, Amazon Bedrock, and Google Cloud)":
    # https://platform.claude.com/docs/en/build-with-claude/extended-thinking
    accepts_signatures_of=["amazon_bedrock", "google_vertex", "google_vertex_anthropic"],
    models={
        **claude_models(user_id_alone),
        "*": override(
            wire="openai_chat",
            authenticate=bearer,
            translate_options=only(*_COMPATIBLE),
            object_support=ObjectSupport(modes=("tool", "prompt")),
        ),
    },
)
