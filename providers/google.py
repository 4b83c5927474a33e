"""Google's Gemini API (AI Studio). https://ai.google.dev/api"""

from attrs import evolve

from ..model_metadata.ids import without_models_prefix
from .auth.auth import bearer, header_key
from .declare.embed_limits import EmbedLimit
from .declare.provider import declare_provider, override
from .declare.rules import clamp, drop, efforts, only
from .options.gemini_options import IMAGEN, LIMITS, OPTIONS, gemini_budgeted_thinking, gemini_models
from .options.server_tools import GEMINI
from .wires.google_generate import google_count_tokens, google_generate
from .wires.openai_chat import openai_chat
from .wires.operations.embeddings import google_embeddings
from .wires.operations.google_batches import google_batches
from .wires.operations.google_images import google_generate_images, google_images
from .wires.operations.openai_misc import models_by, openai_models

# https://ai.google.dev/api/models
_MODELS = evolve(openai_models, name="google_models", path="/models?pageSize=1000", decode_response=models_by("name"))

# https://ai.google.dev/gemini-api/docs/openai#thinking
_COMPATIBLE = (
    efforts("none", "minimal", "low", "medium", "high"),
    clamp("temperature", 0, 2, why="Gemini's scale ends there"),
    drop("logit_bias", "verbosity", "prompt_cache_key", "user", why="Google's compatible endpoint has no such option"),
)

google = declare_provider(
    "google",
    name="Google",
    docs="https://ai.google.dev/gemini-api/docs",
    wire=[
        evolve(google_generate, server_tools=GEMINI),
        # https://ai.google.dev/gemini-api/docs/openai
        evolve(openai_chat, path="/openai/chat/completions", by_name_only=True),
        google_embeddings,
        evolve(google_count_tokens, server_tools=GEMINI),
        google_generate_images,
        google_images,
        _MODELS,
        *google_batches,
    ],
    base_url="https://generativelanguage.googleapis.com/v1beta",
    env_key=["GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"],
    # "at most 100 requests can be in one batch": https://github.com/langchain-ai/langchainjs/issues/4491
    embed_batches={"*": EmbedLimit(100)},
    # In a header, not in the URL: URLs end up in logs.
    auth=header_key("x-goog-api-key"),
    options={**OPTIONS, "service_tier": {"enum": ["standard", "flex", "priority"]}, "store": {"type": "boolean"}},
    translate_options=[gemini_budgeted_thinking(), *LIMITS],
    # https://ai.google.dev/api/models: the list has `models/gemini-2.5-pro`
    normalize_model_id=without_models_prefix,
    # "both providers serve the same Gemini models": https://github.com/vercel/ai/pull/13060
    accepts_signatures_of=["google_vertex"],
    models={
        **gemini_models(),
        "*": override(wire="openai_chat", authenticate=bearer, translate_options=only(*_COMPATIBLE)),
    },
    spoken=IMAGEN,
)
