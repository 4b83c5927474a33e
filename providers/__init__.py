"""Providers, one a module, and the wire formats they speak."""

BUILT_IN = frozenset(
    {
        "alibaba",
        "alibaba_cn",
        "amazon_bedrock",
        "amazon_bedrock_mantle",
        "anthropic",
        "azure",
        "cerebras",
        "cloudflare",
        "cohere",
        "deepseek",
        "elevenlabs",
        "fireworks",
        "github",
        "github_copilot",
        "google",
        "google_vertex",
        "google_vertex_anthropic",
        "groq",
        "heroku",
        "huggingface",
        "jina",
        "llama_cpp",
        "lmstudio",
        "local",
        "meta",
        "minimax",
        "mistral",
        "moonshot",
        "nvidia",
        "ollama",
        "openai",
        "openai_codex",
        "openrouter",
        "perplexity",
        "together",
        "venice",
        "vllm",
        "voyage",
        "xai",
        "zai",
        "zai_coding_plan",
        "zenmux",
    }
)
"""The ids of the providers in this package. A module that is not listed is found as well, but only by this list can an
error say that a packed application was built without a provider's module, rather than that no such provider exists."""

WIRES = frozenset(
    {
        "anthropic_messages",
        "bedrock_converse",
        "cohere_chat",
        "google_generate",
        "mistral_chat",
        "ollama_chat",
        "openai_chat",
        "openai_responses",
    }
)
"""The chat wires that a catalog row may name; each is a package in `wires`."""

OPERATION_WIRES = {
    "openai_embeddings": "operations.embeddings",
    "openai_images": "operations.openai_media",
    "openai_models": "operations.openai_misc",
    "openai_moderation": "operations.openai_misc",
    "openai_speech": "operations.openai_media",
    "openai_transcription": "operations.openai_media",
    "rerank": "operations.rerank",
}
"""The wires of other operations that a declaration outside this package takes, each with its module in `wires`."""
