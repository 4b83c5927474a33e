"""Cloudflare's AI Gateway in front of any provider it knows. https://developers.cloudflare.com/ai-gateway

The request is made and signed for the provider. The last step before it is sent changes its address and adds the
gateway's headers, so the provider's declaration is not involved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from ...model_metadata.provider_ids import canonical
from ...pipeline.edits import PipelineEdits
from ...pipeline.http.request import Headers, Request
from ...pipeline.step import on_request
from ...pipeline.world import REAL_WORLD
from ...schemas.errors import ConfigError, InvalidOption
from ...schemas.json_text import spaced
from ...schemas.secret import Secret, header_secret

ROOT = "https://gateway.ai.cloudflare.com/v1"
MAX_ATTEMPTS, MAX_RETRY_DELAY, MAX_METADATA = 5, 5.0, 5
"""https://developers.cloudflare.com/ai-gateway/configuration/request-handling and .../observability/custom-metadata"""

# The part of a provider's address that is replaced, and what replaces it: one page for each provider under
# https://developers.cloudflare.com/ai-gateway/usage/providers
ROUTES: Mapping[str, tuple[str, str]] = {
    "openai": (r"https://api\.openai\.com/v1", "openai"),
    "anthropic": (r"https://api\.anthropic\.com", "anthropic"),
    "google": (r"https://generativelanguage\.googleapis\.com", "google-ai-studio"),
    # Project ids are of lower case; the placeholder of an unknown project does not match.
    "google_vertex": (r"https://[a-z0-9.-]*aiplatform[a-z0-9.-]*(?=/v1/projects/[a-z])", "google-vertex-ai"),
    "google_vertex_anthropic": (r"https://[a-z0-9.-]*aiplatform[a-z0-9.-]*(?=/v1/projects/[a-z])", "google-vertex-ai"),
    "amazon_bedrock": (r"https://bedrock-runtime\.([a-z0-9-]+)\.amazonaws\.com", r"aws-bedrock/bedrock-runtime/\1"),
    "azure": (r"https://([a-zA-Z0-9-]+)\.openai\.azure\.com/openai/deployments", r"azure-openai/\1"),
    "cerebras": (r"https://api\.cerebras\.ai/v1", "cerebras"),
    "cloudflare": (r"https://api\.cloudflare\.com/client/v4/accounts/[^/]+/ai", "workers-ai"),
    "cohere": (r"https://api\.cohere\.com", "cohere"),
    "deepseek": (r"https://api\.deepseek\.com(?:/v1)?", "deepseek"),
    "elevenlabs": (r"https://api\.elevenlabs\.io", "elevenlabs"),
    "groq": (r"https://api\.groq\.com/openai/v1", "groq"),
    "mistral": (r"https://api\.mistral\.ai", "mistral"),
    "openrouter": (r"https://openrouter\.ai/api", "openrouter"),
    "perplexity": (r"https://api\.perplexity\.ai", "perplexity-ai"),
    "xai": (r"https://api\.x\.ai", "grok"),
}
_ANY_HOST = r"https?://[^/]+"
_ADVICE = {"azure": "pass api_version=: the gateway has only the addresses of Azure's deployments"}


