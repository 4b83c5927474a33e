"""The client of async calls, for asyncio: see client.py."""

from __future__ import annotations

import asyncio

from ..request import Request
from ..timeouts import Clock
from .async_connection import AsyncSocketAnswer
from .async_pool import AsyncPool
from .dial import TLS
from .target import targets


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
