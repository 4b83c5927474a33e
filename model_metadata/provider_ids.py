"""The names of one provider: ours, and those of its row in models.dev."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

LISTED_AS: Mapping[str, str] = {
    "cloudflare": "cloudflare-workers-ai",
    "fireworks": "fireworks-ai",
    "moonshot": "moonshotai",
    "together": "togetherai",
}
"""The id of the row of a provider that has another name in this package."""

FOREIGN_IDS: Mapping[str, str] = {
    **dict.fromkeys(("gemini", "google_genai", "google_ai_studio", "palm"), "google"),
    **dict.fromkeys(("vertex_ai", "vertex", "google_vertexai"), "google_vertex"),
    **dict.fromkeys(("bedrock", "bedrock_converse", "aws", "aws_bedrock"), "amazon_bedrock"),
    **dict.fromkeys(("azure_openai", "azure_ai"), "azure"),
    "claude": "anthropic",
    "together_ai": "together",
    "mistralai": "mistral",
    "hf": "huggingface",
    "dashscope": "alibaba",
    "ollama_chat": "ollama",
    "hosted_vllm": "vllm",
    "lm_studio": "lmstudio",
}
"""What providers are called in litellm (docs.litellm.ai/docs/providers) and LangChain (init_chat_model), for hints."""


@lru_cache(1000)
def canonical(id: str) -> str:
    """Return the id that a provider is looked up by. Hyphens and underscores, small and capital letters are the same,
    and so are the names of a provider."""
    id = id.strip().lower().replace("-", "_")
    return _SYNONYMS.get(id, id)


_SYNONYMS = {**{row.replace("-", "_"): own for own, row in LISTED_AS.items()}, "zai_coder": "zai_coding_plan"}


def listed_as(id: str) -> str:
    """Return the id that the row of a provider has, if it has one."""
    id = canonical(id)
    return LISTED_AS.get(id, id.replace("_", "-"))
