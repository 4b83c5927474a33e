"""A mock network for the conformance suite: one answer, the requests that came, and whether the body was closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

    import httpx

T = TypeVar("T")


class MockBody:
    """The answer to every request.

    data: the body, which may be set anew between two requests.
    size: bytes of one read (0: all in one).
    status: the HTTP status.
    kind: the content type; None: JSON.
    seen: gets the requests; None: a new list.
    stalls: whether the body never ends. Then `stalled` is set once all of it has been read, and the next read waits.
    """

    def __init__(
        self,
        data: bytes,
        size: int = 0,
        status: int = 200,
        kind: str | None = None,
        seen: list[Any] | None = None,
        *,
        stalls: bool = False,
    ) -> None:
        self.status = status
        self.headers = {"content-type": kind or "application/json"}
        self.seen = seen if seen is not None else []
        self.closed = False
        self.stalled: asyncio.Event | None = None
        self._stalls = stalls
        self.data = data
        self._size = size

    def __iter__(self) -> Iterator[bytes]:
        size = self._size or len(self.data) or 1
        return (self.data[at : at + size] for at in range(0, len(self.data), size))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece
        if self._stalls and self.stalled is not None:
            import asyncio  # heavy, and only this suite needs it

            self.stalled.set()
            await asyncio.Event().wait()

    def close(self) -> None:
        """Note that the body was closed."""
        self.closed = True


def transport_of(body: MockBody) -> httpx.MockTransport:
    """Create an httpx transport, sync and async, that answers with this body."""
    import httpx  # heavy: only when something is to be sent

    class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return iter(body)

        def __aiter__(self) -> AsyncIterator[bytes]:
            return body.__aiter__()

        def close(self) -> None:
            body.close()

        async def aclose(self) -> None:
            body.close()

    def handler(request: httpx.Request) -> httpx.Response:
        body.seen.append(request)
        return httpx.Response(body.status, headers=body.headers, stream=Stream())

    return httpx.MockTransport(handler)


async def cancelled(body: MockBody, work: Coroutine[Any, Any, object]) -> None:
    """Cancel the work while it waits for more of the body.

    Raises AssertionError unless that ends it and releases its connection.
    """
    import asyncio  # heavy, and only this suite needs it

    body.stalled = asyncio.Event()
    task = asyncio.ensure_future(work)
    stalled = asyncio.ensure_future(body.stalled.wait())
    both: set[asyncio.Future[Any]] = {task, stalled}
    await asyncio.wait(both, timeout=_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
    stalled.cancel()
    if not body.stalled.is_set():
        require(task.done(), f"the call did not read the whole answer within {_TIMEOUT:.0f} seconds")
        raise AssertionError(f"the call ended before its answer did: {task.exception()!r}")
    task.cancel()
    await asyncio.wait({task}, timeout=_TIMEOUT)
    require(task.done(), f"the call was cancelled and still runs after {_TIMEOUT:.0f} seconds")
    if not task.cancelled():
        raise AssertionError(f"the call suppressed its cancellation: {task.exception()!r}")
    require(body.closed, "the connection was not released")


_TIMEOUT = 10.0
"""Seconds to wait for a call."""


def require(holds: bool, fault: str) -> None:
    """Raise AssertionError unless it holds. The suite must work under `python -O`, which drops `assert`."""
    if not holds:
        raise AssertionError(fault)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, in a thread of its own so that it also works inside a running event loop."""
    import asyncio  # heavy, and only this suite needs it

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
