"""Azure: every spelling of an endpoint gives the same address; keys and tokens; the dated API."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import orjson
import pytest

from stepwell import AsyncClient, Client, Context
from stepwell.options import Secret
from stepwell.schemas import errors
from stepwell.schemas.message import user

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
    f"{ROOT}/openai/v1/responses",
    f"{ROOT}/openai/deployments/gpt/images/generations?api-version=2025-04-01-preview",
    f"{ROOT}/openai/deployments/gpt/audio/transcriptions",
    f"{ROOT}/openai/v1?api-version=preview",
    f"{ROOT}/anthropic",
    f"{ROOT}/anthropic/v1/messages",
]


def call_azure(
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
    request, _ = call_azure(endpoint)
    assert str(request.url) == f"{ROOT}/openai/v1/chat/completions"
    assert request.headers["api-key"] == "k" and "authorization" not in request.headers
    assert orjson.loads(request.content)["model"] == "gpt"


@pytest.mark.parametrize("host", ["mine.cognitiveservices.azure.com", "mine.services.ai.azure.com"])
def test_other_hosts_are_kept(host: str) -> None:
    assert str(call_azure(f"https://{host}/")[0].url) == f"https://{host}/openai/v1/chat/completions"


def test_the_environment_names_the_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)
    monkeypatch.setenv("AZURE_RESOURCE_NAME", "named")
    assert str(call_azure(None)[0].url) == "https://named.openai.azure.com/openai/v1/chat/completions"
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", f"{ROOT}/openai/")
    assert str(call_azure(None)[0].url) == f"{ROOT}/openai/v1/chat/completions"


def test_a_missing_resource_is_an_error_that_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_OPENAI_ENDPOINT", "AZURE_RESOURCE_NAME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(errors.ConfigError, match="set AZURE_RESOURCE_NAME"):
        call_azure(None)


def test_the_dated_api_has_deployments_in_its_path() -> None:
    request, _ = call_azure(ROOT, provider_options={"api_version": "2025-04-01-preview"})
    expected = f"{ROOT}/openai/deployments/gpt/chat/completions?api-version=2025-04-01-preview"
    assert str(request.url) == expected and "api_version" not in orjson.loads(request.content)


@pytest.mark.parametrize(
    "key",
    [{"token": "entra"}, lambda: "entra", {"token": lambda: Secret("entra")}],
    ids=["token", "function", "function beside others"],
)
def test_an_entra_token_is_sent_as_a_bearer_token(key: Any) -> None:
    request, _ = call_azure(ROOT, key)
    assert request.headers["authorization"] == "Bearer entra" and "api-key" not in request.headers


def test_a_credential_function_is_called_on_every_attempt_and_in_a_thread_for_async_calls() -> None:
    asked_in: list[str] = []

    def give() -> str:
        asked_in.append(threading.current_thread().name)
        return f"entra-{len(asked_in)}"

    async def agive() -> str:
        return "awaited"

    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200, content=completion())

    async def run(key: Any) -> None:
        settings: dict[str, Any] = {"transport": httpx.MockTransport(handler), "base_urls": {"azure": ROOT}}
        async with AsyncClient(**settings, api_keys={"azure": key}) as client:
            await client.generate_text("azure:gpt", "hi", wire="openai_chat")

    for key in (give, give, agive):
        asyncio.run(run(key))
    assert seen == ["Bearer entra-1", "Bearer entra-2", "Bearer awaited"]
    assert threading.main_thread().name not in asked_in
    with pytest.raises(errors.ConfigError, match="use it with AsyncClient"):
        call_azure(ROOT, agive)


def test_an_endpoint_may_come_with_the_key() -> None:
    assert str(call_azure("https://other.test", {"api_key": "k", "endpoint": ROOT})[0].url).startswith(
        f"{ROOT}/openai/v1"
    )


def test_an_endpoint_may_come_with_the_key_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_OPENAI_ENDPOINT", "AZURE_RESOURCE_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert str(call_azure(None, {"api_key": "k", "endpoint": ROOT})[0].url).startswith(f"{ROOT}/openai/v1")


@pytest.mark.parametrize("path", ["/my/apim", "/api/projects/mine"])
def test_a_custom_path_is_kept(path: str) -> None:
    host = "https://mine.services.ai.azure.com"
    for end in ("", "/", "/openai", "/openai/v1/"):
        assert str(call_azure(f"{host}{path}{end}")[0].url) == f"{host}{path}/openai/v1/chat/completions"


@pytest.mark.parametrize("spelt", ["mine.openai.azure.com", f"  {ROOT}/ \n", "mine.openai.azure.com/openai/v1/"])
@pytest.mark.parametrize("by_environment", [True, False])
def test_an_endpoint_may_lack_its_scheme_or_have_spaces(
    spelt: str, by_environment: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    key: Any = "k"
    if by_environment:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", spelt)
    else:
        monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)
        key = {"api_key": "k", "endpoint": spelt}
    assert str(call_azure(None, key)[0].url) == f"{ROOT}/openai/v1/chat/completions"


@pytest.mark.parametrize("spelt", ["ftp://mine.test", "https://my host.test", "https://", "://"])
def test_an_endpoint_that_is_no_address_is_an_error(spelt: str) -> None:
    with pytest.raises(errors.ConfigError, match="endpoint that came with the key is not an address"):
        call_azure(None, {"api_key": "k", "endpoint": spelt})


def test_a_calls_address_takes_precedence_over_the_keys_endpoint() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=completion())

    keys = {"azure": {"api_key": "k", "endpoint": ROOT}}
    with Client(transport=httpx.MockTransport(handler), api_keys=keys) as client:
        client.generate_text("azure:gpt", "hi", wire="openai_chat", base_url="https://other.openai.azure.com")
        with pytest.raises(errors.MissingKey, match=r"only to \*\.openai\.azure\.com.*the call that has base_url="):
            client.generate_text("azure:gpt", "hi", wire="openai_chat", base_url="https://evil.test")
    (request,) = seen
    assert request.url.host == "other.openai.azure.com" and request.headers["api-key"] == "k"


def test_a_projects_deployments_and_claude_are_its_resources() -> None:
    project = "https://mine.services.ai.azure.com/api/projects/p"
    dated = other(
        "chat",
        "gpt",
        "hi",
        base_url=project,
        provider_options={"api_version": "2025-04-01-preview"},
        wire="openai_chat",
    )
    assert dated.url.path == "/openai/deployments/gpt/chat/completions"
    assert other("chat", "claude-sonnet-4-5", "hi", base_url=project).url.path == "/anthropic/v1/messages"


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("https://other.openai.azure.com", True),
        ("https://other.services.ai.azure.com/openai/v1", True),
        ("https://evil.test", False),
        ("http://other.openai.azure.com", False),
        ("https://evil.test/.openai.azure.com", False),
        ("https://evil.test#.openai.azure.com", False),
        ("https://evil.test?.openai.azure.com", False),
        ("https://openai.azure.com.evil.test", False),
    ],
)
def test_the_environments_key_is_sent_to_azure_alone(address: str, sent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "of-env")
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=completion())

    with Client(transport=httpx.MockTransport(handler), base_urls={"azure": address}) as client:
        if sent:
            client.generate_text("azure:gpt", "hi", wire="openai_chat")
            assert seen[0].headers["api-key"] == "of-env"
        else:
            with pytest.raises(errors.MissingKey, match="base_url of your own"):
                client.generate_text("azure:gpt", "hi", wire="openai_chat")


def other(
    operation: str, model: str, input: Any, key: Any = "k", base_url: str = ROOT, **options: Any
) -> httpx.Request:
    """Return the request of any operation; the answer is irrelevant."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(400, json={"error": {"message": "no"}})

    settings: dict[str, Any] = {"api_keys": {"azure": key}, "base_urls": {"azure": base_url}}
    with Client(transport=httpx.MockTransport(handler), **settings) as client, pytest.raises(errors.InvalidRequest):
        client.run(operation, f"azure:{model}", input, **options)
    return seen[0]


