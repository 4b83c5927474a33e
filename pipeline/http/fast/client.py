"""The client of sync calls: it sends a request of the pipeline, and returns an answer whose body is to be read."""

from __future__ import annotations

from ..request import Request
from ..timeouts import Clock
from .connection import SocketAnswer
from .dial import TLS
from .pool import Pool
from .target import targets
from .wait import TaskScope


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
