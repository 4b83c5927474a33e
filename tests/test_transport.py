"""Calls to a real server over every transport: timeouts, released connections, cut streams, hostile bodies."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import httpx
import pytest
from carriers import (
    MODEL,
    aclient_of,
    aclient_with_one_connection,
    ask,
    carriers,
    client_of,
    client_with_one_connection,
    saying,
)

import stepwell
from stepwell import AsyncClient, Client, Timeouts
from stepwell.schemas import errors

from loopback import (
    DONE,
    END,
    LONG,
    SOON,
    Hangup,
    Loopback,
    answer,
    chunk,
    completion,
    event,
    serving,
    streaming,
    whole_stream,
)

WITHOUT_TEXT = b'data: {"choices": [{"index": 0, "delta": {"role": "assistant"}}]}\n\n'


@carriers
def test_a_complete_answer_is_the_same_streamed_and_not(carrier: str) -> None:
    def script(request: Any) -> Iterable[bytes]:
        yield whole_stream("hello") if request.json.get("stream") else answer(completion("hello"))

    with serving(script) as server:
        streamed, unstreamed = ask(server, carrier), ask(server, carrier, stream=False)
        assert streamed.text == unstreamed.text == "hello"
        assert server.wait_until_free()


@pytest.mark.thorough
@carriers
@pytest.mark.parametrize(
    ("acts", "timeouts", "error"),
    [
        ([LONG], Timeouts(first_event=0.2), errors.FirstEventTimeout),
        ([LONG], Timeouts(total=0.2), errors.TotalTimeout),
        ([streaming(), LONG], Timeouts(first_event=0.2), errors.FirstEventTimeout),
        ([streaming(), *[chunk(b": ping\n\n"), 0.05] * 1200], Timeouts(first_event=0.3), errors.FirstEventTimeout),
        ([streaming(), chunk(event("a")), LONG], Timeouts(idle=0.2), errors.StreamIdleTimeout),
        ([streaming(), chunk(WITHOUT_TEXT), LONG], Timeouts(idle=0.2), errors.StreamIdleTimeout),
        ([streaming(), chunk(event("a")), LONG], Timeouts(total=1.0), errors.TotalTimeout),
        (
            [streaming(), chunk(event("a")), *[chunk(b": ping\n\n"), 0.05] * 1200],
            Timeouts(total=1.0),
            errors.TotalTimeout,
        ),
    ],
    ids=[
        "before head",
        "total before head",
        "after head",
        "comments only",
        "idle",
        "idle after an event without text",
        "total while silent",
        "total while dripping",
    ],
)
def test_each_limit_of_time_has_its_error(carrier: str, acts: Any, timeouts: Timeouts, error: type) -> None:
    with serving(saying(*acts)) as server:
        began = time.monotonic()
        with pytest.raises(error) as caught:
            ask(server, carrier, timeout=timeouts)
        assert time.monotonic() - began < SOON, "the limit is the limit, not the next one up"
        assert server.wait_until_free()
        if any(b'"a"' in act for act in acts if isinstance(act, bytes)):
            assert caught.value.partial.text == "a" and caught.value.usage.complete is False


@pytest.mark.thorough
@carriers
def test_a_short_first_event_limit_does_not_shorten_the_idle_one(carrier: str) -> None:
    acts = [streaming(), chunk(event("a")), 1.2, chunk(event("b", "stop") + DONE), END]
    with serving(saying(*acts)) as server:
        assert ask(server, carrier, timeout=Timeouts(first_event=1, idle=SOON)).text == "ab"


@pytest.mark.thorough
@carriers
def test_comments_keep_a_stream_alive(carrier: str) -> None:
    acts = [streaming(), chunk(event("a")), *[chunk(b": ping\n\n"), 0.3] * 4, chunk(event("b", "stop") + DONE), END]
    with serving(saying(*acts)) as server:
        assert ask(server, carrier, timeout=Timeouts(idle=1)).text == "ab"


@carriers
def test_a_server_that_keeps_the_connection_after_the_end_is_no_error(carrier: str) -> None:
    with serving(saying(streaming(), chunk(event("a", "stop") + DONE), LONG)) as server:
        assert ask(server, carrier, timeout=Timeouts(idle=1)).text == "a"


@carriers
def test_a_cut_stream_is_an_error_with_the_partial_answer(carrier: str) -> None:
    def script(request: Any) -> Iterable[bytes]:
        yield streaming() + chunk(event("half"))
        raise Hangup

    with serving(script) as server, pytest.raises(errors.StreamTruncated) as caught:
        ask(server, carrier)
    assert caught.value.partial.text == "half"


@carriers
def test_a_stream_cut_before_its_first_event_is_sent_again(carrier: str) -> None:
    def script(request: Any) -> Iterable[bytes]:
        if len(server.seen) == 1:
            yield streaming()
            raise Hangup
        yield whole_stream("again")

    with serving(script) as server:
        assert ask(server, carrier, retries=1).text == "again"


@carriers
def test_a_stream_cut_after_its_first_event_is_not_sent_again(carrier: str) -> None:
    def script(request: Any) -> Iterable[bytes]:
        yield streaming() + chunk(event("once"))
        raise Hangup

    with serving(script) as server:
        with pytest.raises(errors.StreamTruncated):
            ask(server, carrier, retries=3)
        assert len(server.seen) == 1


def endless(request: Any) -> Iterable[bytes | float]:
    if "refuse" in str(request.json["messages"]):
        yield answer(b'{"error": {"message": "slow down"}}', "429 Too Many Requests")
        return
    if "garble" in str(request.json["messages"]):
        yield streaming() + chunk(event("a")) + chunk(b"data: {not json\n\n")
        return
    yield streaming()
    while True:
        yield chunk(event("word "))
        yield 0.001


@pytest.mark.parametrize("carrier", ["httpx", "httpx2", "fast"])
def test_leaving_a_stream_early_50_times_never_blocks_a_pool_of_one(carrier: str) -> None:
    with serving(endless) as server, client_with_one_connection(server, carrier) as client:
        for turn in range(50):
            match turn % 5:
                case 0:
                    for _ in client.stream_text(MODEL, "hi"):
                        break
                case 1:
                    with client.stream_text(MODEL, "hi") as stream:
                        next(iter(stream))
                case 2:
                    with pytest.raises(ZeroDivisionError):
                        for _ in client.stream_text(MODEL, "hi"):
                            raise ZeroDivisionError
                case 3:
                    with pytest.raises(errors.RateLimitError):
                        client.stream_text(MODEL, "refuse")
                case 4:
                    with pytest.raises(errors.DecodeError):
                        list(client.stream_text(MODEL, "garble"))
        assert len(server.seen) == 50


@pytest.mark.parametrize("carrier", ["httpx async", "httpx2 async", "fast async"])
def test_leaving_an_async_stream_early_50_times_never_blocks_a_pool_of_one(carrier: str) -> None:
    async def run(server: Loopback) -> None:
        async with aclient_with_one_connection(server, carrier) as client:
            for turn in range(50):
                match turn % 5:
                    case 0:
                        async for _ in client.stream_text(MODEL, "hi"):
                            break
                    case 1:
                        async with client.stream_text(MODEL, "hi") as stream:
                            await stream.__aiter__().__anext__()
                    case 2:
                        await cancelled(client, server, turn + 1)
                    case 3:
                        with pytest.raises(errors.RateLimitError):
                            await client.stream_text(MODEL, "refuse")
                    case 4:
                        with pytest.raises(errors.DecodeError):
                            await client.stream_text(MODEL, "garble").reply()

    async def cancelled(client: AsyncClient, server: Loopback, calls: int) -> None:
        async def read() -> None:
            async for _ in client.stream_text(MODEL, "hi"):
                pass

        task = asyncio.create_task(read())
        while len(server.seen) < calls:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with serving(endless) as server:
        asyncio.run(run(server))
        assert len(server.seen) == 50


@pytest.mark.parametrize("transport", ["httpx", "fast"])
def test_one_async_client_serves_several_event_loops_and_leaves_nothing_open(transport: str) -> None:
    with serving(lambda request: [answer(completion())]) as server:
        client = aclient_of(server, transport=transport)
        for _ in range(3):
            assert asyncio.run(client.generate_text(MODEL, "hi")).text == "hello"
            assert server.wait_until_free(), "the loop closes its connections on its way out"


def test_trio_works_too() -> None:
    trio = pytest.importorskip("trio")
    with serving(lambda request: [answer(completion())]) as server:
        client = aclient_of(server)
        for _ in range(2):
            assert trio.run(client.generate_text, MODEL, "hi").text == "hello"


@cache
def bomb() -> bytes:
    return gzip.compress(bytes(300_000_000), 1)


@carriers
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "unstreamed"])
def test_a_decompression_bomb_is_refused(carrier: str, stream: bool) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(bomb())}\r\n\r\n".encode()
    with serving(saying(head + bomb())) as server, pytest.raises(errors.ResponseTooLarge):
        ask(server, carrier, stream=stream)


@carriers
def test_an_error_body_is_read_up_to_a_limit(carrier: str) -> None:
    with serving(saying(answer(b"x" * 5_000_000, "500 Oops"))) as server:
        with pytest.raises(errors.ServerError) as caught:
            ask(server, carrier, stream=False)
        assert len(caught.value.body) == 64 * 1024 and len(str(caught.value)) < 1000
        assert server.wait_until_free()


@carriers
def test_gzip_that_was_not_asked_for_is_read_all_the_same(carrier: str) -> None:
    body = gzip.compress(completion("zipped"))
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with serving(saying(head + body)) as server:
        assert ask(server, carrier, stream=False).text == "zipped"
        assert server.seen[0].headers["accept-encoding"] == "identity"


@carriers
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_never_followed(carrier: str, status: str) -> None:
    with serving(lambda request: [answer(completion())]) as other_server:
        redirect = answer(b"", status, f"location: {other_server.url}/steal")
        with serving(saying(redirect)) as server, pytest.raises(errors.InvalidRequest, match="redirect"):
            ask(server, carrier, stream=False)
        assert other_server.seen == []


@pytest.mark.parametrize("transport", ["httpx", "fast"])
def test_threads_get_right_answers_from_one_client(transport: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def script(request: Any) -> Iterable[bytes]:
        yield answer(completion(str(request.json["messages"][0]["content"])))  # type: ignore[index]

    with serving(script) as server, client_of(server, transport=transport) as client, ThreadPoolExecutor(16) as threads:
        texts = threads.map(lambda n: client.generate_text(MODEL, f"n{n}").text, range(200))
        assert list(texts) == [f"n{n}" for n in range(200)]


@pytest.mark.usefixtures("new_process")
@pytest.mark.parametrize("transport", ["httpx", "fast"])
def test_a_forked_child_opens_connections_of_its_own(transport: str) -> None:
    import os

    with serving(lambda request: [answer(completion())]) as server, client_of(server, transport=transport) as client:
        client.generate_text(MODEL, "parent")
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if client.generate_text(MODEL, "child").text == "hello" else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert client.generate_text(MODEL, "parent again").text == "hello"
        assert server.connections == 2


def test_connection_refused_is_a_typed_error() -> None:
    with serving(lambda request: []) as server:
        url = server.url
    with Client(base_urls={"openai": url}, api_keys={"openai": "k"}, retries=0) as client:
        with pytest.raises(errors.ConnectError, match="cannot connect to 127.0.0.1"):
            client.generate_text(MODEL, "hi")


def test_a_custom_client_is_used_and_left_open() -> None:
    with serving(lambda request: [answer(completion())]) as server, httpx.Client(headers={"x-mine": "1"}) as http:
        client_of(server, http=http).close()
        with client_of(server, http=http) as client:
            client.generate_text(MODEL, "hi")
        assert not http.is_closed and server.seen[0].headers["x-mine"] == "1"


def test_the_public_functions_share_one_client() -> None:
    with serving(lambda request: [answer(completion())]) as server:
        for _ in range(2):
            stepwell.generate_text(MODEL, "hi", base_url=server.url, api_key="k")
        assert server.connections == 1
        stepwell.functions.CLIENT.close()
