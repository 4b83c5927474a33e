"""The clients of this package: they send a request of the pipeline, and return an answer whose body is to be read."""

from __future__ import annotations

import asyncio

from ....schemas.memo import Memo
from ..request import Request
from ..timeouts import Clock
from ..urls import refuse_login
from .async_connection import AsyncSocketAnswer
from .async_pool import AsyncPool
from .connection import SocketAnswer
from .dial import TLS
from .pool import Pool
from .target import Target
from .wait import TaskScope


def targets() -> Memo[str, Target]:
    """Return URLs, each taken apart once. One with a user name or password in it is an InvalidOption."""

    def target(url: str) -> Target:
        if "@" in url:
            refuse_login(url)
        return Target(url)

    return Memo(1000, target)


class SocketClient:
    """A client for sync calls. Threads may share it."""

    def __init__(self, tls: TLS, *, max_connections: int, keep_alive: float) -> None:
        """Set up an empty pool of connections.

        tls: returns the context of TLS connections.
        max_connections: the most that are open at once.
        keep_alive: the seconds for which an idle one is kept.
        """
        self.pool = Pool(tls, most=max_connections, keep_alive=keep_alive)
        self.close = self.pool.close
        self._targets = targets()

    def exchange(self, request: Request, clock: Clock, scope: TaskScope | None) -> SocketAnswer:
        """Send a request, and wait for the head of its answer.

        request: what to send.
        clock: its limits, asked at each wait.
        scope: that of the task which makes the call, and whose cancelling ends a wait; None outside of tasks.

        Raises the errors of this package, Cancelled, and InvalidOption for a URL with a login or headers that cannot be
        sent.
        """
        target, method = self._targets[request.url], request.method
        head = target.head(method, request.headers, len(request.body))
        body = request.body  # not earlier: an error's traceback should not show it
        connection = self.pool.take(target, clock, request.timeouts.connect, scope)
        try:
            if scope is None:
                connection.exchange(method, head, body, clock)
            else:
                scope.interruptible(connection.interrupt, connection.exchange, method, head, body, clock)
        except BaseException:
            head = body = b""  # a crash report shows the locals of frames
            self.pool.discard(connection)
            raise
        return SocketAnswer(connection, connection.reader, target, clock, scope)


class AsyncSocketClient:
    """A client for the running event loop of asyncio, or one like it."""

    def __init__(self, tls: TLS, *, max_connections: int, keep_alive: float) -> None:
        """See SocketClient; call it while the event loop runs."""
        self.pool = AsyncPool(asyncio.get_running_loop(), tls, most=max_connections, keep_alive=keep_alive)
        self.aclose = self.pool.aclose
        self.shut_down = self.pool.shut_down
        self._targets = targets()

    async def exchange(self, request: Request, clock: Clock) -> AsyncSocketAnswer:
        """Async version of SocketClient.exchange."""
        target, method = self._targets[request.url], request.method
        head = target.head(method, request.headers, len(request.body))
        body = request.body  # not earlier: an error's traceback should not show it
        pool = self.pool
        connection = pool.idle(target.origin) or await pool.open(target, clock, request.timeouts.connect)
        try:
            connection.send(method, head, body)
            head = body = b""  # a crash report of a cancelled task shows the locals of frames
            await connection.wait(clock)
        except BaseException:
            connection.close()
            raise
        return AsyncSocketAnswer(connection, connection.reader, target, clock)
