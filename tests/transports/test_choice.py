"""Choice of the HTTP library: by default, by name, by environment."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import httpx
import pytest

from stepwell import AsyncClient, Client, connect
from stepwell.connect import AsyncRawTransport, RawTransport
from stepwell.pipeline.http.fast.async_client import AsyncSocketClient
from stepwell.pipeline.http.fast.client import SocketClient
from stepwell.schemas import errors
from stepwell.transports import FastTransport

from loopback import Loopback, answer, completion, serving

MODEL = "openai:m"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, "STEPWELL_TRANSPORT"):
        monkeypatch.delenv(name, raising=False)


def settings(server: Loopback, **more: Any) -> dict[str, Any]:
    return {"base_urls": {"openai": server.url}, "api_keys": {"openai": "k"}, "retries": 0, **more}


async def carrier(server: Loopback, **more: Any) -> type:
    """Return the class of the HTTP client that an async call used."""
    async with AsyncClient(**settings(server, **more)) as client:
        assert (await client.generate_text(MODEL, "hi")).text == "hello"
        return type((await client.connections.open()).client)


def carried(**more: Any) -> tuple[type, type]:
    """Return the classes of the HTTP clients of a sync and an async call."""
    with serving(lambda request: [answer(completion())]) as server:
        with Client(**settings(server, **more)) as client:
            assert client.generate_text(MODEL, "hi").text == "hello"
            used = type(client.connections.open().client)
        return used, asyncio.run(carrier(server, **more))


FAST = (SocketClient, AsyncSocketClient)
HTTPX = (RawTransport, AsyncRawTransport)


def test_calls_take_the_fast_transport_where_it_is_installed() -> None:
    assert carried() == FAST


def test_calls_take_httpx_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "find_spec", lambda name: None)
    assert carried() == HTTPX


def test_a_transport_by_name_turns_that_off() -> None:
    assert carried(transport="httpx") == HTTPX


def test_the_environment_turns_that_off_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_TRANSPORT", "httpx")
    assert carried() == HTTPX
    assert carried(transport="fast") == FAST, "what the client says comes first"


def test_a_transport_of_ones_own_is_used() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=completion())

    assert carried(transport=httpx.MockTransport(handler)) == HTTPX


def test_mocks_of_httpx_see_the_calls_where_httpx_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, httpx_mock: Any
) -> None:
    monkeypatch.setenv("STEPWELL_TRANSPORT", "httpx")
    httpx_mock.add_response(content=completion())
    with Client(api_keys={"openai": "k"}) as client:
        assert client.generate_text(MODEL, "hi").text == "hello"
    assert httpx_mock.get_request().url.path == "/v1/chat/completions"


def last_line(client: Client | AsyncClient) -> str:
    return client.pipeline_for(MODEL).describe().splitlines()[-1].strip()


def test_describe_names_the_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    assert last_line(Client()) == "- over fast (httptools), 1,000 connections at most"
    assert last_line(AsyncClient(transport=FastTransport(max_connections=7))).endswith(
        "7 connections at most; over httpx on trio"
    )
    assert last_line(Client(max_connections=7)) == "- over fast (httptools), 7 connections at most"
    assert last_line(Client(transport="httpx")) == "- over httpx"
    mock = httpx.MockTransport(lambda request: httpx.Response(200))
    assert last_line(Client(transport=mock)) == "- over httpx.MockTransport, which the client was given"
    with httpx.Client() as http:
        assert last_line(Client(http=http)) == "- over httpx.Client, which the client was given"
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert last_line(Client()) == "- over httpx, since a proxy is set"


@pytest.mark.parametrize(
    "wrong",
    [{"max_connections": 0}, {"max_connections": 1.5}, {"keep_alive": -1}, {"keep_alive": None}, {"tls": True}],
)
def test_settings_of_the_fast_transport_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(errors.ConfigError, match=next(iter(wrong))):
        FastTransport(**wrong)


@pytest.mark.parametrize("asked", [None, "fast", FastTransport(max_connections=7)], ids=["default", "name", "settings"])
def test_a_proxy_is_honoured_whatever_is_asked_for(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda request: [answer(completion())]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        given = {"base_urls": {"openai": "http://openai.test/v1"}, "api_keys": {"openai": "k"}, "retries": 0}
        with Client(transport=asked, **given) as client:
            assert client.generate_text(MODEL, "hi").text == "hello"
        assert proxy.seen[0].path == "http://openai.test/v1/chat/completions"


def test_a_proxy_in_the_environment_is_honoured_by_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda request: [answer(completion())]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        client = AsyncClient(base_urls={"openai": "http://openai.test/v1"}, api_keys={"openai": "k"}, retries=0)
        assert asyncio.run(client.generate_text(MODEL, "hi")).text == "hello"
        assert proxy.seen[0].path == "http://openai.test/v1/chat/completions"


def test_httpx_is_used_on_trio() -> None:
    trio = pytest.importorskip("trio")
    with serving(lambda request: [answer(completion())]) as server:
        assert trio.run(partial(carrier, server, transport="fast")) is AsyncRawTransport


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_an_invalid_name_is_refused_at_once(kind: type) -> None:
    with pytest.raises(errors.ConfigError, match="one of httpx, fast$"):
        kind(transport="htpx")


def test_a_wrong_name_in_the_environment_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_TRANSPORT", "urllib3")
    with pytest.raises(errors.ConfigError, match="no transport 'urllib3'"):
        Client(api_keys={"openai": "k"}).generate_text(MODEL, "hi")


def test_a_transport_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "find_spec", lambda name: None)
    with pytest.raises(errors.ConfigError, match=r"pip install 'stepwell\[fast\]'"):
        AsyncClient(transport="fast")
