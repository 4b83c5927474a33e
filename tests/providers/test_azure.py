"""Azure: every spelling of an endpoint gives the same address; keys and tokens; the dated API."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from stepwell import Client
from stepwell.schemas import errors

from loopback import completion

ROOT = "https://mine.openai.azure.com"
SPELLINGS = [
    ROOT,
    f"{ROOT}/",
    f"{ROOT}/openai",
    f"{ROOT}/openai/",
    f"{ROOT}/openai/v1",
    f"{ROOT}/openai/v1/",
    f"{ROOT}/openai/v1/chat/completions",
    f"{ROOT}/openai/deployments",
    f"{ROOT}/openai/deployments/gpt",
    f"{ROOT}/openai/deployments/gpt/chat/completions",
    f"{ROOT}/openai/deployments/gpt/chat/completions?api-version=2025-04-01-preview",
    f"{ROOT}/openai/responses?api-version=2025-04-01-preview",
    f"{ROOT}/models",
    f"{ROOT}/models/chat/completions?api-version=2024-05-01-preview",
]


def asked(
    base_url: str | None, key: Any = "k", status: int = 200, model: str = "gpt", **options: Any
) -> tuple[httpx.Request, Any]:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, content=completion() if status == 200 else b'{"error": {"message": "gone"}}')

    urls = {"azure": base_url} if base_url else {}
    settings: dict[str, Any] = {"api_keys": {"azure": key}, "base_urls": urls, "retries": 0}
    with Client(transport=httpx.MockTransport(handler), **settings) as client:
        reply = client.generate_text(f"azure:{model}", "hi", wire="openai_chat", **options)
    return seen[0], reply


@pytest.mark.parametrize("endpoint", SPELLINGS)
def test_every_spelling_gives_the_same_address(endpoint: str) -> None:
    request, _ = asked(endpoint)
    assert str(request.url) == f"{ROOT}/openai/v1/chat/completions"
    assert request.headers["api-key"] == "k" and "authorization" not in request.headers
    assert orjson.loads(request.content)["model"] == "gpt"


@pytest.mark.parametrize("host", ["mine.cognitiveservices.azure.com", "mine.services.ai.azure.com"])
def test_other_hosts_are_kept(host: str) -> None:
    assert str(asked(f"https://{host}/")[0].url) == f"https://{host}/openai/v1/chat/completions"


def test_the_environment_names_the_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)
    monkeypatch.setenv("AZURE_RESOURCE_NAME", "named")
    assert str(asked(None)[0].url) == "https://named.openai.azure.com/openai/v1/chat/completions"
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", f"{ROOT}/openai/")
    assert str(asked(None)[0].url) == f"{ROOT}/openai/v1/chat/completions"


def test_without_a_resource_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_OPENAI_ENDPOINT", "AZURE_RESOURCE_NAME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(errors.ConfigError, match="set AZURE_RESOURCE_NAME"):
        asked(None)


def test_the_dated_api_has_deployments_in_its_path() -> None:
    request, _ = asked(ROOT, api_version="2025-04-01-preview")
    expected = f"{ROOT}/openai/deployments/gpt/chat/completions?api-version=2025-04-01-preview"
    assert str(request.url) == expected and "api_version" not in orjson.loads(request.content)


@pytest.mark.parametrize("key", [{"token": "entra"}, lambda: "entra"], ids=["token", "provider"])
def test_an_entra_token_is_a_bearer(key: Any) -> None:
    request, _ = asked(ROOT, key)
    assert request.headers["authorization"] == "Bearer entra" and "api-key" not in request.headers


def test_an_endpoint_may_come_with_the_key() -> None:
    assert str(asked("https://other.test", {"api_key": "k", "endpoint": ROOT})[0].url).startswith(f"{ROOT}/openai/v1")


def test_a_404_shows_the_address_and_the_deployment() -> None:
    with pytest.raises(errors.NotFound, match=f"no deployment 'gpt' answers at {ROOT}/openai/v1/chat/completions"):
        asked(ROOT, status=404)
