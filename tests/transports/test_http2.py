"""HTTP/2 against a server that supports nothing else: httpx with prior knowledge, since there is no TLS negotiation."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import httpx
import pytest

from stepwell import AsyncClient, Client, Timeouts
from stepwell.schemas import errors

from loopback import DONE, LONG, SOON, completion, event

MODEL = "openai:m"
both_drivers = pytest.mark.parametrize("driver", ["sync", "async"])


class Server:
    """A server that answers each request with `acts`, bytes to write and seconds to sleep, then ends the stream.
    An empty piece of bytes breaks the connection."""

    def __init__(self, acts: Iterable[bytes | float]) -> None:
        self.acts = tuple(acts)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        config = h2.config.H2Configuration(client_side=False)
        connection = h2.connection.H2Connection(config=config)
        lock = threading.Lock()
        connection.initiate_connection()
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError), link:
            link.sendall(connection.data_to_send())
            while data := link.recv(65536):
                with lock:
                    for seen in connection.receive_data(data):
                        if isinstance(seen, h2.events.DataReceived):
                            connection.acknowledge_received_data(seen.flow_controlled_length, seen.stream_id)
                        if isinstance(seen, h2.events.StreamEnded):
                            thread = threading.Thread(
                                target=self._answer, args=(link, connection, lock, seen.stream_id), daemon=True
                            )
                            thread.start()
                    link.sendall(connection.data_to_send())

    def _answer(self, link: socket.socket, connection: Any, lock: threading.Lock, stream: int) -> None:
        with suppress(OSError, h2.exceptions.ProtocolError):
            with lock:
                connection.send_headers(stream, [(":status", "200"), ("content-type", "text/event-stream")])
                link.sendall(connection.data_to_send())
            for act in self.acts:
                if isinstance(act, float):
                    time.sleep(act)
                    continue
                if not act:
                    link.shutdown(socket.SHUT_RDWR)
                    return
                with lock:
                    connection.send_data(stream, act)
                    link.sendall(connection.data_to_send())
            with lock:
                connection.end_stream(stream)
                link.sendall(connection.data_to_send())


@contextmanager
def serving(*acts: bytes | float) -> Iterator[Server]:
    server = Server(acts)
    try:
        yield server
    finally:
        server.listener.close()


def ask(server: Server, driver: str, *, stream: bool = True, calls: int = 1, **more: Any) -> Any:
    """Make that many calls at once and return the answers, or the answer of a single call."""
    settings = {"base_urls": {"openai": server.url}, "api_keys": {"openai": "k"}, "retries": 0, **more}
    if driver == "sync":
        with httpx.Client(http1=False, http2=True) as http:
            client = Client(http=http, **settings)
            return client.stream_text(MODEL, "hi").reply() if stream else client.generate_text(MODEL, "hi")

    async def run() -> Any:
        async with httpx.AsyncClient(http1=False, http2=True) as http:
            client = AsyncClient(http=http, **settings)
            if not stream:
                return await client.generate_text(MODEL, "hi")
            replies = await asyncio.gather(*(client.stream_text(MODEL, "hi").reply() for _ in range(calls)))
            return replies if calls > 1 else replies[0]

    return asyncio.run(run())


@both_drivers
def test_a_complete_answer_is_the_same_streamed_and_not(driver: str) -> None:
    with serving(event("hel"), event("lo", "stop") + DONE) as server:
        assert ask(server, driver).text == "hello"
    with serving(completion("hello")) as server:
        assert ask(server, driver, stream=False).text == "hello"


@both_drivers
def test_the_log_of_the_protocol_shows_no_key(driver: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = "sk-canary-123456789"
    with serving(completion("hello")) as server:
        ask(server, driver, stream=False, api_keys={"openai": key}, headers={"x-gateway-token": f"{key}-2"})
    own = [each for each in caplog.records if each.thread == threading.get_ident()]  # the server logs in others
    assert "hpack.hpack" in {each.name for each in own}
    assert key not in "".join(each.getMessage() for each in own)


def test_calls_at_once_share_one_connection() -> None:
    with serving(event("hel"), 0.1, event("lo", "stop") + DONE) as server:
        assert [reply.text for reply in ask(server, "async", calls=20)] == ["hello"] * 20
        assert server.connections == 1


@both_drivers
@pytest.mark.parametrize(
    ("acts", "timeouts", "error"),
    [
        ([LONG], Timeouts(first_event=0.2), errors.FirstEventTimeout),
        ([event("a"), LONG], Timeouts(idle=0.2), errors.StreamIdleTimeout),
        ([event("a"), LONG], Timeouts(total=0.3), errors.TotalTimeout),
        ([event("a"), *[b": ping\n\n", 0.05] * 1200], Timeouts(total=0.4), errors.TotalTimeout),
    ],
    ids=["first event", "idle", "total while silent", "total while dripping"],
)
def test_each_limit_of_time_has_its_error(driver: str, acts: Any, timeouts: Timeouts, error: type) -> None:
    with serving(*acts) as server:
        began = time.monotonic()
        with pytest.raises(error):
            ask(server, driver, timeout=timeouts)
        assert time.monotonic() - began < SOON, "the limit is the limit, not the next one up"


@both_drivers
def test_a_short_first_event_limit_does_not_shorten_the_idle_one(driver: str) -> None:
    with serving(event("a"), 1.2, event("b", "stop") + DONE) as server:
        assert ask(server, driver, timeout=Timeouts(first_event=1, idle=SOON)).text == "ab"


@both_drivers
def test_a_broken_connection_is_an_error_with_the_partial_answer(driver: str) -> None:
    with serving(event("half"), 0.1, b"") as server, pytest.raises(errors.StreamTruncated) as caught:
        ask(server, driver)
    assert caught.value.partial.text == "half"


@both_drivers
def test_leaving_early_keeps_the_connection(driver: str) -> None:
    with serving(*[event("word "), 0.01] * 200) as server:
        if driver == "sync":
            with httpx.Client(http1=False, http2=True) as http:
                client = Client(http=http, base_urls={"openai": server.url}, api_keys={"openai": "k"})
                for _ in range(3):
                    with client.stream_text(MODEL, "hi") as stream:
                        next(iter(stream))
        else:
            asyncio.run(_leave_thrice(server))
        assert server.connections == 1


async def _leave_thrice(server: Server) -> None:
    async with httpx.AsyncClient(http1=False, http2=True) as http:
        client = AsyncClient(http=http, base_urls={"openai": server.url}, api_keys={"openai": "k"})
        for _ in range(3):
            async with client.stream_text(MODEL, "hi") as stream:
                await anext(aiter(stream))


@both_drivers
def test_a_stream_ends_with_its_end_marker_and_the_connection_is_reused(driver: str) -> None:
    """Nothing is risked for the end of the body: a read that runs out of time would end all streams beside it."""
    with serving(event("a", "stop") + DONE, LONG) as server:
        settings: dict[str, Any] = {"base_urls": {"openai": server.url}, "api_keys": {"openai": "k"}, "retries": 0}

        async def run() -> None:
            async with httpx.AsyncClient(http1=False, http2=True) as http:
                client = AsyncClient(http=http, **settings)
                for _ in range(2):
                    streams = (client.stream_text(MODEL, "hi").reply() for _ in range(5))
                    assert [reply.text for reply in await asyncio.gather(*streams)] == ["a"] * 5

        began = time.monotonic()
        if driver == "async":
            asyncio.run(run())
        else:
            with httpx.Client(http1=False, http2=True) as http:
                client = Client(http=http, **settings)
                assert [client.stream_text(MODEL, "hi").reply().text for _ in range(3)] == ["a"] * 3
        assert time.monotonic() - began < SOON and server.connections == 1
