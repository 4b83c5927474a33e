"""Timeouts that HTTP libraries take for numbers, recomputed at each wait.

httpx and httpx2 take timeouts in `extensions["timeout"]`, one number for each kind of wait, and use it for every wait
of its kind: a server that sends a header line now and then would keep a call waiting for ever, and the wait for a free
connection would not shorten the wait for the connection itself. So our number knows its clock, and the connection asks
it at each wait. The sockets are set up here as well: this is where each connection is seen, also one through a proxy.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from inspect import iscoroutinefunction
from math import inf
from threading import get_ident
from typing import Any, Protocol

from ...schemas.errors import StreamTruncated
from .timeouts import LEAST, Clock


class LiveTimeout(float):
    """Seconds to wait, as they were when it was made. `ask()` returns the seconds left now; None for no limit.

    `clock` has the limits of the exchange, and notes its end. `scope` is that of the task which waits, and can end the
    wait; None for a call outside of tasks. `heard` is False once a read that it limits has begun, True once one has
    returned a byte; None before, and where the connection does not ask.
    """

    __slots__ = ("ask", "clock", "heard", "scope")
    ask: Callable[[], float | None]
    clock: Clock
    scope: Any
    heard: bool | None


Read = Callable[..., Any]
"""A connection's own `read`, called with the connection."""
_NO_LIMIT = 1e6  # seconds, for the libraries that do not ask


def _live_timeout(
    seconds: float | None, ask: Callable[[], float | None], clock: Clock, scope: Any = None
) -> LiveTimeout:
    wait = LiveTimeout(_NO_LIMIT if seconds is None else seconds)
    wait.ask, wait.clock, wait.scope, wait.heard = ask, clock, scope, None
    return wait


class Limits(dict[str, Any]):
    """The limits of one exchange under httpx's names.

    connect: the limit for opening a connection, in seconds.
    clock: the limits of the call.
    scope: that of the task which makes the call, if it runs in one.
    opened: called with each connection that is opened for the exchange.

    `reused` is None at first, then False on a connection opened for it, True on one of earlier calls.
    `unused` is the connection that was opened for it, until the request goes out.
    """

    __slots__ = ("clock", "connect", "opened", "reused", "scope", "unused")

    def __init__(
        self, connect: float | None, clock: Clock, scope: Any, opened: Callable[[Any], object] | None = None
    ) -> None:
        self.clock = clock
        self.opened = opened
        self.reused: bool | None = None
        self.unused: Any = None
        self.connect = connect
        self.scope = scope
        pool = connect if clock.deadline == inf else clock.within(connect)
        seconds = None if clock.due == inf else max(LEAST, clock.due - clock.now())  # what `allowance` returns now
        read = _live_timeout(seconds, clock.allowance, clock, scope)
        super().__init__(connect=pool, read=read, write=read, pool=pool)

    def get(self, name: str, default: object = None) -> Any:
        """Return a limit. Libraries look up `connect` when they open a connection, after the wait for a free one."""
        connecting = self._connecting
        if name != "connect":
            return super().get(name, default)
        seconds = connecting()
        return None if seconds is None else _live_timeout(seconds, connecting, self.clock)

    def _connecting(self) -> float | None:
        return self.clock.within(self.connect)

    @property
    def is_sent(self) -> bool:
        """Whether the request goes out, or has gone out."""
        return self.reused is not None and self.unused is None

    @property
    def met_silence(self) -> bool:
        """Whether a connection of earlier calls was read from, and no byte of this answer has come."""
        return self.reused is True and self["read"].heard is False

    def refuse_what_was_there(self, stream: object, host: str) -> None:
        """Raise StreamTruncated where the head of the answer came without a read: it had arrived before the request.

        httpcore keeps what stands behind an answer for the next one, and would give a call what is not meant for it.

        stream: the connection; without an error if it never asks, as one that other users of a client have opened.
        host: the server's name, for the message.
        """
        if type(stream) in _kinds:
            raise StreamTruncated(f"{host} sent more than one answer to the call before, and none to this one yet")

    def on_trace(self, event: str, info: dict[str, Any]) -> None:
        """Watch each connection that is opened for this exchange. A callback for httpcore's `trace` extension."""
        if event.endswith((".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")):
            self.reused = False
            self.unused = stream = info["return_value"]
            watch_tls_stream(stream)
            if ".connect_tcp." in event and (opened := stream.get_extra_info("socket")) is not None:
                from .fast.wait import keep_alive  # only when a connection is opened

                keep_alive(opened)
            if self.opened is not None:
                self.opened(stream)
        elif event.endswith(".setup_socks5_connection.started"):
            self.clock.open_within(self.connect)
            with suppress(AttributeError):  # of another library, which takes no attribute
                info["stream"].opening = self["read"]
        elif event.endswith(".send_request_headers.started"):
            if info["request"].method == b"CONNECT":
                self.clock.open_within(self.connect)
                return
            if self.clock.opening:
                self.clock.opened()
            if self.reused is None:
                self.reused = event.startswith("http11.")  # one of HTTP/2 may serve other calls at that moment
            self.unused = None
            # The connection is open: further events are not needed, and each would cost a µs.
            info["request"].extensions.pop("trace", None)

    async def aon_trace(self, event: str, info: dict[str, Any]) -> None:
        """Async version of `on_trace`."""
        self.on_trace(event, info)

    def close_unused(self) -> None:
        """Close a connection over which nothing was sent.

        httpcore 1.0.9 leaves one open that is cancelled or interrupted during the TLS handshake.
        """
        unused, self.unused = self.unused, None
        if unused is not None:
            with suppress(Exception):
                unused.close()

    async def aclose_unused(self) -> None:
        """Async version of `close_unused`."""
        unused, self.unused = self.unused, None
        if unused is not None:
            import anyio  # comes with httpx, which has opened it

            with anyio.CancelScope(shield=True), suppress(Exception):
                await unused.aclose()

    def stream(self, *, live: bool) -> None:
        """Set the limit for the reads of a streamed body.

        live: whether the connection asks the clock at each read; else the limit for silence holds for all reads.
        """
        if not live:
            self["read"] = self.clock.allowance(begun=True)


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
    first_read = _afirst_read if iscoroutinefunction(read) else _first_read

    def timed_read(self: Any, max_bytes: int, timeout: float | None = None) -> Any:
        if timeout is None and self.opening is not None and self.opening.clock.opening:
            timeout = self.opening
        if type(timeout) is not LiveTimeout:
            return read(self, max_bytes, timeout)
        left = timeout.ask()
        if left is not None and left <= LEAST:
            # Bytes may be there, and the library reads on while they are no answer: 1xx responses, parts of a head.
            raise TimeoutError
        if not timeout.heard:
            return first_read(timeout, read, self, max_bytes, left)
        if timeout.scope is None:
            return read(self, max_bytes, left)
        return timeout.scope.reading(self, read, max_bytes, left)

    def timed_tls(self: Any, ssl_context: object, server_hostname: object = None, timeout: float | None = None) -> Any:
        return start_tls(self, ssl_context, server_hostname, timeout.ask() if type(timeout) is LiveTimeout else timeout)

    added: dict[str, Any] = {"__slots__": (), "read": timed_read, "start_tls": timed_tls, "opening": None}
    if not iscoroutinefunction(read) and kind.__dictoffset__:
        added |= _held_by_threads(kind)
    timed = type(kind.__name__, (kind,), added)
    _kinds.add(timed)
    return timed


