"""Every provider of models.dev with a known wire works without code of its own: address, key and body are right."""

from __future__ import annotations

import json

import httpx
import pytest
from in_turn import in_turn

from stepwell import Client
from stepwell.model_metadata.catalog import CATALOG
from stepwell.model_metadata.provider_models import ProviderRow
from stepwell.providers.declare.addresses import variables
from stepwell.providers.declare.from_catalog import from_catalog
from stepwell.providers.declare.registry import REGISTRY, Registry
from stepwell.providers.wires.samples import Samples
from stepwell.testing.conformance import samples_of

ROWS = [row for row in CATALOG.providers() if row.wire and row.base_url]
KEY = "test-key"
# How each wire's vendor takes a key; Bedrock's bearer keys and Vertex's tokens are bearers, too.
HEADERS = {"anthropic_messages": "x-api-key", "google_generate": "x-goog-api-key"}
PATHS = {
    "openai_chat": "/chat/completions",
    "mistral_chat": "/chat/completions",
    "openai_responses": "/responses",
    "anthropic_messages": "/messages",
    "cohere_chat": "/chat",
    "google_generate": ":generateContent",
    "bedrock_converse": "/converse",
}


def test_nearly_all_providers_are_covered() -> None:
    assert len(CATALOG.providers()) == 191 and len(ROWS) == 188


@in_turn("row", ROWS)
def test_one_request_to_each(row: ProviderRow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through its row alone, even where we have a declaration."""
    provider = from_catalog(row.id)
    assert provider is not None
    for name in variables(row.base_url or ""):
        value = "https://filled.test" if row.base_url.startswith("${") else "filled"  # type: ignore[union-attr]
        monkeypatch.setenv(name, value)
    wire = provider.wires[0]
    assert {"embed", "list_models"} & provider.operations == (
        {"embed", "list_models"} if row.wire == "openai_chat" else set()
    )
    samples: Samples = samples_of(wire)
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=samples.text.body)

    registry = Registry()
    registry.register(provider)
    settings = {"transport": httpx.MockTransport(handler), "api_keys": {provider.id: KEY}, "registry": registry}
    with Client(**settings) as client:  # type: ignore[arg-type]
        assert client.generate_text(f"{row.id}:some-model", "hi").text == samples.text.text
    (request,) = seen
    assert request.url.scheme in ("https", "http") and "$" not in str(request.url) and KEY not in str(request.url)
    path = request.url.path
    assert path.endswith(PATHS[wire.name]) and path.count(PATHS[wire.name]) == 1, request.url
    sent = request.headers[HEADERS.get(wire.name, "authorization")]
    assert sent in (KEY, f"Bearer {KEY}")
    body = json.loads(request.content)
    assert body.get("model") == "some-model" or "some-model" in request.url.path


def test_ids_may_be_written_with_hyphens() -> None:
    assert REGISTRY.get("github-copilot") is REGISTRY.get("github_copilot") is not None


def test_a_declaration_takes_precedence_over_a_catalog_row() -> None:
    assert REGISTRY.get_or_raise("groq").source != "models.dev"
    assert REGISTRY.get_or_raise("nebius").source == "models.dev"


def test_a_provider_is_built_once() -> None:
    registry = Registry()
    assert all(registry.get(id) is registry.get(id) for id in ("groq", "databricks"))


def test_keys_are_distinguished_from_other_variables() -> None:
    keys = {
        "databricks": "DATABRICKS_TOKEN",
        "privatemode_ai": "PRIVATEMODE_API_KEY",
    }  # the host is no key, in a URL or not
    assert {id: from_catalog(id).env_key for id in keys} == {id: (key,) for id, key in keys.items()}  # type: ignore[union-attr]
