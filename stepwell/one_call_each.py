"""HTTP/2 for threads: each connection of httpcore, which threads may not share, carries one call at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import httpx


class Sender(Protocol):
    """What sends a request: an httpx.Client, or a RawTransport."""

    def send(self, request: httpx.Request, /, *, stream: bool, follow_redirects: bool) -> httpx.Response:
        """Send it, and return the response with its body unread."""

    def close(self) -> None:
        """Close the connections."""


class OneCallEach:
    """HTTP clients of which each has one call at a time, with the interface of one.

    httpcore's HTTP/2 connections have no lock around their state (`handle_request` in httpcore/_sync/http2.py): two
    threads get the same number for their streams, and so each other's answers.

    make: makes a client.
    most: how many there may be; further calls wait as long as the request's `pool` timeout says.
    """

    def __init__(self, make: Callable[[], Sender], most: int) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(most)
        self._made: list[Sender] = []
        self._idle: list[Sender] = []
        self._closed = False

    def send(self, request: httpx.Request, /, *, stream: bool, follow_redirects: bool) -> httpx.Response:
        """Send by a client that is free, which the response keeps until it is closed. Raises httpx.PoolTimeout."""
        if not self._room.acquire(timeout=request.extensions.get("timeout", {}).get("pool")):
            import httpx  # loaded already: the request is its

            raise httpx.PoolTimeout("no connection became free", request=request)
        client = self._take()
        try:
            response = client.send(request, stream=stream, follow_redirects=follow_redirects)
        except BaseException:
            self._give_back(client)
            raise
        response.stream = _body_class()(cast("httpx.SyncByteStream", response.stream), lambda: self._give_back(client))
        return response

    def close(self) -> None:
        """Close all clients."""
        with self._lock:
            made, self._made, self._idle, self._closed = self._made, [], [], True
        for client in made:
            client.close()

    def _take(self) -> Sender:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            client = self._make()
            self._made.append(client)
            return client

    def _give_back(self, client: Sender) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(client)
        self._room.release()


@cache
def _body_class() -> Callable[[httpx.SyncByteStream, Callable[[], None]], httpx.SyncByteStream]:
    """Return the class of a body that gives its client back once it is closed: httpx takes none but its own."""
    import httpx  # heavy: only when something is to be sent

    class Body(httpx.SyncByteStream):
        def __init__(self, stream: httpx.SyncByteStream, release: Callable[[], None]) -> None:
            self._stream = stream
            self._release: Callable[[], None] | None = release

        def __iter__(self) -> Iterator[bytes]:
            yield from self._stream

        def close(self) -> None:
            release, self._release = self._release, None
            try:
                self._stream.close()
            finally:
                if release is not None:
                    release()

    return Body
