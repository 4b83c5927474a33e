"""Wire formats: pure functions that encode, decode and frame. A wire never knows a provider."""

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
"""The chat wires that a catalog row may name; each is a package here."""
