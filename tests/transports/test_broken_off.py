"""Answers that break off or go wrong behind something fit to be read, over every transport: that much counts."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from carriers import MODEL, NAMES, aclient_of, all_carriers, ask, client_of, is_async, name_of, own_client, saying

from stepwell import Timeouts
from stepwell.network_settings import tls_settings
from stepwell.pipeline.http.library_errors import transport_error
from stepwell.pipeline.http.timeouts import Clock
from stepwell.pipeline.world import REAL_WORLD
from stepwell.schemas import errors

from loopback import (
    CERTIFICATES,
    DONE,
    END,
    LONG,
    SOON,
    Hangup,
    Reset,
    answer,
    chunk,
    completion,
    event,
    serving,
    streaming,
)

LIMITS = Timeouts(connect=SOON, first_event=SOON, idle=SOON)
EVENTS = chunk(event("a") + event("b"))
WHOLE = chunk(event("a") + event("b", "stop") + DONE)
WRONG = {
    "a size that is no number": b"zz\r\n",
    "a size below 0": b"-5\r\nhello\r\n",
    "an endless size": b"f" * 30 + b"\r\n",
    "no end of a chunk": b"3\r\nhello\r\n",
}
RECORDS = {
    "a record of rubbish": b"\x17\x03\x03\x00\x32" + b"x" * 50,
    "an alert that is not encrypted": b"\x15\x03\x03\x00\x02\x02\x28",
    "what is not TLS": b"HTTP/1.1 200 OK\r\n\r\n",
}


@all_carriers
def test_what_comes_with_broken_chunks_is_kept(carrier: str) -> None:
    for what, wrong in WRONG.items():
        with serving(saying(streaming() + EVENTS + wrong, LONG)) as server:
            with pytest.raises(errors.StreamTruncated) as caught:
                ask(server, carrier, timeout=LIMITS)
            assert caught.value.partial is not None and caught.value.partial.text == "ab", what
            assert server.wait_until_free(), what
        with serving(saying(streaming() + WHOLE + wrong, LONG)) as server:
            assert ask(server, carrier, timeout=LIMITS).text == "ab", what
            assert server.wait_until_free(), what


@contextmanager
def spoilt_tls(record: bytes, read: threading.Event) -> Iterator[Any]:
    """Serve the beginning of a stream over TLS, and once it was read, `record` as it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "good.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as connection:
            while b'"stream"' not in connection.recv(2**16):
                pass
            connection.sendall(streaming() + EVENTS)
            with socket.socket(fileno=connection.detach()) as plain:
                read.wait(SOON)
                plain.sendall(record)
                while plain.recv(2**16):
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield SimpleNamespace(url=f"https://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        listener.close()
        thread.join(SOON)


def read_stream(server: Any, carrier: str, read: threading.Event) -> None:
    """Read a stream to its end, and note that some of its text has come."""

    def note(text: str) -> None:
        if "b" in text:
            read.set()

    async def run() -> None:
        async with aclient_of(server, transport=name_of(carrier), timeout=LIMITS) as client:
            async for text in client.stream_text(MODEL, "hi").text_deltas():
                note(text)

    if is_async(carrier):
        asyncio.run(run())
        return
    with client_of(server, transport=name_of(carrier), timeout=LIMITS) as client:
        for text in client.stream_text(MODEL, "hi").text_deltas():
            note(text)


@pytest.mark.parametrize("carrier", NAMES[:4])
def test_what_is_not_tls_behind_the_handshake_breaks_the_answer(carrier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "ca.pem"))
    tls_settings.cache_clear()
    try:
        for what, record in RECORDS.items():
            read = threading.Event()
            with spoilt_tls(record, read) as server, pytest.raises(errors.StreamTruncated) as caught:
                read_stream(server, carrier, read)
            assert caught.value.partial is not None and caught.value.partial.text == "ab", what
            assert caught.value.retryable, what
    finally:
        tls_settings.cache_clear()


def test_a_connection_that_the_system_gives_up_has_not_reached_a_limit_of_ours() -> None:
    clock = Clock(LIMITS, 0.0, REAL_WORLD.now)
    gone = TimeoutError(errno.ETIMEDOUT, "Connection timed out")
    late = httpx.ReadTimeout("Connection timed out")
    late.__cause__ = gone
    for error, kind in ((gone, errors.StreamTruncated), (late, errors.StreamTruncated)):
        assert type(transport_error(error, clock, "h")) is kind
    assert type(transport_error(httpx.ReadTimeout("timed out"), clock, "h")) is errors.FirstEventTimeout


def test_nor_has_one_that_is_read_without_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(self: Any, buffer: Any) -> int:
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")

    with serving(saying(streaming() + EVENTS, LONG)) as server:
        with client_of(server, transport="fast", timeout=LIMITS) as client:
            stream = iter(client.stream_text(MODEL, "hi"))
            next(stream)
            monkeypatch.setattr(socket.socket, "recv_into", give_up)
            with pytest.raises(errors.StreamTruncated, match="broke while reading"):
                list(stream)


@all_carriers
def test_an_answer_that_nobody_asked_for_is_nobodys(carrier: str) -> None:
    def script(request: Any) -> Iterator[bytes]:
        yield answer(completion("good")) + (answer(completion("of nobody")) if len(server.seen) == 1 else b"")

    def outcome(retries: int) -> Any:
        settings: dict[str, Any] = {"transport": name_of(carrier), "retries": retries, "timeout": LIMITS}
        if not is_async(carrier):
            with own_client(carrier) as http, client_of(server, http=http, **settings) as client:
                return [client.generate_text(MODEL, "hi").text for _ in range(3)]

        async def run() -> Any:
            async with own_client(carrier) as http, aclient_of(server, http=http, **settings) as client:
                return [(await client.generate_text(MODEL, "hi")).text for _ in range(3)]

        return asyncio.run(run())

    with serving(script) as server:
        assert outcome(1) == ["good"] * 3
    if "fast" not in carrier:
        with serving(script) as server, pytest.raises(errors.StreamTruncated, match="more than one answer"):
            outcome(0)


