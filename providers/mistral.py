"""Mistral AI. https://docs.mistral.ai"""

from .dsl.provider import declare_provider
from .dsl.rules import convert, drop, rename
from .wires.openai_chat import openai_chat
from .wires.openai_chat.encode import body_with
from .wires.operations.openai_embeddings import openai_embeddings
from .wires.operations.openai_media import openai_transcription
from .wires.operations.openai_misc import openai_models, openai_moderation

mistral = declare_provider(
    "mistral",
    name="Mistral AI",
    docs="https://docs.mistral.ai",
    wire=[openai_chat, openai_embeddings, openai_transcription, openai_moderation, openai_models],
    base_url="https://api.mistral.ai/v1",
    env_key="MISTRAL_API_KEY",
    options={
        "safe_prompt": {"type": "boolean"},
        "prompt_mode": {"enum": ["reasoning"]},
        "document_image_limit": {"type": "integer"},
        "document_page_limit": {"type": "integer"},
    },
    translate_options=[
        rename("seed", "random_seed"),
        convert("tool_choice", {"required": "any"}),
        drop("logprobs", "top_logprobs", "logit_bias", "user", "store", why="Mistral does not support it"),
    ],
    # Usage comes in every stream; stream_options is refused.
    build_body=body_with(usage_in_stream=False),
)
