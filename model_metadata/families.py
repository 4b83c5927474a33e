"""The wire format and base URL that follow from the SDK package that models.dev names for a provider.

models.dev has an `npm` field for each provider: the AI SDK package for it, which implies the wire format.
"""

from __future__ import annotations

from collections.abc import Mapping

WIRE_OF_NPM: Mapping[str, str] = {
    "@ai-sdk/openai-compatible": "openai_chat",
    "@ai-sdk/openai": "openai_responses",
    "@ai-sdk/azure": "openai_responses",
    "@ai-sdk/amazon-bedrock/mantle": "openai_responses",
    "@ai-sdk/anthropic": "anthropic_messages",
    "@ai-sdk/google-vertex/anthropic": "anthropic_messages",
    "@ai-sdk/google": "google_generate",
    "@ai-sdk/google-vertex": "google_generate",
    "@ai-sdk/amazon-bedrock": "bedrock_converse",
    "@ai-sdk/mistral": "mistral_chat",
    "@ai-sdk/cohere": "cohere_chat",
    "@ai-sdk/groq": "openai_chat",
    "@ai-sdk/xai": "openai_chat",
    "@ai-sdk/togetherai": "openai_chat",
    "@ai-sdk/cerebras": "openai_chat",
    "@ai-sdk/deepinfra": "openai_chat",
    "@ai-sdk/perplexity": "openai_chat",
    "@ai-sdk/gateway": "openai_chat",
    "@ai-sdk/vercel": "openai_chat",
    "@aihubmix/ai-sdk-provider": "openai_chat",
    "@openrouter/ai-sdk-provider": "openai_chat",
    "@qvac/ai-sdk-provider": "openai_chat",
    "@saladtechnologies-oss/ai-sdk-provider": "openai_chat",
    "ai-gateway-provider": "openai_chat",
    "merge-gateway-ai-sdk-provider": "openai_chat",
    "venice-ai-sdk-provider": "openai_chat",
}
"""The default wire of each package."""

ALSO_SPEAKS: Mapping[str, tuple[str, ...]] = {
    "@ai-sdk/openai": ("openai_chat",),
    "@ai-sdk/azure": ("openai_chat",),
    "@ai-sdk/amazon-bedrock/mantle": ("openai_chat",),
    "@ai-sdk/xai": ("openai_responses",),
    "@ai-sdk/mistral": ("openai_chat",),
    "@ai-sdk/gateway": ("openai_responses", "anthropic_messages"),
    "@openrouter/ai-sdk-provider": ("openai_responses", "anthropic_messages"),
}
"""Further wires of a package, at the same base URL."""

SHAPES: Mapping[str, str] = {"responses": "openai_responses", "completions": "openai_chat"}
"""The wire that a row's `shape` selects for a package with two wires."""

BASE_URLS: Mapping[str, str] = {
    "@ai-sdk/openai": "https://api.openai.com/v1",
    "@ai-sdk/anthropic": "https://api.anthropic.com/v1",
    "@ai-sdk/google": "https://generativelanguage.googleapis.com/v1beta",
    "@ai-sdk/google-vertex": (
        "https://${GOOGLE_VERTEX_LOCATION}-aiplatform.googleapis.com/v1/projects/${GOOGLE_VERTEX_PROJECT}"
        "/locations/${GOOGLE_VERTEX_LOCATION}/publishers/google"
    ),
    "@ai-sdk/google-vertex/anthropic": (
        "https://${GOOGLE_VERTEX_LOCATION}-aiplatform.googleapis.com/v1/projects/${GOOGLE_VERTEX_PROJECT}"
        "/locations/${GOOGLE_VERTEX_LOCATION}/publishers/anthropic"
    ),
    "@ai-sdk/amazon-bedrock": "https://bedrock-runtime.${AWS_REGION}.amazonaws.com",
    "@ai-sdk/azure": "https://${AZURE_RESOURCE_NAME}.openai.azure.com/openai/v1",
    "@ai-sdk/mistral": "https://api.mistral.ai/v1",
    "@ai-sdk/cohere": "https://api.cohere.com/v2",
    "@ai-sdk/groq": "https://api.groq.com/openai/v1",
    "@ai-sdk/xai": "https://api.x.ai/v1",
    "@ai-sdk/togetherai": "https://api.together.xyz/v1",
    "@ai-sdk/cerebras": "https://api.cerebras.ai/v1",
    "@ai-sdk/deepinfra": "https://api.deepinfra.com/v1/openai",
    "@ai-sdk/perplexity": "https://api.perplexity.ai",
    "@ai-sdk/gateway": "https://ai-gateway.vercel.sh/v1",
    "@ai-sdk/vercel": "https://api.v0.dev/v1",
    "@aihubmix/ai-sdk-provider": "https://aihubmix.com/v1",
    "@openrouter/ai-sdk-provider": "https://openrouter.ai/api/v1",
    "@qvac/ai-sdk-provider": "http://127.0.0.1:11434/v1",
    "@saladtechnologies-oss/ai-sdk-provider": "https://ai.salad.cloud/v1",
    "ai-gateway-provider": (
        "https://gateway.ai.cloudflare.com/v1/${CLOUDFLARE_ACCOUNT_ID}/${CLOUDFLARE_GATEWAY_ID}/compat"
    ),
    "venice-ai-sdk-provider": "https://api.venice.ai/api/v1",
}
"""The base URL of a package whose row has no `api`; `${NAME}` stands for one of its `env` variables."""


BASE_URLS_OF_PROVIDERS: Mapping[str, str] = {
    "azure-cognitive-services": (
        "https://${AZURE_COGNITIVE_SERVICES_RESOURCE_NAME}.cognitiveservices.azure.com/openai/v1"
    ),
}
"""The base URL of a provider that shares the package of another, but not its base URL."""


def base_url_of(provider: str, npm: str | None, api: str | None) -> str | None:
    """Return the base URL of a provider, without a final slash; None if it is unknown.

    provider: its id.
    npm: the package of its row.
    api: the base URL of its row, which takes precedence.
    """
    url = api or BASE_URLS_OF_PROVIDERS.get(provider) or BASE_URLS.get(npm or "")
    return url.rstrip("/") if url else None


def wire_of(npm: str | None, shape: str | None = None) -> str | None:
    """Return the wire of a provider or model row; None if its package has no wire of ours or is not given."""
    return SHAPES.get(shape or "") or WIRE_OF_NPM.get(npm or "")
