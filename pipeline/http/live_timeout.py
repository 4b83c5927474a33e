"""Timeouts that HTTP libraries take for numbers, recomputed at each wait.

httpx and httpx2 take timeouts in `extensions["timeout"]`, one number for each kind of wait, and use it for every wait
of its kind: a server that sends a header line now and then would keep a call waiting for ever, and the wait for a free
connection would not shorten the wait for the connection itself. So our number knows its clock, and the connection asks
it at each wait. The sockets are set up here as well: this is where each connection is seen, also one through a proxy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import inf
from typing import Any

from .timeouts import LEAST, Clock


class LiveTimeout(float):
    """Seconds to wait, as they were when it was made. `ask()` returns the seconds left now; None for no limit.

    `scope` is that of the task which waits, and can end the wait; None for a call outside of tasks.
    """

    __slots__ = ("ask", "scope")
    ask: Callable[[], float | None]
    scope: Any


_NO_LIMIT = 1e6  # seconds, for the libraries that do not ask


def _live_timeout(seconds: float | None, ask: Callable[[], float | None], scope: Any) -> LiveTimeout | None:
    if seconds is None and scope is None:
        return None
    wait = LiveTimeout(_NO_LIMIT if seconds is None else seconds)
    wait.ask, wait.scope = ask, scope
    return wait


class Limits(dict[str, Any]):
    """The limits of one exchange under httpx's names.

    connect: the limit for opening a connection, in seconds.
    clock: the limits of the call.
    scope: that of the task which makes the call, if it runs in one.
    """

    __slots__ = ("clock", "connect", "scope")

    def __init__(self, connect: float | None, clock: Clock, scope: Any) -> None:
        self.clock = clock
        self.connect = connect
        self.scope = scope
        pool = connect if clock.deadline == inf else clock.within(connect)
        seconds = None if clock.due == inf else max(LEAST, clock.due - clock.now())  # as `allowance` says at first
        read = _live_timeout(seconds, clock.allowance, scope)
        super().__init__(connect=pool, read=read, write=read, pool=pool)

    def get(self, name: str, default: object = None) -> Any:
        """Return a limit. Libraries look up `connect` when they open a connection, after the wait for a free one."""
        connecting = self._connecting
        return _live_timeout(connecting(), connecting, None) if name == "connect" else super().get(name, default)

    def _connecting(self) -> float | None:
        return self.clock.within(self.connect)

    def stream(self, *, live: bool) -> None:
        """Set the limit for the reads of a streamed body.

        live: whether the connection asks the clock at each read; else the limit for silence holds for all reads.
        """
        if not live:
            self["read"] = self.clock.allowance(begun=True)
        elif self["read"] is None:  # no limit for the first event; there may be one for silence
            wait = self["read"] = LiveTimeout(0.0)
            wait.ask, wait.scope = self.clock.allowance, None


def watch_tls_stream(stream: object) -> bool:
    """Make a connection of httpcore (`network_stream`, a documented extension) ask each LiveTimeout at each wait.

    Other numbers work as before, so the connection may serve other users, too. The class of the object is replaced by
    a subclass: a function set on the object would be a reference cycle. Returns False for an object that cannot change
    its class.
    """
    kind: Any = type(stream)
    if kind in _kinds:
        return True
    try:
        stream.__class__ = _with_live_timeout(kind)
    except (AttributeError, TypeError):
        return False
    return True


_kinds: set[type] = set()


@cache
def _with_live_timeout(kind: type[Any]) -> type:
    read, start_tls = kind.read, kind.start_tls

    def timed_read(self: Any, max_bytes: int, timeout: float | None = None) -> Any:
        if type(timeout) is not LiveTimeout:
            return read(self, max_bytes, timeout)
        left = timeout.ask()
        if left is not None and left <= LEAST:
            # Bytes may be there, and the library reads on while they are no answer: 1xx responses, parts of a head.
            raise TimeoutError
        if timeout.scope is None:
            return read(self, max_bytes, left)
        return timeout.scope.reading(self, read, max_bytes, left)

    def timed_tls(self: Any, ssl_context: object, server_hostname: object = None, timeout: float | None = None) -> Any:
        return start_tls(self, ssl_context, server_hostname, timeout.ask() if type(timeout) is LiveTimeout else timeout)

    timed = type(kind.__name__, (kind,), {"__slots__": (), "read": timed_read, "start_tls": timed_tls})
    _kinds.add(timed)
    return timed


def on_trace(event: str, info: dict[str, Any]) -> None:
    """Watch each connection that is opened for this request. A callback for httpcore's `trace` extension."""
    if event.endswith((".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")):
        stream = info["return_value"]
        watch_tls_stream(stream)
        if ".connect_tcp." in event and (opened := stream.get_extra_info("socket")) is not None:
            from .fast.wait import keep_alive  # only when a connection is opened

            keep_alive(opened)
    elif event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT":
        # The connection is open: further events are not needed, and each would cost a µs.
        info["request"].extensions.pop("trace", None)


async def aon_trace(event: str, info: dict[str, Any]) -> None:
    """Async version of `on_trace`."""
    on_trace(event, info)