def cut_error(status: str, ending: Any) -> Callable[[Any], Iterator[bytes | float]]:
    def script(request: Any) -> Iterator[bytes | float]:
        body = b'{"error": {"message": "no"}}'
        yield f"HTTP/1.1 {status}\r\nretry-after: 7\r\ncontent-length: 99\r\n\r\n".encode() + body
        if isinstance(ending, float):
            yield ending
        else:
            yield 0.01
            raise ending

    return script


@all_carriers
@pytest.mark.parametrize("stream", [False, True], ids=["unstreamed", "streamed"])
def test_an_error_of_the_provider_counts_without_all_of_its_body(carrier: str, stream: bool) -> None:
    kinds = {"401 No": errors.AuthError, "413 No": errors.InvalidRequest, "500 No": errors.ServerError}
    for ending in (Hangup, Reset):
        for status, kind in {**kinds, "429 No": errors.RateLimitError}.items():
            with serving(cut_error(status, ending)) as server, pytest.raises(kind) as caught:
                ask(server, carrier, stream=stream, timeout=LIMITS)
            assert caught.value.status == int(status[:3]) and caught.value.retry_after in (7.0, None)
            assert caught.value.retry_after == 7.0 or status[:3] in ("401", "413")
    with serving(cut_error("401 No", LONG)) as server, pytest.raises(errors.AuthError):
        ask(server, carrier, stream=stream, timeout=Timeouts(first_event=0.2))


@pytest.mark.parametrize("carrier", ["httpx", "httpx2", "own httpx"])
def test_another_thread_of_httpcore_does_not_close_a_connection_that_is_in_use(carrier: str) -> None:
    """It looks for idle connections, and closes some a moment later, when a thread may have taken them."""
    more = threading.Event()

    def script(request: Any) -> Iterator[bytes]:
        yield streaming() + EVENTS
        more.wait(SOON)
        yield chunk(event("c", "stop") + DONE) + END

    with serving(script) as server, own_client(carrier) as http:
        with client_of(server, transport="httpx", http=http, timeout=LIMITS) as client:
            stream = client.stream_text(MODEL, "hi").text_deltas()
            text = next(stream)
            (found,) = [reference() for reference in client.connections.open()._streams]
            more.set()  # so that there is something to read
            states: list[Any] = []

            def drop() -> None:
                states.append(found.get_extra_info("is_readable"))
                found.close()

            thread = threading.Thread(target=drop)
            thread.start()
            thread.join(SOON)
            assert states == [False]
            assert text + "".join(stream) == "abc"
            assert server.wait_until_free(), "the connection that was dropped is closed at the end"


@all_carriers
def test_the_error_of_an_answer_whose_body_is_of_no_use_has_the_id_of_its_request(carrier: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nx-request-id: req-1\r\n"
    cases: dict[str, tuple[bytes, type[errors.StepwellError]]] = {
        "cut": (b"content-length: 50\r\n\r\n{", errors.StreamTruncated),
        "late": (b"content-length: 50\r\n\r\n{", errors.FirstEventTimeout),
        "wrong chunks": (b"transfer-encoding: chunked\r\n\r\nzz\r\n", errors.StreamTruncated),
        "an unknown encoding": (b"content-encoding: br\r\ncontent-length: 2\r\n\r\nab", errors.DecodeError),
        "another encoding": (b"content-encoding: gzip\r\ncontent-length: 2\r\n\r\nab", errors.DecodeError),
        "too long": (b"content-length: 999999999\r\n\r\n", errors.ResponseTooLarge),
    }
    for what, (rest, kind) in cases.items():

        def script(request: object, what: str = what, rest: bytes = rest) -> Iterator[bytes | float]:
            yield head + rest
            if what == "cut":
                raise Hangup
            yield LONG

        limits = Timeouts(first_event=0.3 if what == "late" else SOON)
        with serving(script) as server, pytest.raises(kind) as caught:
            ask(server, carrier, stream=False, timeout=limits)
        assert caught.value.request_id == "req-1", what


@all_carriers
@pytest.mark.parametrize("stream", [False, True], ids=["unstreamed", "streamed"])
def test_an_error_is_known_by_its_status_also_where_rubbish_follows_its_head_at_once(
    carrier: str, stream: bool
) -> None:
    head = b"HTTP/1.1 401 Unauthorized\r\nx-request-id: req-1\r\ntransfer-encoding: chunked\r\n\r\n"
    for what, wrong in WRONG.items():
        with serving(saying(head + wrong, LONG)) as server:
            with pytest.raises(errors.AuthError) as caught:
                ask(server, carrier, stream=stream, timeout=LIMITS)
            assert (caught.value.status, caught.value.request_id) == (401, "req-1"), what
            assert server.wait_until_free(), what


@all_carriers
def test_the_end_of_a_connection_has_one_message_before_and_after_the_first_event(carrier: str) -> None:
    for acts in ((), (streaming(),), (streaming(), chunk(event("a")))):

        def script(request: object, acts: tuple[bytes, ...] = acts) -> Iterator[bytes]:
            yield from acts
            raise Hangup

        with serving(script) as server:
            with pytest.raises(errors.StreamTruncated, match="closed the connection before the answer was whole"):
                ask(server, carrier, timeout=LIMITS)
