"""The transports over the connections of this package."""

from __future__ import annotations

import asyncio
from typing import Any

from ..request import Request
from ..timeouts import Clock
from ..transport import AsyncTransport, Transport
from ..urls import refuse_login
from .async_connection import AsyncAnswer
from .async_pool import AsyncPool
from .connection import Answer
from .dial import TLS
from .pool import Pool
from .target import Target


class Targets(dict[str, Target]):
    """URLs, each taken apart once. Raises InvalidOption for one with a user name or password in it."""

    def __missing__(self, url: str) -> Target:
        if "@" in url:
            refuse_login(url)
        if len(self) > 1000:
            self.clear()
        target = self[url] = Target(url)
        return target


class FastTransport(Transport):
    """Perform the effects of the network over sockets, sync."""

    def __init__(self, tls: TLS, *, max_connections: int, keep_alive: float, **settings: Any) -> None:
        """Set up an empty pool of connections.

        tls: returns the context of TLS connections.
        max_connections: the most that are open at once.
        keep_alive: the seconds for which an idle one is kept.
        settings: those of Transport.
        """
        super().__init__(Pool(tls, most=max_connections, keep_alive=keep_alive), _no_builder, **settings)
        self._targets = Targets()

    def exchange(self, request: Request, clock: Clock) -> tuple[Any, bool]:
        target, body, scope = self._targets[request.url], request.body, self.scope
        method = request.method
        head = target.head(method, request.headers, len(body))
        connection = self.client.take(target, clock, request.timeouts.connect, scope)
        try:
            if scope is None:
                connection.exchange(method, head, body, clock)
            else:
                scope.interruptible(connection.interrupt, connection.exchange, method, head, body, clock)
        except BaseException:
            self.client.discard(connection)
            raise
        return Answer(connection, target, clock, scope), True


class AsyncFastTransport(AsyncTransport):
    """Perform the effects of the network on the running event loop of asyncio, or one like it."""

    def __init__(self, tls: TLS, *, max_connections: int, keep_alive: float, **settings: Any) -> None:
        """See FastTransport; call it while the event loop runs."""
        pool = AsyncPool(asyncio.get_running_loop(), tls, most=max_connections, keep_alive=keep_alive)
        super().__init__(pool, _no_builder, **settings)
        self._targets = Targets()

    async def exchange(self, request: Request, clock: Clock) -> tuple[Any, bool]:
        target, body = self._targets[request.url], request.body
        method = request.method
        head = target.head(method, request.headers, len(body))
        pool = self.client
        connection = pool.idle(target.origin) or await pool.open(target, clock, request.timeouts.connect)
        try:
            connection.send(method, head, body)
            await connection.wait(clock)
        except BaseException:
            connection.close()
            raise
        return AsyncAnswer(connection, target, clock), True


def _no_builder(*_: object, **__: object) -> Any:
    """Stand in for the function that builds a library's requests: there is no library."""
