"""What the sync and the async client have in common of an answer whose body is still to be read."""

from __future__ import annotations

import threading
from typing import Any, Generic, Self, TypeVar

from ..headers import Headers
from ..timeouts import Clock
from .reader import AnswerReader
from .target import Target
from .wait import TaskScope

ONE_WRITE = 64 * 2**10
"""Bytes up to which head and body of a request are sent together."""
C = TypeVar("C")


class UnreadAnswer(Generic[C]):
    """An answer whose body is still to be read, and the iterator over that body."""

    __slots__ = ("_clock", "_connection", "_reader", "_scope", "_thread", "headers", "status_code", "url")

    extensions: dict[str, Any] = {}

    def __init__(
        self, connection: C, reader: AnswerReader, target: Target, clock: Clock, scope: TaskScope | None = None
    ) -> None:
        """Start to read a body.

        connection: has read the head.
        reader: that of the connection.
        target: where the request went; for its host.
        clock: the limits of the exchange, asked at each wait.
        scope: that of the task which reads, and whose cancelling ends a wait; None outside of tasks and on an event
            loop.
        """
        self._connection: C | None = connection
        self._reader = reader
        self._clock = clock
        self._scope = scope
        self._thread = threading.get_ident()
        self.url = target
        self.status_code = reader.status
        self.headers: Headers | None = reader.headers

    def whole(self, most: int) -> bytes | None:
        """See AnswerReader.whole."""
        return self._reader.whole(most)

    @property
    def stream(self) -> Self:
        """The answer itself, which is its own iterator."""
        return self
