"""`authenticate` is one step of the table for every provider: replaced, extended, a generator, and always called."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from in_turn import in_turn
from kinds import one_of_each_kind
from logins import login_for

from stepwell import AsyncClient, Client
from stepwell.declare import bearer, declare_provider, extending, header_key, no_key, openai_chat, reveal
from stepwell.errors import ConfigError, InvalidOption, MissingKey
from stepwell.providers.declare.credentials import FREE
from stepwell.providers.declare.extending import takes_call
from stepwell.providers.declare.provider import Provider
from stepwell.providers.declare.registry import REGISTRY, Registry
from stepwell.schemas.errors import StepwellError
from stepwell.steps import CallNext, Request, Run, Sleep, StepGenerator

URL = "https://proxy.test/v1"
REMOTE = [each for each in REGISTRY if "chat" in each.operations and each.takes() is not FREE and each.id != "local"]
every = in_turn("provider", one_of_each_kind(REMOTE))
GENERATORS = [each for each in REMOTE if each.auth is not None and takes_call(each.auth)]


class Server:
    """A server that refuses everything, and keeps what it was sent."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []
        self.transport = httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return httpx.Response(500, json={"message": "no"})

    def client_of(self, provider: Provider, **settings: Any) -> Client:
        registry = Registry()
        registry.register(provider)
        return Client(transport=self.transport, retries=0, registry=registry, **settings)

    def headers(self, client: Client, provider: Provider) -> httpx.Headers:
        with client, pytest.raises(StepwellError):
            client.generate_text(f"{provider.id}:m", "hi")
        return self.seen[-1].headers


def login(provider: Provider) -> dict[str, Any]:
    return {"api_keys": {provider.id: login_for(provider)}, "base_urls": {provider.id: URL}}


def mine(request: Request) -> Request:
    return request.with_headers(x_mine="1")


# --- replaced and extended, at every provider


@every
def test_a_users_function_replaces_that_of_every_provider(provider: Provider) -> None:
    server = Server()
    client = server.client_of(provider, **login(provider))
    client.override(provider.id, authenticate=mine)
    headers = server.headers(client, provider)
    assert headers["x-mine"] == "1" and "GIVEN" not in str(dict(headers))


@every
def test_a_users_generator_extends_that_of_every_provider(provider: Provider) -> None:
    def around(inherited: CallNext, request: Request, call: CallNext) -> StepGenerator:
        yield Sleep(0)
        return (yield from inherited(mine(request), call))  # type: ignore[call-arg]

    server = Server()
    client = server.client_of(provider, **login(provider))
    client.override(provider.id, authenticate=extending(around))
    headers = server.headers(client, provider)
    assert headers["x-mine"] == "1" and "GIVEN" in str(dict(headers))


@every
def test_a_plain_function_extends_a_plain_one_and_is_refused_over_a_generator(provider: Provider) -> None:
    server = Server()
    client = server.client_of(provider, **login(provider))
    client.override(provider.id, authenticate=extending(lambda inherited, request: mine(inherited(request))))
    if provider in GENERATORS:
        with pytest.raises(ConfigError, match=f"override of {provider.id}: this provider's authenticate is a gen") as e:
            client.pipeline_for(f"{provider.id}:m")
        assert "inherited(request, call)" in str(e.value.hint)
    else:
        headers = server.headers(client, provider)
        assert headers["x-mine"] == "1" and "GIVEN" in str(dict(headers))


def test_some_providers_authenticate_by_a_generator() -> None:
    assert {each.id for each in GENERATORS} > {"azure", "amazon_bedrock", "google_vertex", "openai_codex"}


@every
def test_the_description_says_whose_function_it_is(provider: Provider) -> None:
    client = Client()
    client.override(provider.id, authenticate=mine)
    (line,) = [
        each for each in client.pipeline_for(f"{provider.id}:m").describe().splitlines() if " authenticate " in each
    ]
    assert line.endswith(f"(client, override of {provider.id})") and "test_authenticate.py" in line


# --- always called


def vault(request: Request) -> Request:
    """Find the credential by itself."""
    assert request.credential is None
    return request.with_headers(authorization="Bearer of-the-vault")


def vault_flow(request: Request, call: CallNext) -> StepGenerator:
    token = yield Run(lambda: "of-the-vault")
    yield Sleep(0)
    return (yield from call(request.with_headers(authorization=f"Bearer {token}")))


