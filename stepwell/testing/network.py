"""A network for the conformance suite: it says one thing, and notes what was asked and whether its connection was
returned."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any


class MockBody:
    """An answer to every request, in reads of `size` bytes (0: one read). One that stalls never ends: `stalled` is set
    once all of it has been read, and the next read waits for ever."""

    def __init__(
        self,
        data: bytes,
        size: int = 0,
        status: int = 200,
        kind: str | None = None,
        seen: Any = None,
        *,
        stalls: bool = False,
    ) -> None:
        self.status = status
        self.headers = {"content-type": kind or "application/json"}
        self.seen = seen if seen is not None else []
        self.closed = False
        self.stalled: Any = None
        self._stalls = stalls
        self._pieces = [data[at : at + size] for at in range(0, len(data), size)] if size else [data]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._stalls:
            import asyncio  # as in run

            self.stalled.set()
            await asyncio.Event().wait()

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def transport_of(body: MockBody) -> Any:
    """An httpx transport, of both colours, that gives this body."""
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

    def handler(request: Any) -> Any:
        body.seen.append(request)
        return httpx.Response(body.status, headers=body.headers, stream=Stream())

    return httpx.MockTransport(handler)


async def cancelled(body: MockBody, work: Any) -> None:
    """Start the work, cancel it while it waits for more of the body, and see that it ends so."""
    import asyncio  # as in run

    body.stalled = asyncio.Event()
    task = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(body.stalled.wait())
    await asyncio.wait({task, waiting}, timeout=_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not body.stalled.is_set():
        require(task.done(), "it hangs")
        raise AssertionError(f"it ended before its answer did: {task.exception()!r}")
    task.cancel()
    await asyncio.wait({task}, timeout=_PATIENCE)
    require(task.done(), "a cancelled task goes on")
    if not task.cancelled():
        raise AssertionError(f"the cancellation was swallowed: {task.exception()!r}")


_PATIENCE = 10.0


def require(holds: bool, fault: str) -> None:
    """Raise AssertionError unless it holds. What `assert` says is not heard under `python -O`, and a suite must be."""
    if not holds:
        raise AssertionError(fault)


def run(coroutine: Any) -> Any:
    """Run a coroutine to its end, in a thread of its own so that it works inside a running event loop, too."""
    import asyncio  # heavy, and for this suite alone

    outcome: list[Any] = []

    def target() -> None:
        try:
            outcome.append((asyncio.run(coroutine), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result
