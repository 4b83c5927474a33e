"""The health of a model: key, host and time, without a paid call where that is possible."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from stepwell import AsyncClient, Client
from stepwell.declare import declare_provider, openai_chat
from stepwell.errors import AuthError, ConnectError, MissingKey, UnknownProvider
from stepwell.providers.declare.registry import Registry

MODEL = "groq:some-model"


def client_of(status: int = 200, **settings: Any) -> Client:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET" and request.url.path.endswith("/models")
        data = {"data": [{"id": "some-model", "object": "model"}]} if status == 200 else {"error": {"message": "no"}}
        return httpx.Response(status, json=data)

    return Client(transport=httpx.MockTransport(answer), **{"api_keys": {"groq": "k"}, **settings})


def test_a_model_that_is_listed_is_well() -> None:
    with client_of() as client:
        health = client.health(MODEL)
    assert health and (health.ok, health.key, health.listed, health.error) == (True, True, True, None)
    assert (health.model, health.host, health.checked) == (MODEL, "api.groq.com", "list_models")
    assert health.seconds > 0


def test_a_model_that_is_not_listed_may_be_callable() -> None:
    with client_of() as client:
        health = client.health("groq:another")
    assert health.ok and health.listed is False


def test_a_refused_key_and_a_missing_one_have_different_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    with client_of(401) as client:
        refused = client.health(MODEL)
    with client_of(api_keys={}) as client:
        missing = client.health(MODEL)
    assert not refused and not missing and refused.key is missing.key is False
    assert isinstance(refused.error, AuthError) and isinstance(missing.error, MissingKey)


def test_a_host_that_is_down_says_nothing_of_the_key() -> None:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with Client(transport=httpx.MockTransport(down), api_keys={"groq": "k"}) as client:
        health = client.health(MODEL)
    assert (health.ok, health.key) == (False, None) and isinstance(health.error, ConnectError)


def test_a_paid_call_is_made_only_where_it_is_allowed() -> None:
    answer = {"choices": [{"message": {"role": "assistant", "content": "a"}, "finish_reason": "length"}]}
    asked: list[httpx.Request] = []

    def chat(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=answer)

    with Client(transport=httpx.MockTransport(chat), api_keys={"perplexity": "k"}) as client:
        assert client.health("perplexity:sonar").ok is None and asked == []
        health = client.health("perplexity:sonar", paid=True)
    assert health.ok and health.checked == "chat" and len(asked) == 1


def test_a_provider_without_a_list_says_why_nothing_was_checked_and_what_to_do() -> None:
    registry = Registry()
    registry.register(declare_provider("acme", wire=openai_chat, base_url="https://acme.test/v1", env_key="ACME_KEY"))
    with Client(registry=registry, api_keys={"acme": "k"}) as client:
        health = client.health("acme:m")
    assert (health.ok, health.checked) == (None, "") and not health
    assert "acme offers no list of its models" in str(health.error) and "paid=True" in str(health.error)


@pytest.mark.parametrize("paid", [False, True])
def test_a_provider_of_neither_chats_nor_lists_is_not_checked(paid: bool) -> None:
    with client_of(api_keys={"voyage": "k"}) as client:
        health = client.health("voyage:voyage-3.5", paid=paid)
    assert health.ok is None and health.host == "api.voyageai.com"
    assert "make a small call of what it offers: embed, rerank" in str(health.error)


def test_a_provider_without_chats_is_asked_for_its_list() -> None:
    async def check() -> bool:
        def answer(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"data": [{"model_id": "eleven_v3"}]})

        network = httpx.MockTransport(answer)
        async with AsyncClient(transport=network, api_keys={"elevenlabs": "k"}) as client:
            health = await client.health("elevenlabs:eleven_v3")
        assert health.checked == "list_models"
        return bool(health)

    assert asyncio.run(check())


def test_a_provider_that_does_not_exist_is_a_mistake() -> None:
    with client_of() as client, pytest.raises(UnknownProvider):
        client.health("gorq:some-model")


@pytest.mark.usefixtures("local_model")
def test_the_local_model_is_asked_since_it_costs_nothing() -> None:
    async def check() -> bool:
        async with AsyncClient() as client:
            return bool(await client.health("local:smollm2"))

    assert asyncio.run(check())
