"""The names of headers and fields, of all vendors, that the general steps look for.

One table for all: behind any base URL there may be a gateway or a server with the names of another vendor.
"""

from __future__ import annotations

from ...pipeline.http.vendor_names import VendorNames

VENDOR_NAMES = VendorNames(
    request_id=(
        "x-request-id",  # OpenAI and most others
        "request-id",  # Anthropic
        "x-amzn-requestid",  # Bedrock
        "apim-request-id",  # Azure
        "x-goog-request-id",
        "cf-ray",  # Cloudflare, also in front of others
    ),
    output_limit=(
        "max_tokens",
        "max_completion_tokens",  # OpenAI's chat format
        "max_output_tokens",  # OpenAI's Responses
        "max_new_tokens",  # text-generation-inference
        "maxOutputTokens",  # Google
        "maxTokens",  # Bedrock
        "num_predict",  # Ollama
    ),
    answer_count=("n", "candidateCount"),
    groups=("generationConfig", "inferenceConfig", "options", "parameters"),  # Google, Bedrock, Ollama, TGI
    service_tier=("service_tier", "serviceTier"),
)

BATCH_OPTIONS = frozenset(("metadata", "completion_window", "timeout_hours"))
"""Options of a batch itself; all others are options of the calls in it."""

KEY_PREFIXES = ("sk", "gsk", "pk", "xai", "AIza", "AKIA", "gho", "ghp", "ghs", "ghu")
"""How the API keys of the vendors begin."""

ERROR_TYPE_HEADERS = ("x-amzn-errortype",)
"""Response headers that name the kind of an error."""