@pytest.mark.parametrize(
    ("operation", "wire", "path", "dated"),
    [
        ("chat", "openai_chat", "/openai/v1/chat/completions", "/openai/deployments/d%2F1/chat/completions"),
        ("chat", "openai_responses", "/openai/v1/responses", "/openai/responses"),
        ("embed", None, "/openai/v1/embeddings", "/openai/deployments/d%2F1/embeddings"),
        ("image", None, "/openai/v1/images/generations", "/openai/deployments/d%2F1/images/generations"),
        ("speak", None, "/openai/v1/audio/speech", "/openai/deployments/d%2F1/audio/speech"),
    ],
)
def test_every_operation_has_its_address(operation: str, wire: str | None, path: str, dated: str) -> None:
    how = {"wire": wire} if wire else {}
    assert other(operation, "d/1", "hi", **how).url.raw_path.decode() == path
    version = other(
        operation, "d/1", "hi", provider_options={"api_version": "2025-04-01-preview"}, **how
    ).url.raw_path.decode()
    assert version == f"{dated}?api-version=2025-04-01-preview"


@pytest.mark.parametrize(
    "endpoint",
    [
        ROOT,
        f"{ROOT}/openai/v1/",
        "https://mine.cognitiveservices.azure.com",
        "https://mine.services.ai.azure.com",
        "https://mine.services.ai.azure.com/models",
        "https://mine.services.ai.azure.com/anthropic",
        "https://mine.services.ai.azure.com/anthropic/v1/messages",
    ],
)
def test_claude_uses_anthropics_format_in_foundry(endpoint: str) -> None:
    request = other(
        "chat", "claude-sonnet-4-5", "hi", base_url=endpoint, provider_options={"anthropic_beta": ["b"]}, top_k=3
    )
    assert str(request.url) == "https://mine.services.ai.azure.com/anthropic/v1/messages"
    assert request.headers["x-api-key"] == "k" and request.headers["anthropic-version"] == "2023-06-01"
    assert request.headers["anthropic-beta"] == "b" and "api-key" not in request.headers
    body = orjson.loads(request.content)
    assert (body["model"], body["top_k"]) == ("claude-sonnet-4-5", 3) and body["max_tokens"]


