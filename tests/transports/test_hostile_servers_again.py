"""Odd and hostile servers over every transport: what httpx makes of an answer, the fast transport makes of it, too."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from carriers import MODEL, aclient_of, carriers, client_of, is_async, name_of, own_client

from stepwell import Client, StepwellError, Timeouts
from stepwell.errors import ConnectError, StreamTruncated
from stepwell.pipeline.http.fast.async_connection import AsyncConnection, ReadBuffer
from stepwell.pipeline.http.fast.reader import AnswerReader
from stepwell.pipeline.http.timeouts import Clock
from stepwell.pipeline.world import REAL_WORLD
from stepwell.transports import FastTransport

from loopback import LONG, SOON, answer, chunk, completion, serving

OK = b"HTTP/1.1 200 OK\r\n"
BODY = completion("hello")
WHOLE = answer(BODY)
LENGTH = b"content-length: %d\r\n" % len(BODY)

ANSWERED: dict[str, bytes] = {
    "lines that end with LF alone": WHOLE.split(BODY, maxsplit=1)[0].replace(b"\r\n", b"\n") + BODY,
    "one line that ends with LF alone": OK + b"x-a: b\n" + LENGTH + b"\r\n" + BODY,
    "an empty line of LF alone": OK + LENGTH + b"\n" + BODY,
    "a folded header": OK + b"x-a: a\r\n folded\r\n" + LENGTH + b"\r\n" + BODY,
    "a folded length": OK + LENGTH.replace(b": ", b":\r\n\t") + b"\r\n" + BODY,
    "a control character": OK + b"x-a: a\x01b\r\n" + LENGTH + b"\r\n" + BODY,
    "the same length twice": OK + LENGTH + b"Content-Length:%d\r\n\r\n" % len(BODY) + BODY,
    "the same length twice in a line": OK + LENGTH[:-2] + b", %d\r\n\r\n" % len(BODY) + BODY,
    "a 1xx answer that says close": b"HTTP/1.1 100 Continue\r\nconnection: close\r\n\r\n" + WHOLE,
    "a 1xx answer of HTTP/1.0": b"HTTP/1.0 100 Continue\r\n\r\n" + WHOLE,
    "a 1xx answer, and lines that end with LF": b"HTTP/1.1 103 Hints\r\n\r\n" + OK[:-2] + b"\n" + LENGTH + b"\n" + BODY,
    "a 1xx answer, and all lines that end with LF": b"HTTP/1.1 103 Hints\n\n" + OK[:-2] + b"\n" + LENGTH + b"\n" + BODY,
    "an offer of another protocol": OK + b"upgrade: h2c\r\nconnection: upgrade\r\n" + LENGTH + b"\r\n" + BODY,
    "a time to keep it of many digits": OK + b"keep-alive: timeout=" + b"9" * 400 + b"\r\n" + LENGTH + b"\r\n" + BODY,
    "one that no integer holds": OK + b"keep-alive: timeout=" + b"9" * 5000 + b"\r\n" + LENGTH + b"\r\n" + BODY,
}
REFUSED: dict[str, bytes] = {
    "a status below 100": b"HTTP/1.1 099 X\r\n" + LENGTH + b"\r\n" + BODY,
    "one with another answer behind it": b"HTTP/1.1 000 X\r\n" + LENGTH + b"\r\n" + BODY + WHOLE,
    "two lengths": OK + LENGTH + b"content-length: 5\r\n\r\n" + BODY,
    "two lengths, and lines that end with LF": OK[:-2] + b"\n" + LENGTH + b"content-length: 5\n\n" + BODY,
    "a NUL": OK + b"x-a: a\0b\r\n" + LENGTH + b"\r\n" + BODY,
    "a CR in a line": OK + b"x-a: a\rb\r\n" + LENGTH + b"\r\n" + BODY,
    "no HTTP": b"SSH-2.0-x\n\n" + BODY,
}


def outcomes(carrier: str, first: bytes) -> tuple[list[Any], int]:
    """Make two calls, of which the first gets this answer and the other a good one. Count the requests."""
    answers = iter([first])

    def script(request: Any) -> Iterator[bytes]:
        yield next(answers, WHOLE)

    limits = Timeouts(connect=SOON, first_event=SOON, idle=SOON)
    with serving(script) as server:
        if not is_async(carrier):
            with (
                own_client(carrier) as http,
                client_of(server, transport=name_of(carrier), http=http, timeout=limits) as client,
            ):
                return [_text(lambda: client.generate_text(MODEL, "hi")) for _ in range(2)], len(server.seen)

        async def run() -> list[Any]:
            async with (
                own_client(carrier) as http,
                aclient_of(server, transport=name_of(carrier), http=http, timeout=limits) as client,
            ):
                found: list[Any] = []
                for _ in range(2):
                    try:
                        found.append((await client.generate_text(MODEL, "hi")).text)
                    except StepwellError as error:
                        found.append(type(error))
                return found

        return asyncio.run(run()), len(server.seen)


def _text(call: Any) -> Any:
    try:
        return call().text
    except StepwellError as error:
        return type(error)


@carriers
def test_an_odd_answer_is_read(carrier: str) -> None:
    for what, sent in ANSWERED.items():
        assert outcomes(carrier, sent) == (["hello", "hello"], 2), what


def test_an_answer_is_read_the_same_in_pieces_of_any_size() -> None:
    for what, sent in ANSWERED.items():
        for size in (1, 7, 50, len(sent) - len(BODY)):
            reader = AnswerReader()
            reader.expect("POST")
            for start in range(0, len(sent), size):
                reader.feed(sent[start : start + size])
            assert reader.done and reader.status == 200 and reader.take() == BODY, (what, size)
        reader = AnswerReader()
        reader.feed(sent + b"junk")
        assert reader.done and not reader.reusable and reader.take() == BODY, what


@carriers
def test_what_is_no_answer_is_refused(carrier: str) -> None:
    for what, sent in REFUSED.items():
        assert outcomes(carrier, sent) == ([StreamTruncated, "hello"], 2), what


@carriers
def test_the_name_of_a_host_with_an_impossible_part(carrier: str) -> None:
    class Nowhere:
        url = "http://a..b/v1"

    async def run() -> None:
        async with own_client(carrier) as http, aclient_of(Nowhere, transport=name_of(carrier), http=http) as client:  # type: ignore[arg-type]
            await client.generate_text(MODEL, "hi")

    with pytest.raises(ConnectError):
        if is_async(carrier):
            asyncio.run(run())
        else:
            with own_client(carrier) as http, client_of(Nowhere, transport=name_of(carrier), http=http) as client:  # type: ignore[arg-type]
                client.generate_text(MODEL, "hi")


@contextmanager
def taking_a_long_body(interim: bytes) -> Iterator[str]:
    """Serve one request: `interim` is sent once no more of the body comes, and the answer after the whole body."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener.accept()[0] as connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(1024)
            head, _, body = head.partition(b"\r\n\r\n")
            left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) - len(body)
            connection.sendall(interim)
            stopped.wait(0.2)
            while left > 0 and (data := connection.recv(2**20)):
                left -= len(data)
            if left <= 0:
                connection.sendall(WHOLE)

    stopped, thread = threading.Event(), threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopped.set()
        listener.close()
        thread.join(SOON)


