"""Limits of time as HTTP libraries are given them: numbers that are asked for anew at each wait.

httpx, httpx2 and their like take limits in `extensions["timeout"]`, one number for each kind of wait, and use that
number for every wait of its kind: a server that sends a header line now and then would keep a call waiting for ever,
and a wait for a free connection would not shorten the one for the connection itself. So a number of ours knows its
clock, and the connection asks it whenever it waits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from .timeouts import Clock


class LiveTimeout(float):
    """Seconds to wait, right when it was made; `ask()` gives what is right now (None: any)."""

    __slots__ = ("ask",)
    ask: Callable[[], float | None]


def _live_timeout(ask: Callable[[], float | None]) -> LiveTimeout | None:
    seconds = ask()
    if seconds is None:
        return None
    wait = LiveTimeout(seconds)
    wait.ask = ask
    return wait


class Limits(dict[str, Any]):
    """The limits of one exchange, under the names that httpx has for them; `connect` is the one for a connection."""

    __slots__ = ("clock", "connect")

    def __init__(self, connect: float | None, clock: Clock) -> None:
        self.clock = clock
        self.connect = connect
        pool = clock.within(connect)
        read = _live_timeout(clock.allowance)
        super().__init__(connect=pool, read=read, write=read, pool=pool)

    def get(self, name: str, default: Any = None) -> Any:
        """Libraries look up `connect` once they may open a connection: the wait for that is over."""
        return _live_timeout(self._connecting) if name == "connect" else super().get(name, default)

    def _connecting(self) -> float | None:
        return self.clock.within(self.connect)

    def stream(self, *, live: bool) -> None:
        """The body is a stream: its reads may each take what the clock allows, where they ask it (`live`), else the
        time allowed for silence."""
        if not live:
            self["read"] = self.clock.allowance(begun=True)
        elif self["read"] is None:  # no limit for the beginning; there is one for silence, perhaps
            wait = self["read"] = LiveTimeout(0.0)
            wait.ask = self.clock.allowance


def watch_tls_stream(stream: Any) -> bool:
    """Have a connection of httpcore's (`network_stream`, a documented extension) ask each Wait that it is given.

    Other numbers pass through untouched, so it may go on serving whomever it served. Its class is exchanged for a
    subclass: a function put on the object would hold the object itself, and neither would go before a collection.
    False for an object of another kind.
    """
    kind: Any = type(stream)
    if kind in _kinds:
        return True
    try:
        stream.__class__ = _timed(kind)
    except (AttributeError, TypeError):
        return False
    return True


_kinds: set[type] = set()


@cache
def _timed(kind: Any) -> type:
    read, start_tls = kind.read, kind.start_tls

    def timed_read(self: Any, max_bytes: int, timeout: float | None = None) -> Any:
        return read(self, max_bytes, timeout.ask() if type(timeout) is LiveTimeout else timeout)

    def timed_tls(self: Any, ssl_context: Any, server_hostname: Any = None, timeout: float | None = None) -> Any:
        return start_tls(self, ssl_context, server_hostname, timeout.ask() if type(timeout) is LiveTimeout else timeout)

    made = type(kind.__name__, (kind,), {"__slots__": (), "read": timed_read, "start_tls": timed_tls})
    _kinds.add(made)
    return made


def on_trace(event: str, info: dict[str, Any]) -> None:
    """For httpcore's `trace` extension: each connection that is opened for us keeps our time from its first byte on."""
    if event.endswith((".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")):
        watch_tls_stream(info["return_value"])
    elif event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT":
        # The way is open: what follows is none of our business, and would cost a µs an event.
        info["request"].extensions.pop("trace", None)


async def aon_trace(event: str, info: dict[str, Any]) -> None:
    """`on_trace`, as async clients want it."""
    on_trace(event, info)