def test_claude_takes_entra_tokens_thinking_and_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    request = other("chat", "claude-sonnet-4-5", "hi", {"token": "entra"}, reasoning_effort="low")
    assert request.headers["authorization"] == "Bearer entra" and "x-api-key" not in request.headers
    assert orjson.loads(request.content)["thinking"]["type"] == "enabled"
    counted = other("count_tokens", "claude-sonnet-4-5", Context([user("hi")]))
    assert counted.url.path == "/anthropic/v1/messages/count_tokens"
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", f"{ROOT}/")
    monkeypatch.delenv("AZURE_RESOURCE_NAME", raising=False)
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(400, json={})

    with Client(transport=httpx.MockTransport(handler), api_keys={"azure": "k"}) as client:
        for model in ("claude-sonnet-4-5", "deepseek-v4-pro"):
            with pytest.raises(errors.InvalidRequest):
                client.generate_text(f"azure:{model}", "hi")
    assert [str(request.url) for request in seen] == [
        "https://mine.services.ai.azure.com/anthropic/v1/messages",
        f"{ROOT}/openai/v1/chat/completions",
    ]


def test_a_404_shows_the_address_and_the_deployment() -> None:
    with pytest.raises(errors.NotFound, match=f"no deployment 'gpt' answers at {ROOT}/openai/v1/chat/completions"):
        call_azure(ROOT, status=404)
