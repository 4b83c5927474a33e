"""HTTP/2 for threads: each connection of httpcore, which threads may not share, carries one call at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx  # heavy: this module is imported where something is to be sent


class OneCallEach:
    """HTTP clients of which each has one call at a time, with the interface of one.

    httpcore's HTTP/2 connections have no lock around their state (`handle_request` in httpcore/_sync/http2.py): two
    threads get the same number for their streams, and so each other's answers.

    make: makes a client of httpx, or a RawTransport.
    most: how many there may be; further calls wait as long as the request's `pool` timeout says.
    """

    def __init__(self, make: Callable[[], Any], most: int) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(most)
        self._made: list[Any] = []
        self._idle: list[Any] = []
        self._closed = False

    def send(self, request: Any, **settings: Any) -> Any:
        """Send by a client that is free, which the response keeps until it is closed. Raises httpx.PoolTimeout."""
        wait = request.extensions.get("timeout", {}).get("pool")
        if not self._room.acquire(timeout=wait):
            raise httpx.PoolTimeout("no connection became free", request=request)
        client = self._take()
        try:
            response = client.send(request, **settings)
        except BaseException:
            self._give_back(client)
            raise
        response.stream = _Body(response.stream, lambda: self._give_back(client))
        return response

    def close(self) -> None:
        """Close all clients."""
        with self._lock:
            made, self._made, self._idle, self._closed = self._made, [], [], True
        for client in made:
            client.close()

    def _take(self) -> Any:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            client = self._make()
            self._made.append(client)
            return client

    def _give_back(self, client: Any) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(client)
        self._room.release()


class _Body(httpx.SyncByteStream):
    """The body of a response, which gives its client back once it is closed."""

    def __init__(self, stream: Any, release: Callable[[], None]) -> None:
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
