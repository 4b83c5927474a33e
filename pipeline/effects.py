"""The effects: a step yields one of these, and the driver, sync or async, sends back the result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from attrs import define

from .http.request import Request
from .http.response import Response

T = TypeVar("T")


@define
class Send:
    """Send the request. The result is a Response: with its body, or with the open source of a stream."""

    request: Request


@define
class Read:
    """Read the next bytes of an open stream. The result is b"" at its end."""

    source: Any


@define
class Close:
    """Close an open stream and return its connection."""

    source: Any


@define
class Sleep:
    """Wait that many seconds."""

    seconds: float


@define
class Run:
    """Run a function that does I/O, such as a look-up in a cache or the fetch of a token.

    sync_fn: called by a sync client.
    async_fn: awaited by an async client (default: `sync_fn`, which then blocks the event loop; see `in_thread`).
    """

    sync_fn: Callable[[], Any]
    async_fn: Callable[[], Awaitable[Any]] | None = None


def in_thread(work: Callable[[], T]) -> Run:
    """Make a Run of a function that blocks: called in place by a sync client, in a thread by an async one."""

    async def in_thread() -> T:
        import anyio.to_thread  # comes with httpx; works on whichever event loop runs

        return await anyio.to_thread.run_sync(work)

    return Run(work, in_thread)


Effect = Send | Read | Close | Sleep | Run
StepGenerator = Generator[Effect, Any, Response]
CallNext = Callable[[Request], StepGenerator]
