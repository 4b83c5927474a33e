"""A kept connection that ends before a byte of the answer: the request is sent again at once, and nothing counts it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from carriers import MODEL, NAMES, aclient_of, all_carriers, client_of, is_async, name_of, own_client

from stepwell import Budget
from stepwell.pipeline.http import transport
from stepwell.pipeline.http.fast.errors import StaleConnection
from stepwell.schemas import errors

from loopback import LONG, SOON, Hangup, answer, completion, serving, whole_stream


def ask_twice(server: Any, carrier: str, *, stream: bool, **settings: Any) -> Any:
    """Return the second of two answers that one client gets."""
    settings["transport"] = name_of(carrier)
    if not is_async(carrier):
        with own_client(carrier) as http, client_of(server, http=http, **settings) as client:
            for _ in range(2):
                reply = client.stream_text(MODEL, "hi").reply() if stream else client.generate_text(MODEL, "hi")
            return reply

    async def run() -> Any:
        async with own_client(carrier) as http, aclient_of(server, http=http, **settings) as client:
            for _ in range(2):
                asked = client.stream_text(MODEL, "hi").reply() if stream else client.generate_text(MODEL, "hi")
                reply = await asked
            return reply

    return asyncio.run(run())


def outcome(carrier: str, begun: bytes, *, stream: bool) -> tuple[Any, int]:
    """Return the second answer, or its error, and how many requests the server has seen.

    begun: what comes of the second answer before its connection ends.
    """

    def script(request: Any) -> Iterable[bytes]:
        if len(server.seen) == 2:
            yield begun
            raise Hangup
        yield whole_stream("yes") if request.json.get("stream") else answer(completion("yes"))

    with serving(script) as server:
        try:
            return ask_twice(server, carrier, stream=stream), len(server.seen)
        except errors.StepwellError as error:
            return error, len(server.seen)


@all_carriers
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "unstreamed"])
def test_before_a_byte_it_is_sent_again_at_once_and_after_one_it_is_not(carrier: str, stream: bool) -> None:
    reply, seen = outcome(carrier, b"", stream=stream)
    assert reply.text == "yes" and seen == 3 and len(reply.attempts) == 1
    for begun in (b"H", b"HTTP/1.1 103 Early\r\n\r\n", b"HTTP/1.1 200 OK\r\n"):
        error, seen = outcome(carrier, begun, stream=stream)
        assert type(error) is errors.StreamTruncated and seen == 2, begun


@all_carriers
def test_one_that_ends_later_may_have_been_charged_for(carrier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ROUND_TRIP", 0.0)
    error, seen = outcome(carrier, b"", stream=False)
    assert type(error) is errors.StreamTruncated and seen == 2
    assert type(error.__cause__) is not StaleConnection or "since the last call" in str(error.__cause__)
    budget = Budget(tokens=10**6, output_tokens=5000)

    def script(request: Any) -> Iterable[bytes]:
        if len(server.seen) == 2:
            raise Hangup
        yield answer(completion("yes"))

    with serving(script) as server:
        reply = ask_twice(server, carrier, stream=False, retries=1, pipeline=budget)
    assert len(reply.attempts) == 2 and budget.tokens_used > 5000  # the one that was lost, too


@all_carriers
def test_a_new_connection_that_ends_so_is_an_error(carrier: str) -> None:
    def script(request: Any) -> Iterable[bytes]:
        raise Hangup
        yield b""

    with serving(script) as server:
        with pytest.raises(errors.StreamTruncated):
            ask_twice(server, carrier, stream=False)
        assert len(server.seen) == 1


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "new"])
@pytest.mark.parametrize("carrier", NAMES[:4])
def test_a_call_whose_client_is_closed_is_not_sent_again(carrier: str, kept: bool) -> None:
    """It fails, also where it may be retried: its connection has ended, but not by the server."""
    arrived = threading.Event()

    def script(request: Any) -> Iterable[bytes | float]:
        if len(server.seen) == 1 + kept:
            arrived.set()
            yield LONG
        yield answer(completion("yes"))

    settings: dict[str, Any] = {"transport": name_of(carrier), "retries": 2}
    with serving(script) as server:
        if is_async(carrier):
            asyncio.run(close_while_it_waits(aclient_of(server, **settings), arrived, kept=kept))
        else:
            client, caught = client_of(server, **settings), list[Exception]()
            if kept:
                client.generate_text(MODEL, "hi")

            def call() -> None:
                try:
                    client.generate_text(MODEL, "hi")
                except errors.StreamTruncated as error:
                    caught.append(error)

            thread = threading.Thread(target=call)
            thread.start()
            assert arrived.wait(SOON)
            client.close()
            thread.join(SOON)
            assert "the client was closed" in str(caught[0])
        assert len(server.seen) == 1 + kept


async def close_while_it_waits(client: Any, arrived: threading.Event, *, kept: bool) -> None:
    if kept:
        await client.generate_text(MODEL, "hi")
    call = asyncio.ensure_future(client.generate_text(MODEL, "hi"))
    assert await asyncio.to_thread(arrived.wait, SOON)
    await client.close()
    with pytest.raises(errors.StreamTruncated, match="the client was closed"):
        await call


@all_carriers
def test_a_reset_is_an_end_like_any_other(carrier: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = SimpleNamespace(url=f"http://127.0.0.1:{listener.getsockname()[1]}")

        def serve() -> None:
            for turn in range(2):
                with listener.accept()[0] as link:
                    read_request(link)
                    link.sendall(answer(completion("yes")))
                    # Of the second request the rest is never read, for which the system resets the connection.
                    link.recv(1) if turn == 0 else read_request(link)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert ask_twice(server, carrier, stream=False).text == "yes"
        thread.join(SOON)


def read_request(link: socket.socket) -> None:
    data = b""
    while b'"messages"' not in data and (more := link.recv(65536)):
        data += more
