"""The connections of one event loop: kept for the next call to the same server."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from math import inf
from typing import Any

from ..timeouts import Clock
from .async_connection import AsyncConnection, ReadBuffer
from .dial import HEAD_START, TLS
from .errors import PoolBusy, SlowConnect, Unreachable
from .pool import idle_seconds
from .target import Origin, Target
from .wait import IN, keep_alive, ready, shut_down

_TRUSTED = 0.5
"""Seconds of idleness from which a connection is checked: a busy loop may not know yet that it has ended."""


class AsyncPool:
    """At most `most` connections, each kept for `keep_alive` seconds without a call."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tls: TLS, *, most: int, keep_alive: float) -> None:
        self._loop = loop
        self._tls = tls
        self._context: Any = None
        self._most = most
        self._keep_alive = keep_alive
        self._buffer = ReadBuffer()  # asyncio's own of each read would be mapped and unmapped
        self._idle: dict[Origin, list[AsyncConnection]] = {}
        self._opened: set[AsyncConnection] = set()
        self._limits: set[asyncio.Timeout] = set()
        """those of connections that are being opened"""
        self._room = most
        self._queue: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self._sweep_at = 0.0

    def idle(self, origin: Origin) -> AsyncConnection | None:
        """Return an idle connection to a server; None if there is none."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()  # the youngest
            if self._is_fresh(connection):
                return connection
            connection.close()
        return None

    def _is_fresh(self, connection: AsyncConnection) -> bool:
        if not connection.is_reusable:
            return False
        time = self._loop.time()
        if time >= connection.idle_until:
            return False
        if time - connection.idle_since < _TRUSTED:
            return True
        sock = connection.transport.get_extra_info("socket")
        return sock is None or not ready([sock], IN, 0)

    async def open(self, target: Target, clock: Clock, connect: float | None) -> AsyncConnection:
        """Return a new connection, or an idle one if one gets free while it waits for its turn.

        target: where to.
        clock: the limits of the call.
        connect: the limit for waiting until one is free, and again for connecting; None for no limit.

        Raises PoolBusy, Unreachable, SlowConnect.
        """
        until: float | None = None
        while not self._room:
            self._close_oldest()
            if not self._room:
                again = until is not None
                if until is None:
                    limit = clock.within(connect)
                    until = inf if limit is None else self._loop.time() + limit
                await self._turn(until, again=again)
            if (connection := self.idle(target.origin)) is not None:
                return connection
        self._room -= 1
        made = AsyncConnection(self._loop, target.origin, self._buffer, self._take_back)
        self._opened.add(made)
        self._buffer.share(len(self._opened))
        try:
            await self._connect(made, target, clock.within(connect))
        except BaseException:
            made.close()
            raise
        return made

    async def _connect(self, made: AsyncConnection, target: Target, seconds: float | None) -> None:
        if target.tls and self._context is None:
            # In a thread: reading the authorities' certificates takes 20 ms and more.
            # One of its own: those of the event loop may all be busy with the program's work.
            thread = ThreadPoolExecutor(1)
            self._context = await self._loop.run_in_executor(thread, self._tls)
            thread.shutdown(wait=False)
        options: dict[str, Any] = {"ssl": self._context} if target.tls else {}
        # A number has one address only; uvloop tries one address after another.
        if not target.is_numeric and isinstance(self._loop, asyncio.BaseEventLoop):
            options["happy_eyeballs_delay"] = HEAD_START
        limit = asyncio.timeout(seconds)
        self._limits.add(limit)
        try:
            async with limit:
                await self._loop.create_connection(lambda: made, target.host, target.port, **options)
            if not made.closed:
                keep_alive(made.transport.get_extra_info("socket"))
                return
            reason = "the server closed the connection at once"
        except (OSError, ValueError) as error:  # ValueError: a host's name that is none
            reason = str(error)
        finally:
            self._limits.discard(limit)
        if made.closed and self._closed:
            raise Unreachable("the client was closed")
        raise SlowConnect("the server does not answer") if limit.expired() else Unreachable(reason)

    async def _turn(self, until: float, *, again: bool) -> None:
        """Wait until a connection may have become free, or may be opened.

        until: the event loop's time at which PoolBusy is raised.
        again: True for the one whose turn it was, while another call was quicker.
        """
        turn = self._loop.create_future()
        (self._queue.appendleft if again else self._queue.append)(turn)
        try:
            async with asyncio.timeout_at(None if until == inf else until):
                await turn
            return
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._call_next()  # it came all the same: the next one's turn
            else:
                with suppress(ValueError):
                    self._queue.remove(turn)
            if not isinstance(error, TimeoutError):
                raise
        raise PoolBusy(f"all of {self._most} connections are in use")

    def _call_next(self) -> None:
        """Let the one who has waited longest look for a connection again."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _take_back(self, connection: AsyncConnection) -> None:
        """Keep a connection for the next call if it can serve one; else close it, or note that it is closed."""
        if connection.closed:
            if connection in self._opened:
                self._opened.discard(connection)
                self._buffer.share(len(self._opened))
                with suppress(KeyError, ValueError):
                    self._idle[connection.origin].remove(connection)
                self._room += 1
                self._call_next()
            return
        if not connection.is_reusable or self._closed:
            connection.close()
            return
        connection.idle_since = time = self._loop.time()
        connection.idle_until = time + idle_seconds(self._keep_alive, connection.reader.headers)
        connection.served = True
        connection.reader.pieces.clear()
        self._idle.setdefault(connection.origin, []).append(connection)
        if self._queue:
            self._call_next()
        if time >= self._sweep_at:
            self._sweep(time)

    def _sweep(self, time: float) -> None:
        """Close the connections that have been idle for too long."""
        self._sweep_at = time + self._keep_alive
        for origin, idle in list(self._idle.items()):
            for connection in [each for each in idle if each.idle_until <= time]:
                connection.close()
            if not idle:
                del self._idle[origin]

    def _close_oldest(self) -> None:
        """Close an idle connection to another server in favour of the one that is needed."""
        for idle in self._idle.values():
            if idle:
                idle[0].close()
                return

    async def aclose(self) -> None:
        """Close all connections. Calls that use one, or wait for one, fail. What is opened later is not kept."""
        self._closed = True
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_exception(Unreachable("the client was closed"))
        for connection in list(self._opened):
            connection.close()
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(self._loop.time())
        await asyncio.sleep(0)  # the event loop closes the sockets in its next round

    def shut_down(self) -> None:
        """End the connections of an event loop that was closed without having closed them."""
        opened = [each.transport for each in self._opened if each.transport is not None]
        shut_down([each.get_extra_info("socket") for each in opened])
        self._opened.clear()
        self._idle.clear()
