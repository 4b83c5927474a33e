"""Anthropic. https://docs.claude.com/en/api/overview"""

from ..schemas.record import evolve
from .declare.provider import declare_provider
from .options.claude_options import CLAUDE, CLAUDE_OPTIONS, claude_models, user_id_alone
from .wires.anthropic_messages import anthropic_count_tokens, anthropic_messages
from .wires.anthropic_messages.betas import with_betas
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

anthropic = declare_provider(
    "anthropic",
    name="Anthropic",
    docs="https://docs.claude.com",
    wire=[anthropic_messages, anthropic_count_tokens, _MODELS, *anthropic_batches],
    base_url="https://api.anthropic.com/v1",
    env_key="ANTHROPIC_API_KEY",
    options=CLAUDE_OPTIONS,
    prepare_request=with_betas,
    translate_options=(user_id_alone, *CLAUDE),
    # "signature values are compatible across platforms (Claude APIs, Amazon Bedrock, and Google Cloud)":
    # https://platform.claude.com/docs/en/build-with-claude/extended-thinking
    accepts_signatures_of=["amazon_bedrock", "google_vertex", "google_vertex_anthropic"],
    models=claude_models(user_id_alone),
)