vaults = pytest.mark.parametrize("auth", [vault, vault_flow])


@vaults
@pytest.mark.parametrize("facts", [{}, {"key_optional": True}, {"key_optional": True, "env_key": "NOT_SET"}])
def test_a_declared_function_is_called_without_a_key(auth: Any, facts: dict[str, Any]) -> None:
    server = Server()
    acme = declare_provider("acme", wire=openai_chat, base_url=URL, auth=auth, **facts)
    assert server.headers(server.client_of(acme), acme)["authorization"] == "Bearer of-the-vault"


@vaults
def test_a_users_function_is_called_without_the_providers_key(auth: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    groq = REGISTRY.get_or_raise("groq")
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    server = Server()
    client = server.client_of(groq)
    client.override("groq:*", authenticate=auth)
    assert server.headers(client, groq)["authorization"] == "Bearer of-the-vault"


@vaults
def test_an_async_client_calls_it_too(auth: Any) -> None:
    acme = declare_provider("acme", wire=openai_chat, base_url=URL, auth=auth)
    server, registry = Server(), Registry()
    registry.register(acme)

    async def run() -> None:
        async with AsyncClient(transport=server.transport, retries=0, registry=registry) as client:
            with pytest.raises(StepwellError):
                await client.generate_text("acme:m", "hi")

    asyncio.run(run())
    assert server.seen[-1].headers["authorization"] == "Bearer of-the-vault"


def test_it_is_called_for_every_attempt() -> None:
    called: list[Request] = []
    server = Server()
    acme = declare_provider(
        "acme", wire=openai_chat, base_url=URL, auth=lambda request: called.append(request) or request
    )
    client = server.client_of(acme)
    with client, pytest.raises(StepwellError):
        client.generate_text("acme:m", "hi", retries=2)
    assert len(called) == len(server.seen) == 3


def test_a_variable_that_a_provider_declares_must_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    acme = declare_provider("acme", wire=openai_chat, base_url=URL, auth=mine, env_key="ACME_KEY")
    with pytest.raises(MissingKey, match="no API key for acme"):
        Server().client_of(acme).generate_text("acme:m", "hi")


EXTENDING = [
    extending(lambda inherited, request: inherited(request)),
    extending(lambda inherited, request, call: inherited(request, call)),
]


@pytest.mark.parametrize("auth", [bearer, header_key("x-api-key"), None, *EXTENDING])
def test_what_sends_a_key_needs_one(auth: Any) -> None:
    acme = declare_provider("acme", wire=openai_chat, base_url=URL, auth=auth)
    with pytest.raises(MissingKey, match="no API key for acme"):
        Server().client_of(acme).generate_text("acme:m", "hi")


@pytest.mark.parametrize("auth", [bearer, header_key("authorization"), no_key])
def test_what_sends_a_key_sends_nothing_where_none_is_needed(auth: Any) -> None:
    server = Server()
    acme = declare_provider("acme", wire=openai_chat, base_url=URL, auth=auth, key_optional=True)
    assert "authorization" not in server.headers(server.client_of(acme), acme)


def test_a_function_that_needs_the_key_says_that_it_is_missing() -> None:
    acme = declare_provider(
        "acme", wire=openai_chat, base_url=URL, auth=lambda request: mine(request) if reveal(request) else request
    )
    with pytest.raises(MissingKey, match="no API key for acme"):
        Server().client_of(acme).generate_text("acme:m", "hi")


# --- what cannot be one


def lonely(request: Request) -> Any:
    yield Sleep(0)


@pytest.mark.parametrize("name", ["auth", "authenticate"])
def test_a_generator_without_call_is_refused_at_once(name: str) -> None:
    with pytest.raises(InvalidOption, match="takes \\(request, call\\)"):
        declare_provider("acme", wire=openai_chat, base_url=URL, **{name: lonely})
    with pytest.raises(InvalidOption, match="takes \\(request, call\\)"):
        Client().override("groq:*", authenticate=lonely)


def test_auth_and_authenticate_are_one_step() -> None:
    with pytest.raises(InvalidOption, match="acme has both auth and authenticate"):
        declare_provider("acme", wire=openai_chat, base_url=URL, auth=mine, authenticate=mine)
