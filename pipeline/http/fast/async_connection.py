"""One open connection on an event loop, and the answer that is read from it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from math import inf
from typing import Any

from ..timeouts import Clock
from .answer import ONE_WRITE, UnreadAnswer
from .errors import HTTPError, ReadError, ReadTimeout, RemoteProtocolError, StaleConnection, UnusableAnswer, broken
from .reader import AnswerReader
from .target import Origin

_ONE_ROUND = 256 * 2**10
_SMALLEST_READ = 4 * 2**10
MAX_HELD = ONE_WRITE
"""Bytes of a body that are held for a reader who does not come for them; then reading pauses."""


class ReadBuffer:
    """What all connections of an event loop read into: what arrives is parsed before the next read.

    Together they read at most `_ONE_ROUND` bytes in one round of the event loop, but each a useful piece: a client that
    cannot keep up with a hundred streams leaves the rest to the system, and to the pace of the servers.
    """

    def __init__(self) -> None:
        self.whole = memoryview(bytearray(ONE_WRITE))
        self.part = self.whole
        """the part that the next read may fill"""

    def share(self, connections: int) -> None:
        """Set the size of a read by the number of connections."""
        self.part = self.whole[: max(_ONE_ROUND // max(connections, 1), _SMALLEST_READ)]


class AsyncConnection(asyncio.BufferedProtocol):
    """One connection, of which the event loop calls the methods of `asyncio.BufferedProtocol`.

    It has one timer, which is set seldom: when it fires, it checks whether the deadline has moved since. A timer for
    each wait would cost 4 µs.
    """

    __slots__ = (
        "_buffer",
        "_deadline",
        "_error",
        "_fires",
        "_heading",
        "_leave",
        "_loop",
        "_now",
        "_paused",
        "_timer",
        "_waiter",
        "closed",
        "idle_since",
        "idle_until",
        "origin",
        "reader",
        "served",
        "transport",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        origin: Origin,
        buffer: ReadBuffer,
        leave: Callable[[AsyncConnection], None],
    ) -> None:
        """Wait for the event loop to connect it.

        loop: the event loop.
        origin: names the server.
        buffer: what all connections of the event loop read into.
        leave: called with this connection when an answer is finished or given up, or it was closed.
        """
        self._loop = loop
        self.origin = origin
        self._buffer = buffer
        self._leave = leave
        self.reader = AnswerReader()
        self.closed = False
        self.served = False
        """True once an earlier call was answered"""
        self.idle_since = self.idle_until = 0.0
        """in seconds of the pool's clock"""
        self.transport: Any = None
        self._waiter: asyncio.Future[bytes] | None = None
        self._error: HTTPError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = self._fires = inf
        self._now: Callable[[], float] = loop.time
        self._heading = False
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        if self.closed:
            self.transport.abort()

    def get_buffer(self, hint: int) -> memoryview:
        return self._buffer.part

    def buffer_updated(self, size: int) -> None:
        if self.closed:
            return
        reader = self.reader
        try:
            reader.feed(self._buffer.whole[:size])
        except RemoteProtocolError as error:
            if not (reader.pieces or (self._heading and reader.headers is not None)):
                self._fail(error)
                return
            self._error = UnusableAnswer(*error.args)  # for the wait after what was fit to be read
            self._loop.call_soon(self.transport.abort)
        pieces, heading = reader.pieces, self._heading
        if pieces or reader.done or (heading and reader.headers is not None):
            self._heading = False
            waiter = self._waiter
            if waiter is not None and not waiter.done():
                # The reader gets the bytes with the result: a coroutine that looks for them would cost 1 µs more.
                waiter.set_result(b"" if heading else pieces.pop() if len(pieces) == 1 else reader.take())
            if reader.held > MAX_HELD and not self._paused:
                self._paused = True
                self.transport.pause_reading()

    def eof_received(self) -> None:
        """Note that the server has closed its side; the event loop then closes ours."""
        if self.closed:
            return
        try:
            self.reader.end()
        except RemoteProtocolError as error:
            self._fail(error)
        else:
            waiter = self._waiter
            if waiter is not None and not waiter.done():
                waiter.set_result(b"")

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None and not self.reader.done:
            self._fail(ReadError(broken(error)))
        elif error is None:
            self.eof_received()
        self.close()

    def send(self, method: str, head: bytes, body: bytes) -> None:
        """Start to send a request; what cannot be sent at once is sent by the event loop while the answer is read."""
        self.reader.expect(method)
        self._heading = True
        if len(body) < ONE_WRITE:
            self.transport.write(head + body)
        else:
            self.transport.write(head)
            self.transport.write(body)

    def wait(self, clock: Clock) -> asyncio.Future[bytes]:
        """Return what is done once there is more of the answer: its head first, then some of its body, which it gives.

        The bytes are empty for the head, and where only the end has come.

        Awaiting it raises ReadTimeout, ReadError, RemoteProtocolError; StaleConnection where it broke before the first
        byte of an answer, and had served an earlier call.
        """
        # A plain function: a coroutine more would cost 1 µs for each event that comes alone.
        self._waiter = waiter = self._loop.create_future()
        if self._error is not None:
            self._fail(self._error)
            return waiter
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        seconds = clock.steady or clock.allowance()
        if seconds is None or seconds == inf:
            self._deadline = inf
        else:
            self._now = clock.now  # not loop.time(), which takes a function more
            self._deadline = deadline = clock.now() + seconds
            if deadline < self._fires:
                self._set_timer(seconds)
        return waiter

    @property
    def is_reusable(self) -> bool:
        reader = self.reader
        return reader.done and reader.reusable and not self.closed and not self.transport.get_write_buffer_size()

    def leave(self) -> None:
        """Give it back, if its answer was read to the end and it can serve another call; else close it."""
        if self._paused and not self.closed:
            self._paused = False
            self.transport.resume_reading()
        self._leave(self)

    def close(self) -> None:
        """Close it at once; a wait for it fails with ReadError."""
        if self.closed:
            return
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with suppress(RuntimeError):  # the event loop was closed before
            self._fail(ReadError("the connection was closed by the caller"), by_caller=True)
        if (waiter := self._waiter) is not None and waiter.done() and not waiter.cancelled():
            waiter.exception()  # perhaps nobody waits any more, of which asyncio would write to the log
        self._waiter = None  # its error refers to frames that refer to this connection
        if self.transport is not None:
            with suppress(RuntimeError):
                self.transport.abort()
        self.reader.forget()
        self._leave(self)

    def _fail(self, error: HTTPError, *, by_caller: bool = False) -> None:
        if self._error is None:
            self._error = error
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            is_early = self.served and not self.reader.begun and not by_caller
            if is_early and isinstance(self._error, ReadError | RemoteProtocolError):
                waiter.set_exception(StaleConnection())
            else:
                waiter.set_exception(self._error)

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._fires = self._deadline
        self._timer = self._loop.call_later(seconds, self._on_timer)

    def _on_timer(self) -> None:
        self._timer, self._fires = None, inf
        if self._deadline == inf or self._waiter is None or self._waiter.done():
            return  # what was waited for has come, while the event loop was busy
        if (left := self._deadline - self._now()) > 0.001:
            self._set_timer(left)
        else:
            self._fail(ReadTimeout("nothing arrived in time"))


class _Here:
    """Bytes that are awaited and need no wait, or an error in their place."""

    __slots__ = ("_data", "_error")

    def __init__(self, data: bytes, error: Exception | None = None) -> None:
        self._data = data
        self._error = error

    def __await__(self) -> Generator[None, None, bytes]:
        yield from ()
        if self._error is not None:
            raise self._error
        return self._data


class AsyncSocketAnswer(UnreadAnswer[AsyncConnection]):
    """An answer that is read on an event loop."""

    __slots__ = ()

    def __aiter__(self) -> AsyncSocketAnswer:
        return self

    def __anext__(self) -> Awaitable[bytes]:
        # A plain function: see AsyncConnection.wait. It raises nothing itself: anext(answer, default) would crash
        # CPython 3.11, which takes the result for an awaitable without a look.
        reader, connection = self._reader, self._connection
        if connection is None:
            return _Here(b"", ReadError("the answer was closed"))
        if reader.pieces:
            return _Here(reader.take())
        if reader.done:
            return _Here(b"", StopAsyncIteration())
        return connection.wait(self._clock)

    async def aclose(self) -> None:
        """Give the connection up: it is used again only if the body was read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.leave()
