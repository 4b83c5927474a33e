"""A call's time limit applies to each of its waits inside the HTTP library."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import httpcore
import httpx
import httpx2
import pytest
from attrs import evolve
from carriers import MODEL, aclient_of, all_carriers, ask, client_of

from stepwell import AsyncClient, Client, Timeouts
from stepwell.pipeline.http.library_errors import transport_error
from stepwell.pipeline.http.live_timeout import Limits
from stepwell.pipeline.http.timeouts import Clock
from stepwell.schemas import errors
from stepwell.steps import around

from loopback import SOON, answer, completion, serving

pytestmark = pytest.mark.thorough  # it waits on the real clock


@pytest.fixture
def full_queue() -> Iterator[Any]:
    """Provide an address that neither accepts a connection nor refuses it: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield SimpleNamespace(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        for each in waiting:
            each.close()


@pytest.fixture
def silent_tls_server() -> Iterator[Any]:
    """Provide an address that accepts connections and never answers the TLS handshake."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield SimpleNamespace(url=f"https://127.0.0.1:{listener.getsockname()[1]}")


def in_time(server: Any, carrier: str, error: type, timeout: Any, *, stream: bool = False, says: str = "") -> None:
    began = time.monotonic()
    with pytest.raises(error, match=says or None):
        ask(server, carrier, stream=stream, timeout=timeout)
    assert time.monotonic() - began < SOON, "the limit is the call's"


@all_carriers
def test_a_wait_for_an_unaccepted_connection_ends_with_the_calls_time_limit(carrier: str, full_queue: Any) -> None:
    in_time(full_queue, carrier, errors.TotalTimeout, 0.4)


@all_carriers
def test_connecting_has_its_own_limit_and_error(carrier: str, full_queue: Any) -> None:
    in_time(full_queue, carrier, errors.ConnectTimeout, Timeouts(connect=0.4), says=r"connect timeout of 0\.4 s; raise")


@all_carriers
def test_a_handshake_takes_no_longer_than_the_call(carrier: str, silent_tls_server: Any) -> None:
    in_time(silent_tls_server, carrier, errors.TotalTimeout, 0.4)


@all_carriers
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "unstreamed"])
def test_nothing_is_sent_once_the_time_of_the_call_is_over(carrier: str, stream: bool) -> None:
    """A step took all of it: a login, a wait, or another model that was called first."""
    now = [100.0]

    def late(request: Any, call: Any) -> Any:
        now[0] += 10
        return call(request.replace(world=evolve(request.world, now=lambda: now[0]), started=100.0))

    with serving(lambda request: [answer(completion())]) as server:
        with pytest.raises(errors.TotalTimeout, match="its total timeout of 5 s"):
            ask(server, carrier, stream=stream, timeout=5, pipeline=around("late", late))
        assert not server.seen and not server.connections


def dripping(request: Any) -> Iterable[bytes | float]:
    yield b"HTTP/1.1 200 OK\r\n"
    for number in range(1200):
        yield b"x-%d: 1\r\n" % number
        yield 0.05
    yield b"content-length: 0\r\n\r\n"


@all_carriers
@pytest.mark.parametrize(
    ("timeout", "error"),
    [(0.4, errors.TotalTimeout), (Timeouts(first_event=0.4), errors.FirstEventTimeout)],
    ids=["total", "first_event"],
)
@pytest.mark.parametrize("stream", [False, True], ids=["unstreamed", "streamed"])
def test_headers_that_arrive_slowly_do_not_extend_a_limit(
    carrier: str, timeout: Any, error: type, stream: bool
) -> None:
    with serving(dripping) as server:
        in_time(server, carrier, error, timeout, stream=stream)
        assert server.wait_until_free()


@all_carriers
def test_tcp_itself_notices_that_the_other_side_of_a_silent_connection_is_gone(
    carrier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, original = set(), socket.socket.setsockopt

    def setsockopt(self: Any, level: int, option: int, *value: Any) -> None:
        options.add((level, option))
        original(self, level, option, *value)

    monkeypatch.setattr(socket.socket, "setsockopt", setsockopt)
    with serving(lambda request: [answer(completion("yes"))]) as server:
        ask(server, carrier, stream=False)
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE) in options


def early(request: Any) -> Iterable[bytes | float]:
    while True:
        yield b"HTTP/1.1 103 Early\r\n\r\n" * 500


@all_carriers
def test_answers_before_the_answer_do_not_extend_a_limit(carrier: str) -> None:
    with serving(early) as server:
        for timeout, error in ((0.4, errors.TotalTimeout), (Timeouts(first_event=0.4), errors.FirstEventTimeout)):
            if "fast" in carrier:  # which takes only so many of them
                error = errors.StreamTruncated
            in_time(server, carrier, error, timeout)


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_headers_may_arrive_slowly_through_a_proxy_too(library: Any) -> None:
    with serving(dripping) as proxy, library.Client(proxy=proxy.url) as http:
        server = SimpleNamespace(url="https://openai.test/v1")
        with client_of(server, http=http, timeout=0.4) as client:
            began = time.monotonic()
            with pytest.raises(errors.TotalTimeout):
                client.generate_text(MODEL, "hi")
            assert time.monotonic() - began < SOON


@pytest.mark.parametrize("transport", ["fast", "httpx", None], ids=["fast", "httpx", "own client"])
def test_a_wait_for_a_busy_pool_ends_with_the_calls_time_limit(transport: Any) -> None:
    released = threading.Event()

    def holding(request: Any) -> Iterable[bytes]:
        released.wait(10)
        yield answer(completion())

    http = None if transport else httpx.Client(limits=httpx.Limits(max_connections=1))
    one: dict[str, Any] = {"transport": transport, "max_connections": 1} if transport else {"http": http}
    with serving(holding) as server, http or nullcontext(), client_of(server, **one) as client:
        first = threading.Thread(target=client.generate_text, args=(MODEL, "hi"))
        first.start()
        while not server.seen:
            time.sleep(0.01)
        began = time.monotonic()
        with pytest.raises(errors.TotalTimeout):
            client.generate_text(MODEL, "hi", timeout=Timeouts(connect=3, total=0.3))
        assert time.monotonic() - began < SOON
        with pytest.raises(errors.PoolTimeout, match=r"free within the connect timeout of 0\.2 s; .*max_connections="):
            client.generate_text(MODEL, "hi", timeout=Timeouts(connect=0.2, total=30))
        released.set()
        first.join()


def test_a_connection_opened_by_others_obeys_our_limits_after_its_first_answer() -> None:
    def script(request: Any) -> Iterable[bytes | float]:
        return dripping(request) if request.method == "POST" and len(server.seen) > 2 else [answer(completion())]

    with serving(script) as server, httpx.Client() as http, client_of(server, http=http) as client:
        http.get(server.url)
        client.generate_text(MODEL, "hi")
        began = time.monotonic()
        with pytest.raises(errors.TotalTimeout):
            client.generate_text(MODEL, "hi", timeout=0.4)
        assert time.monotonic() - began < SOON and server.connections == 1


def test_the_other_users_of_a_shared_client_keep_their_own_limits() -> None:
    def script(request: Any) -> Iterable[bytes | float]:
        return [answer(completion())] if request.method == "POST" else [1.3, answer(b"late")]

    with serving(script) as server, httpx.Client(timeout=SOON) as http, client_of(server, http=http) as client:
        client.generate_text(MODEL, "hi", timeout=1.0)
        assert http.get(server.url).content == b"late" and server.connections == 1
        with pytest.raises(httpx.ReadTimeout):
            http.get(server.url, timeout=0.1)


def test_limits_apply_on_trio_too() -> None:
    trio = pytest.importorskip("trio")

    async def run(client: AsyncClient) -> None:
        with pytest.raises(errors.TotalTimeout):
            await client.generate_text(MODEL, "hi")

    with serving(dripping) as server:
        began = time.monotonic()
        trio.run(run, aclient_of(server, timeout=0.4))
        assert time.monotonic() - began < SOON


def test_the_connect_limit_is_not_raised_by_a_longer_total(full_queue: Any) -> None:
    client = Client(base_urls={"openai": full_queue.url}, api_keys={"openai": "k"}, retries=0)
    with client, pytest.raises(errors.ConnectTimeout):
        client.generate_text(MODEL, "hi", timeout=Timeouts(connect=0.3, total=30))


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_the_connect_limit_holds_for_a_proxy_that_does_not_answer(library: Any, asynchronous: bool) -> None:
    settings: dict[str, Any] = {"timeout": Timeouts(connect=0.3, first_event=SOON), "retries": 0}
    server = SimpleNamespace(url="https://openai.test")

    async def run(proxy: str) -> None:
        async with library.AsyncClient(proxy=proxy) as http, aclient_of(server, http=http, **settings) as client:  # type: ignore[arg-type]
            await client.generate_text(MODEL, "hi")

    with serving(lambda request: [SOON]) as proxy, pytest.raises(errors.ConnectTimeout, match=r"of 0\.3 s"):
        if asynchronous:
            asyncio.run(run(proxy.url))
        else:
            with library.Client(proxy=proxy.url) as http, client_of(server, http=http, **settings) as client:  # type: ignore[arg-type]
                client.generate_text(MODEL, "hi")


def test_the_connect_limit_holds_for_a_socks_proxy_too() -> None:
    """httpcore reads its answers without any limit."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = httpcore._backends.sync.SyncStream(ours)
        clock = Clock(Timeouts(connect=0.2, first_event=SOON), 0.0, time.monotonic)
        limits = Limits(0.2, clock, None)
        limits.on_trace("socks.connect_tcp.complete", {"return_value": stream})
        limits.on_trace("socks.setup_socks5_connection.started", {"stream": stream})
        with pytest.raises(httpcore.ReadTimeout) as caught:
            stream.read(100)
        assert type(transport_error(caught.value, clock, "h")) is errors.ConnectTimeout
        limits.on_trace("http11.send_request_headers.started", {"request": httpcore.Request("POST", "http://h")})
        assert type(transport_error(caught.value, clock, "h")) is errors.FirstEventTimeout
    nonsense = type("ProtocolError", (Exception,), {"__module__": "socksio.exceptions"})("Malformed reply")
    assert type(transport_error(nonsense, clock, "h")) is errors.ConnectError
