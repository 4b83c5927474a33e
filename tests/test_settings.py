"""A client's settings are validated when it is made, with a hint at what would be right."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import stepwell
from stepwell import AsyncClient, Client
from stepwell.schemas import errors

both = pytest.mark.parametrize("client", [Client, AsyncClient])
CANARY = "sk-canary-123456789"


@both
@pytest.mark.parametrize(
    ("settings", "kind", "says"),
    [
        ({"api_key": CANARY}, errors.InvalidOption, r"no setting 'api_key'.*api_keys=\{'openai'"),
        ({"base_url": "https://x"}, errors.InvalidOption, r"base_urls=\{'openai'"),
        ({"timeuot": 3}, errors.InvalidOption, "did you mean 'timeout'"),
        ({"api_keys": {"opnai": CANARY}}, errors.UnknownProvider, "'opnai'.*did you mean 'openai'"),
        ({"base_urls": {"opnai": "https://x"}}, errors.UnknownProvider, "did you mean 'openai'"),
        ({"api_keys": CANARY}, errors.InvalidOption, "api_keys cannot be a str"),
        ({"api_keys": {"openai": 7}}, errors.InvalidOption, "cannot be a int"),
        ({"headers": "x-a: b"}, errors.InvalidOption, "headers cannot be a str"),
        ({"base_urls": "https://x"}, errors.InvalidOption, "base_urls cannot be a str"),
        ({"retries": -1}, errors.InvalidOption, "'retries'.*at least 0"),
        ({"retries": "2"}, errors.InvalidOption, "'retries'"),
        ({"retries": None}, errors.InvalidOption, "0 turns them off"),
        ({"pipeline": "retry"}, errors.ConfigError, "pipeline cannot be a str"),
        ({"http": "https://x"}, errors.ConfigError, "http cannot be a str"),
        ({"transport": 7}, errors.ConfigError, "int is not an? a?synchronous transport"),
        ({"env_file": "no/such/.env"}, errors.ConfigError, "no/such/.env cannot be read"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_used_is_refused_at_once(
    client: type, settings: dict[str, Any], kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says) as caught:
        client(**settings)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        None,
        5,
        "x.example",
        "http://",
        "http://x:abc",
        "http://x:99999",
        "http://x\r\nE:1",
        "http://[::1",
        "https://a b",
    ],
    ids=repr,
)
def test_an_address_that_leads_nowhere_is_refused(url: Any) -> None:
    with pytest.raises(errors.InvalidOption, match=r"base_urls\['groq'\]"):
        Client(base_urls={"groq": url})
    if url is not None:
        with pytest.raises(errors.InvalidOption, match="base_url"):
            Client(api_keys={"groq": "k"}).generate_text("groq:m", "hi", base_url=url, api_key="k")


def test_an_address_in_the_environment_that_leads_nowhere_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_BASE_URL", "http://x:abc")
    with pytest.raises(errors.InvalidOption, match="VLLM_BASE_URL"):
        Client().generate_text("vllm:m", "hi")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Client(http=httpx.AsyncClient()), "asynchronous client; use AsyncClient"),
        (lambda: AsyncClient(http=httpx.Client()), "synchronous client; use Client"),
        (lambda: Client(transport=httpx.AsyncHTTPTransport()), "AsyncHTTPTransport is not a synchronous transport"),
        (lambda: AsyncClient(transport=httpx.HTTPTransport()), "HTTPTransport is not an asynchronous transport"),
    ],
)
def test_an_http_client_of_the_other_kind_is_refused(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(errors.ConfigError, match=says):
        make()


@both
def test_valid_settings_are_accepted(client: type) -> None:
    http = httpx.Client() if client is Client else httpx.AsyncClient()
    client(
        api_keys={"openai": "k", "amazon-bedrock": {"access_key": "a", "secret_key": "s"}, "neon": "k"},
        base_urls={"openai": "http://[::1]:8080/v1", "azure": "https://${MINE}.openai.azure.com"},
        headers={"x-a": "b"},
        retries=0,
        timeout=3,
        http=http,
    )


def test_both_clients_show_the_same_settings() -> None:
    shown = inspect.signature(Client)
    assert shown == inspect.signature(AsyncClient)
    assert {"api_keys", "transport", "env_file"} <= shown.parameters.keys()


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("gpt-4o", "named with its provider: 'openai:gpt-4o'"),
        ("opnai:gpt*", "did you mean 'openai'"),
        ("", "pattern"),
        (5, "pattern"),
    ],
)
def test_an_override_that_could_never_match_is_refused(pattern: Any, says: str) -> None:
    for override in (stepwell.override, Client().override):
        with pytest.raises(errors.ConfigError, match=says):
            override(pattern, build_body=lambda request: {})


@pytest.mark.parametrize("pattern", ["openai", "openai:gpt-5*", "*:qwen*", "open*:x", "amazon-bedrock:*"])
def test_an_override_of_an_existing_model_is_accepted(pattern: str) -> None:
    Client().override(pattern, build_body=lambda request: {})