def cloudflare_ai_gateway(
    account: str | None = None,
    gateway: str | None = None,
    *,
    token: str | Secret | None = None,
    stored_keys: bool = False,
    custom: Mapping[str, str] | None = None,
    **settings: object,
) -> PipelineEdits:
    """Send calls through a gateway: `Client(pipeline=cloudflare_ai_gateway("ACCOUNT", "GATEWAY", token="..."))`, or
    `pipeline=` of one call.

    account: default: the variable CLOUDFLARE_ACCOUNT_ID.
    gateway: default: the variable CLOUDFLARE_GATEWAY_ID.
    token: for a gateway that requires one.
    stored_keys: the gateway has the provider's key, so none is looked for or sent.
    custom: the slugs of custom providers by provider id: `{"together": "custom-together"}`.
    settings: `cache_ttl` (seconds), `skip_cache`, `cache_key`, `collect_log`, `metadata` (up to five plain values),
        `request_timeout` (seconds), `max_attempts` (1 to 5), `retry_delay` (seconds, up to 5), `backoff` (constant,
        linear, exponential), `custom_cost` (per_token_in, per_token_out), `event_id`, `byok_alias`.

    The gateway's own headers (cf-aig-cache-status, cf-aig-log-id, ...) are in `reply.headers`.
    Raises ConfigError without account or gateway, InvalidOption for an unknown setting. A call raises ConfigError if
    the gateway does not have its provider or address.
    """
    root = f"{ROOT}/{_path_segment(account, 'account', 'CLOUDFLARE_ACCOUNT_ID')}/"
    root += _path_segment(gateway, "gateway", "CLOUDFLARE_GATEWAY_ID")
    headers = {name: value for key, setting in settings.items() for name, value in [_header(key, setting)] if value}
    if token is not None:
        headers["cf-aig-authorization"] = f"Bearer {header_secret(token, where='token').reveal()}"
    routes = {**ROUTES, **{canonical(id): (_ANY_HOST, slug) for id, slug in (custom or {}).items()}}
    patterns = {id: (re.compile(address), f"{root}/{place}") for id, (address, place) in routes.items()}

    def through_gateway(request: Request) -> Request:
        provider = canonical(request.model.provider)
        if provider not in patterns:
            hint = "register it as a custom provider there, and name it in custom="
            raise ConfigError(f"Cloudflare's gateway does not know {provider}", hint=hint)
        address, place = patterns[provider]
        url, count = address.subn(place, request.url, count=1) if address.match(request.url) else ("", 0)
        if not count:
            shown = request.url.partition("?")[0]
            hint = _ADVICE.get(provider, "use the provider's own address")
            raise ConfigError(f"Cloudflare's gateway has no route for {shown}", hint=hint)
        return request.replace(url=url, headers=Headers(request.headers, **headers))

    step = on_request("cloudflare_ai_gateway", through_gateway)
    edits = PipelineEdits().without("resolve_key", "authenticate") if stored_keys else PipelineEdits()
    return edits.before("send", step)


def _path_segment(argument: str | None, setting: str, variable: str) -> str:
    value = argument or REAL_WORLD.environ.get(variable)
    if not value:
        raise ConfigError(f"Cloudflare's gateway needs its {setting}", hint=f"pass {setting}=, or set {variable}")
    return quote(value, safe="")


def _header(setting: str, value: object) -> tuple[str, str]:
    """Return the header of a setting; its value is empty for None. Raises InvalidOption for an unusable value."""
    name = f"cf-aig-{setting.replace('_', '-')}"
    match setting, value:
        case _, None:
            return name, ""
        case "cache_ttl", int() if value >= 0:
            return name, str(value)
        case (("skip_cache" | "collect_log"), bool()):
            return name, str(value).lower()
        case (("cache_key" | "event_id" | "byok_alias"), str()) if value.isascii() and value.isprintable():
            return name, value
        case "backoff", "constant" | "linear" | "exponential":
            return name, value
        case "max_attempts", int() if 1 <= value <= MAX_ATTEMPTS:
            return name, str(value)
        case "retry_delay", int() | float() if 0 <= value <= MAX_RETRY_DELAY:
            return name, str(round(value * 1000))
        case "request_timeout", int() | float() if value > 0:
            return name, str(round(value * 1000))
        case "custom_cost", Mapping():
            return name, spaced(value, ascii=True)
        case "metadata", Mapping() if len(value) <= MAX_METADATA and all(map(_is_plain, value.values())):
            return name, spaced(value, ascii=True)
    raise InvalidOption(
        f"Cloudflare's gateway does not take {setting}={value!r:.80}", hint="see cloudflare_ai_gateway's docstring"
    )


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