def test_a_1xx_answer_does_not_end_an_upload() -> None:
    limits = Timeouts(connect=SOON, first_event=SOON, idle=SOON)
    with taking_a_long_body(b"HTTP/1.1 102 Processing\r\n\r\n") as url:
        settings: dict[str, Any] = {"base_urls": {"openai": url}, "api_keys": {"openai": "k"}, "retries": 0}
        with Client(transport="fast", timeout=limits, **settings) as client:
            assert client.generate_text(MODEL, "x" * 12_000_000).text == "hello"


def test_closing_a_client_ends_calls_that_wait_for_a_connection() -> None:
    limits = Timeouts(connect=LONG, first_event=LONG, idle=LONG)

    def silent(request: Any) -> Iterator[float]:
        asked.set()
        yield LONG

    def call() -> None:
        found.append(_text(lambda: client.generate_text(MODEL, "hi")))

    asked, found = threading.Event(), list[Any]()
    with serving(silent) as server:
        client = client_of(server, transport=FastTransport(max_connections=1), timeout=limits)
        threads = [threading.Thread(target=call) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert asked.wait(SOON)
        pool: Any = client.connections.open().client.pool
        while pool._waiting < 2:
            time.sleep(0.001)
        client.close()
        for thread in threads:
            thread.join(SOON)
        assert len(found) == 3
        assert len(server.seen) == 1


def test_what_arrived_while_the_event_loop_was_busy_is_in_time() -> None:
    """Data and the timer of the wait are then due in the same round of the event loop."""

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        connection = AsyncConnection(loop, (False, "h", 80), ReadBuffer(), lambda connection: None)
        connection.reader.expect("POST")
        clock = Clock(Timeouts(first_event=LONG), 0.0, REAL_WORLD.now)
        waiting = asyncio.ensure_future(connection.wait(clock))
        await asyncio.sleep(0)

        def arrive(data: bytes) -> None:
            connection.get_buffer(-1)[: len(data)] = data
            connection.buffer_updated(len(data))

        arrive(OK + b"transfer-encoding: chunked\r\n\r\n" + chunk(b"one"))
        connection._deadline = loop.time()
        connection._on_timer()
        first = await waiting
        arrive(chunk(b"two") + b"0\r\n\r\n")
        assert connection._error is None
        return first + connection.reader.take()

    assert asyncio.run(run()) == b"onetwo"
