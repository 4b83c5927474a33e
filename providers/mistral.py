"""Mistral AI. https://docs.mistral.ai"""

from .dsl.batches import Batch
from .dsl.provider import declare_provider
from .dsl.rules import convert, rename
from .wires.mistral_chat import mistral_chat
from .wires.operations.openai_embeddings import openai_embeddings
from .wires.operations.openai_media import openai_transcription
from .wires.operations.openai_misc import openai_models, openai_moderation

mistral = declare_provider(
    "mistral",
    name="Mistral AI",
    docs="https://docs.mistral.ai",
    wire=[mistral_chat, openai_embeddings, openai_transcription, openai_moderation, openai_models],
    base_url="https://api.mistral.ai/v1",
    env_key="MISTRAL_API_KEY",
    # "Too many tokens in batch. Max is 16384": https://github.com/aurelio-labs/semantic-router/issues/297
    embed_batches={"*": Batch(128, 16_384)},
    options={
        "safe_prompt": {"type": "boolean"},
        "prompt_mode": {"enum": ["reasoning"]},
        "document_image_limit": {"type": "integer"},
        "document_page_limit": {"type": "integer"},
    },
    translate_options=[
        rename("seed", "random_seed"),
        convert("tool_choice", {"required": "any"}),
    ],
)
