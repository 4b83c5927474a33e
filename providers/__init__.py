"""Providers, one a module, and the wire formats they speak."""

BUILT_IN = frozenset(
    {
        "alibaba",
        "alibaba_cn",
        "amazon_bedrock",
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
        "zai_coder",
        "zai_coding_plan",
        "zenmux",
    }
)
"""The ids of the providers in this package. One that is not listed is found all the same, but only the list tells a
provider that is missing from an application, packed without its module, from one that has never been."""

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
"""The chat wires that a row of the catalog may name, each a package in `wires`."""
