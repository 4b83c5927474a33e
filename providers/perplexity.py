"""Perplexity. https://docs.perplexity.ai"""

from .declare.embed_limits import EmbedLimit
from .declare.object_support import ObjectSupport
from .declare.provider import declare_provider
from .declare.rules import BY_FACTS, clamp, drop, up_to
from .wires.openai_chat import openai_chat
from .wires.openai_chat.encode import body_with
from .wires.operations.embeddings import perplexity_embeddings

perplexity = declare_provider(
    "perplexity",
    name="Perplexity",
    docs="https://docs.perplexity.ai",
    wire=[openai_chat, perplexity_embeddings],
    base_url="https://api.perplexity.ai",
    env_key=["PERPLEXITY_API_KEY", "PPLX_API_KEY"],
    # https://docs.perplexity.ai/api-reference/embeddings-post
    embed_batches={"*": EmbedLimit(512, 120_000)},
    options={
        "top_k": {"type": "integer", "minimum": 0},
        "search_domain_filter": {"type": "array", "items": {"type": "string"}},
        "search_recency_filter": {"type": "string"},
        "search_mode": {"enum": ["web", "academic", "sec"]},
        "return_images": {"type": "boolean"},
        "return_related_questions": {"type": "boolean"},
        "web_search_options": {"type": "object"},
    },
    translate_options=[
        # https://docs.perplexity.ai/api-reference/chat-completions-post
        up_to("high"),
        *BY_FACTS,
        drop("seed", "stop", "n", "logit_bias", why="Perplexity does not support it"),
        # https://docs.perplexity.ai/api-reference/chat-completions-post: below 2
        clamp("temperature", 0, 1.99, why="Perplexity's scale ends below 2"),
    ],
    # Usage comes in every stream; stream_options is not documented.
    build_body=body_with(usage_in_stream=False),
    # https://docs.perplexity.ai/guides/structured-outputs
    object_support=ObjectSupport(modes=("json_schema", "prompt"), sure=True),
)
