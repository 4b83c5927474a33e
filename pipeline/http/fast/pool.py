"""The connections of the sync client: kept for the next call to the same server. Threads may share them."""

from __future__ import annotations

import threading

from ...world import REAL_WORLD
from ..headers import Headers
from ..timeouts import Clock
from .connection import Connection
from .dial import TLS, Dial
from .errors import PoolBusy, Unreachable
from .target import Origin, Target
from .wait import TaskScope

now = REAL_WORLD.now


def idle_seconds(keep_alive: float, headers: Headers | None) -> float:
    """Return how long a connection may be idle: `keep_alive`, or a second less than the server says it waits.

    Source: https://www.rfc-editor.org/rfc/rfc2068#section-19.7.1.1
    """
    if headers is not None and (said := dict.get(headers, "keep-alive")) is not None:
        seconds = said.partition("timeout=")[2].partition(",")[0].strip()
        if seconds.isdecimal() and len(seconds) < 10:  # one that is longer is no limit
            return min(keep_alive, int(seconds) - 1.0)
    return keep_alive


class Pool:
    """At most `most` connections, each kept for `keep_alive` seconds without a call."""

    def __init__(self, tls: TLS, *, most: int, keep_alive: float) -> None:
        self._tls = tls
        self._most = most
        self._keep_alive = keep_alive
        self._lock = threading.RLock()  # a signal handler may make a call while it is held
        self._changed = threading.Condition(self._lock)
        self._idle: dict[Origin, list[Connection]] = {}
        self._opened: set[Connection] = set()
        self._dials: set[Dial] = set()
        self._count = 0  # those that are open or being opened
        self._waiting = 0
        self._closed = False
        self._sweep_at = 0.0

    def take(self, target: Target, clock: Clock, connect: float | None, scope: TaskScope | None) -> Connection:
        """Return an idle connection to the target, or a new one.

        clock: the limits of the call.
        connect: the limit for waiting until one is free, and again for connecting; None for no limit.
        scope: that of the task that makes the call; cancelling the task ends the connecting. None outside of tasks.

        Raises PoolBusy, Unreachable, SlowConnect.
        """
        until: float | None = None
        while True:
            with self._lock:
                idle = self._idle.get(target.origin)
                if idle:
                    found = idle.pop()  # the youngest
                elif self._count < self._most:
                    self._count += 1
                    break
                elif (found := self._oldest()) is None:  # type: ignore[assignment]
                    if until is None:
                        limit = clock.within(connect)
                        until = float("inf") if limit is None else now() + limit
                    self._wait(until)
                    continue
            if found.origin == target.origin and found.idle_until > now() and found.is_fresh():
                return found
            self.discard(found)  # which makes room
        return self._connect(target, clock.within(connect), scope)

    def _connect(self, target: Target, seconds: float | None, scope: TaskScope | None) -> Connection:
        dial, made, connection = Dial(target, seconds, self._tls), None, None
        with self._lock:
            self._dials.add(dial)
        try:
            made = dial.run() if scope is None else scope.interruptible(dial.stop, dial.run)
            connection = Connection(target, made, self.give_back)
            return connection
        finally:
            with self._lock:
                self._dials.discard(dial)
                if connection is None:
                    self._make_room()
                else:
                    self._opened.add(connection)
            dial.close(made)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next call if it can serve one; else close it."""
        if not connection.is_reusable:
            self.discard(connection)
            return
        time = now()
        connection.idle_until = time + idle_seconds(self._keep_alive, connection.reader.headers)
        connection.served = True
        connection.reader.pieces.clear()
        expired: list[Connection] = []
        with self._lock:
            if self._closed:
                expired.append(connection)
            else:
                self._idle.setdefault(connection.origin, []).append(connection)
                if self._waiting:
                    self._changed.notify()
            if time >= self._sweep_at:
                expired += self._expired(time)
        for each in expired:
            self.discard(each)

    def discard(self, connection: Connection) -> None:
        """Close a connection that is not idle, and make room for another."""
        connection.close()
        with self._lock:
            if connection in self._opened:
                self._opened.discard(connection)
                self._make_room()

    def close(self) -> None:
        """Close all connections. Calls in any thread that use one, or wait for one, fail. A later one is not kept."""
        with self._lock:
            self._closed = True
            self._idle.clear()
            opened = list(self._opened)
            for dial in self._dials:
                dial.stop()
            self._changed.notify_all()
        for connection in opened:
            self.discard(connection)

    def _make_room(self) -> None:
        """Count a connection as closed, and wake a call that waits for one."""
        self._count -= 1
        if self._waiting:
            self._changed.notify()

    def _oldest(self) -> Connection | None:
        """Return an idle connection to another server, to be closed in favour of the one that is needed."""
        for idle in self._idle.values():
            if idle:
                return idle.pop(0)
        return None

    def _wait(self, until: float) -> None:
        """Wait, with the lock held, until a connection may be free. Raises PoolBusy if that time is over."""
        left = until - now()
        if left <= 0:
            raise PoolBusy(f"all of {self._most} connections are in use")
        self._waiting += 1
        closed = self._closed
        try:
            self._changed.wait(min(left, threading.TIMEOUT_MAX))
            if self._closed and not closed:
                raise Unreachable("the client was closed")
        except BaseException:
            self._changed.notify()  # it may have been this one's turn
            raise
        finally:
            self._waiting -= 1

    def _expired(self, time: float) -> list[Connection]:
        """Remove the connections that have been idle for too long, and return them."""
        self._sweep_at = time + self._keep_alive
        found: list[Connection] = []
        for origin, idle in list(self._idle.items()):
            found += [each for each in idle if each.idle_until <= time]
            self._idle[origin] = [each for each in idle if each.idle_until > time]
            if not self._idle[origin]:
                del self._idle[origin]
        return found
