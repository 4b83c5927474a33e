"""Streams of a sync client over the fast transport: once the first event is there, the system keeps the limit of each
read."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterator
from math import inf
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


def test_a_stream_waits_by_one_call_of_the_system_for_each_event(monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(1e-9, (0, 1)), (1.5, (1, 500_000)), (300, (300, 0)), (1e12, (1_000_000, 0)), (inf, (0, 0))],
)
def test_the_system_takes_a_limit_in_seconds_and_microseconds(seconds: float, expected: tuple[int, int]) -> None:
    """Zeros mean that there is no limit."""
    assert struct.unpack("@ll", wait.system_limit(seconds)) == expected


def test_a_socket_that_is_not_pythons_own_is_waited_for_by_poll() -> None:
    """As under gevent, whose sockets let other threads of its own go on while one waits."""

    class Own:
        pass

    assert not wait.is_limited_by_system(Own())  # type: ignore[arg-type]
    with socket.socket() as ours:
        assert wait.is_limited_by_system(ours) is hasattr(select, "poll")


def test_a_system_without_such_limits_is_waited_for_by_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(seconds: float) -> bytes:
        raise OSError(92, "Protocol not available")

    monkeypatch.setattr("stepwell.pipeline.http.fast.connection.system_limit", refuse)
    scripts = iter((drip(3, every=0.02, then=WHOLE), drip(3, every=0.02, then=(LONG,))))
    with serving(lambda request: next(scripts)) as server, client_of(server, **FAST) as client:
        assert client.stream_text(MODEL, "hi").reply().text == "aaa"
        with pytest.raises(errors.StreamIdleTimeout):
            client.stream_text(MODEL, "hi", timeout=Timeouts(idle=0.3)).reply()