class _Held(Protocol):
    """A connection with the methods of `_held_by_threads`."""

    held: tuple[Clock, int] | None
    """the exchange, and its thread"""
    dropped: bool
    """whether it is to be closed at the end of the exchange"""


class Closing(Protocol):
    """An answer of an HTTP library for threads."""

    @property
    def extensions(self) -> dict[str, Any]: ...

    def close(self) -> None: ...


def _held_by_threads(kind: type[Any]) -> dict[str, Any]:
    """Return methods of a connection that belongs to the thread of an exchange, from its first byte to its end.

    httpcore 1.0.9 closes connections that were idle when it looked, though another thread may have taken them since. It
    closes one that can be read, which it takes for the end of the connection, though it may be the answer; and one in
    favour of another server. The reading thread would then wait for ever, or read another connection, since the system
    gives out the same number again.
    """
    write, extra_info, close = kind.write, kind.get_extra_info, kind.close

    def held_write(self: _Held, buffer: bytes, timeout: float | None = None) -> None:
        if type(timeout) is LiveTimeout:
            self.held = timeout.clock, get_ident()
        write(self, buffer, timeout)

    def held_info(self: _Held, info: str) -> Any:
        return False if info == "is_readable" and _is_held(self) else extra_info(self, info)

    def held_close(self: _Held) -> None:
        if _is_held(self):
            self.dropped = True
        else:
            close(self)

    held: dict[str, Any] = {"held": None, "dropped": False}
    return {**held, "write": held_write, "get_extra_info": held_info, "close": held_close}


def _is_held(stream: _Held) -> bool:
    """Return whether an exchange of another thread goes on, which is to close the connection itself."""
    return stream.held is not None and not stream.held[0].ended and stream.held[1] != get_ident()


def end_exchange(raw: Closing | None, clock: Clock, limits: Limits | None = None) -> None:
    """Close an answer of a thread, and its connection if httpcore has dropped it meanwhile: see `_held_by_threads`.

    raw: the answer of the HTTP library; None if none has come.
    clock: that of the exchange.
    limits: those of an exchange over httpcore that has failed; None for any other.
    """
    clock.ended = True
    if raw is None:
        if limits is not None:
            limits.close_unused()
        return
    raw.close()
    stream: Any = raw.extensions.get("network_stream")
    if getattr(stream, "dropped", False):
        stream.close()


def _first_read(timeout: LiveTimeout, read: Read, stream: object, max_bytes: int, left: float | None) -> Any:
    """Read, and note on the timeout when a byte has come."""
    timeout.heard, scope = False, timeout.scope
    data = read(stream, max_bytes, left) if scope is None else scope.reading(stream, read, max_bytes, left)
    timeout.heard = bool(data)
    return data


async def _afirst_read(timeout: LiveTimeout, read: Read, stream: object, max_bytes: int, left: float | None) -> Any:
    """Async version of `_first_read`."""
    timeout.heard = False
    data = await read(stream, max_bytes, left)
    timeout.heard = bool(data)
    return data
