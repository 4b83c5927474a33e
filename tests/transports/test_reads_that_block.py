"""Streams of a sync client over the fast transport: once the first event is there, a read waits by itself."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from carriers import MODEL, client_of

from stepwell import Client, Timeouts
from stepwell.pipeline.http.fast import wait
from stepwell.schemas import errors

from loopback import DONE, END, LONG, SOON, chunk, event, serving, streaming

FAST: dict[str, Any] = {"transport": "fast"}


def drip(texts: int, *, every: float, then: tuple[bytes | float, ...]) -> Iterator[bytes | float]:
    """Answer with a stream of pieces of text that come one by one, and then with something else."""
    yield streaming()
    for _ in range(texts):
        yield chunk(event("a"))
        yield every
    yield from then


WHOLE = (chunk(event(None, "stop")), chunk(DONE) + END)


def test_a_stream_that_falls_silent_fails_after_its_limit_for_silence() -> None:
    with serving(lambda request: drip(3, every=0.02, then=(LONG,))) as server:
        with client_of(server, **FAST, timeout=Timeouts(idle=0.3, first_event=LONG)) as client:
            began, stream = time.monotonic(), client.stream_text(MODEL, "hi")
            with pytest.raises(errors.StreamIdleTimeout) as caught:
                stream.reply()
        assert time.monotonic() - began < SOON
        assert caught.value.partial is not None and caught.value.partial.text == "aaa"
        assert server.wait_until_free()


def test_events_that_never_end_are_ended_by_the_limit_of_the_whole_call() -> None:
    with serving(lambda request: drip(10_000, every=0.01, then=WHOLE)) as server:
        with client_of(server, **FAST, timeout=Timeouts(total=0.5)) as client, pytest.raises(errors.TotalTimeout):
            client.stream_text(MODEL, "hi").reply()


def test_a_connection_keeps_the_limits_of_each_call_that_it_serves() -> None:
    """The first stream has left its socket as one that blocks for a minute."""
    scripts = iter((drip(3, every=0.02, then=WHOLE), iter((LONG,)), drip(3, every=0.02, then=(LONG,))))
    with serving(lambda request: next(scripts)) as server:
        with client_of(server, **FAST, timeout=Timeouts(idle=LONG)) as client:
            assert client.stream_text(MODEL, "hi").reply().text == "aaa"
            began = time.monotonic()
            with pytest.raises(errors.FirstEventTimeout):
                client.generate_text(MODEL, "hi", timeout=Timeouts(first_event=0.3))
            assert server.connections == 1, "it was the connection of the stream"
            with pytest.raises(errors.StreamIdleTimeout):
                client.stream_text(MODEL, "hi", timeout=Timeouts(idle=0.3)).reply()
            assert time.monotonic() - began < SOON


def test_two_streams_in_turn_on_one_connection_have_each_its_own_limit() -> None:
    scripts = iter((drip(3, every=0.02, then=WHOLE), drip(3, every=0.02, then=(LONG,))))
    with serving(lambda request: next(scripts)) as server, client_of(server, **FAST) as client:
        assert client.stream_text(MODEL, "hi", timeout=Timeouts(idle=LONG)).reply().text == "aaa"
        with pytest.raises(errors.StreamIdleTimeout):
            client.stream_text(MODEL, "hi", timeout=Timeouts(idle=0.3)).reply()
        assert server.connections == 1


def test_a_stream_makes_no_call_of_poll_for_each_event(monkeypatch: pytest.MonkeyPatch) -> None:
    polls: list[object] = []

    def counted(sock: Any) -> Any:
        poll = wait_before(sock)
        return lambda limit: (polls.append(limit), poll(limit))[1]

    wait_before = wait.waiter_of
    monkeypatch.setattr("stepwell.pipeline.http.fast.connection.waiter_of", counted)
    with serving(lambda request: drip(20, every=0.01, then=WHOLE)) as server, client_of(server, **FAST) as client:
        assert _texts(client) == 20
    assert 1 <= len(polls) <= 4, "for the head, the first event, and the end of the body"


def _texts(client: Client) -> int:
    return sum(1 for _ in client.stream_text(MODEL, "hi").text_deltas())


needs_alarms = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no alarms")


@contextmanager
def alarms(every: float, handler: Callable[[], object]) -> Iterator[None]:
    """Have a signal handler run again and again in this thread, the main one."""
    before = signal.signal(signal.SIGALRM, lambda number, frame: handler())
    signal.setitimer(signal.ITIMER_REAL, every, every)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@needs_alarms
@pytest.mark.parametrize("stream", [True, False])
def test_signals_that_come_again_and_again_do_not_extend_a_limit(stream: bool) -> None:
    """Each of them ends what the system waits for, and Python begins it anew."""
    error = errors.StreamIdleTimeout if stream else errors.FirstEventTimeout
    script = (lambda: drip(3, every=0.02, then=(LONG,))) if stream else (lambda: iter((LONG,)))
    with serving(lambda request: script()) as server, client_of(server, **FAST) as client:
        began = time.monotonic()
        with alarms(0.1, lambda: None), pytest.raises(error):
            client.stream_text(MODEL, "hi", timeout=Timeouts(idle=0.6, first_event=0.6 if not stream else LONG)).reply()
        assert time.monotonic() - began < SOON


@needs_alarms
def test_a_signal_handler_may_make_calls_while_its_thread_reads_a_stream() -> None:
    """It may run in between the read of some bytes and their parsing."""

    def script(request: Any) -> Iterator[bytes | float]:
        if b"inner" in request.body:
            yield streaming() + b"".join(chunk(event("<inner>")) for _ in range(20)) + b"".join(map(bytes, WHOLE))
            return
        yield streaming()
        for number in range(600):
            yield chunk(event(f"{number} "))
            yield 0.001
        yield from WHOLE

    inner: list[str] = []
    with serving(script) as server, client_of(server, **FAST) as client:
        calls = lambda: inner.append(client.stream_text(MODEL, "inner").reply().text)
        with alarms(0.004, calls):
            outer = client.stream_text(MODEL, "outer").reply().text
    assert outer == "".join(f"{number} " for number in range(600))
    assert len(inner) > 10 and set(inner) == {"<inner>" * 20}
