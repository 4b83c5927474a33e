"""OpenAI. https://platform.openai.com/docs/api-reference"""

from attrs import evolve

from .declare.embed_limits import EmbedLimit
from .declare.provider import declare_provider
from .options.openai_options import OPENAI, TRANSCRIBING, fit_to_path, openai_families
from .options.server_tools import OPENAI as OPENAI_TOOLS
from .wires.openai_chat import openai_chat
from .wires.openai_responses import openai_count_tokens, openai_responses
from .wires.operations.embeddings import in_base64, openai_embeddings
from .wires.operations.openai_batches import openai_batches
from .wires.operations.openai_media import openai_images, openai_speech, openai_transcription
from .wires.operations.openai_misc import openai_models, openai_moderation

openai = declare_provider(
    "openai",
    name="OpenAI",
    docs="https://platform.openai.com/docs",
    wire=in_base64(
        openai_chat,
        evolve(openai_responses, server_tools=OPENAI_TOOLS),
        openai_embeddings,
        openai_images,
        openai_speech,
        openai_transcription,
        openai_moderation,
        openai_models,
        evolve(openai_count_tokens, server_tools=OPENAI_TOOLS),
        *openai_batches,
    ),
    base_url="https://api.openai.com/v1",
    # eu.api.openai.com and others: https://platform.openai.com/docs/guides/your-data#data-residency-controls
    trusted_hosts=(".api.openai.com",),
    env_key="OPENAI_API_KEY",
    # https://platform.openai.com/docs/api-reference/embeddings/create: 2,048 texts, 300,000 tokens in all.
    embed_batches={"*": EmbedLimit(2048, 300_000)},
    options={
        "include": {"type": "array", "items": {"type": "string"}},
        "truncation": {"enum": ["auto", "disabled"]},
        "safety_identifier": {"type": "string"},
        # "in-memory" is refused: https://github.com/openai/openai-openapi/issues/508
        "prompt_cache_retention": {"enum": ["in_memory", "24h"]},
    },
    prepare_request=fit_to_path,
    translate_options=OPENAI,
    models={**openai_families(), **TRANSCRIBING},
)
