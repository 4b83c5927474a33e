"""The bytes on the wire are the same with every HTTP library."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from carriers import aclient_with_one_connection

from stepwell import AsyncClient, Timeouts, on_request
from stepwell.schemas import errors

from loopback import Loopback, Seen, answer, chunk, completion, event, serving, streaming

MODEL = "openai:m"
transports = pytest.mark.parametrize("transport", ["httpx", "fast"])


def client_of(server: Loopback, transport: str, **more: Any) -> AsyncClient:
    urls = {"openai": f"{server.url}/a%3Ab%2Fc%20d"}
    return AsyncClient(transport=transport, base_urls=urls, api_keys={"openai": "k"}, retries=0, **more)


def one_call(transport: str, prompt: Any = "hi", **more: Any) -> Seen:
    with serving(lambda request: [answer(completion())]) as server:
        client = client_of(server, transport, **more)
        assert asyncio.run(client.generate_text(MODEL, prompt)).text == "hello"
        return server.seen[0]


@transports
def test_a_path_is_sent_byte_for_byte_since_it_may_be_signed(transport: str) -> None:
    assert one_call(transport).path == "/a%3Ab%2Fc%20d/chat/completions"


@transports
def test_only_our_headers_are_sent(transport: str) -> None:
    headers = one_call(transport, headers={"x-mine": "1"}).headers
    assert headers.keys() <= {
        "host", "content-length", "content-type", "authorization", "accept", "accept-encoding", "user-agent", "x-mine",
        "connection",
    }  # fmt: skip
    assert headers["user-agent"].startswith("stepwell/") and headers["accept-encoding"] == "identity"
    assert headers["content-type"] == "application/json" and headers["x-mine"] == "1"


@transports
def test_a_body_of_megabytes_arrives_whole(transport: str) -> None:
    text = "0123456789abcdef" * 200_000
    assert one_call(transport, text).json["messages"] == [{"role": "user", "content": text}]


@transports
def test_cookies_are_not_kept(transport: str) -> None:
    def script(request: Seen) -> Iterable[bytes]:
        yield answer(completion(), headers="set-cookie: id=1; path=/\r\ncontent-type: application/json")

    async def twice(client: AsyncClient) -> None:
        for _ in range(2):
            await client.generate_text(MODEL, "hi")

    with serving(script) as server:
        asyncio.run(twice(client_of(server, transport)))
        assert server.connections == 1 and len(server.seen) == 2
        assert all("cookie" not in seen.headers for seen in server.seen)


@transports
def test_an_unreachable_host_is_a_connect_error_that_names_it(transport: str) -> None:
    with serving(lambda request: []) as server:
        client = client_of(server, transport)
    with pytest.raises(errors.ConnectError, match=r"cannot connect to 127\.0\.0\.1"):
        asyncio.run(client.generate_text(MODEL, "hi"))


@transports
@pytest.mark.parametrize("junk", [b"no HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"])
def test_an_answer_that_is_no_http_or_only_half_of_it_is_cut(transport: str, junk: bytes) -> None:
    def script(request: Seen) -> Iterable[bytes]:
        yield junk
        raise ConnectionResetError

    with serving(script) as server, pytest.raises(errors.StreamTruncated):
        asyncio.run(client_of(server, transport).generate_text(MODEL, "hi"))


@transports
def test_a_login_in_the_address_is_refused_since_libraries_treat_it_differently(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "http://me:pass@host.test")
    client = AsyncClient(transport=transport, api_keys={"openai": "k"})
    moved = on_request("moved", lambda request: request.replace(url="http://me:pass@host.test/v1"))
    client.pipeline = client.pipeline.after("prepare_request", moved)
    for call in (
        lambda: client.generate_text(MODEL, "hi"),
        lambda: client.generate_text(MODEL, "hi", base_url="http://me:pass@host.test", api_key="k"),
        lambda: AsyncClient(transport=transport).generate_text("ollama:m", "hi"),
        lambda: AsyncClient(transport=transport, base_urls={"openai": "http://me:pass@host.test"}),
    ):
        with pytest.raises(errors.InvalidOption, match="user name or password") as caught:
            asyncio.run(call())
        assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("carrier", ["httpx async", "fast async"])
def test_no_free_connection_is_a_connect_timeout(carrier: str) -> None:
    def script(request: Seen) -> Iterable[bytes | float]:
        yield streaming() + chunk(event("a"))
        yield 60.0

    async def both(server: Loopback) -> None:
        async with aclient_with_one_connection(server, carrier) as client:
            async with client.stream_text(MODEL, "hi"):
                with pytest.raises(errors.ConnectTimeout):
                    await client.generate_text(MODEL, "hi", timeout=Timeouts(connect=0.05))

    with serving(script) as server:
        asyncio.run(both(server))
        assert len(server.seen) == 1
