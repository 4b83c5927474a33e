"""What a step may ask of the world. It yields one of these, and the driver, sync or async, sends back the result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from attrs import define

from .http.request import Request
from .http.response import Response

T = TypeVar("T")


@define
class Send:
    """Send the request. Gives a Response: with its body, or, for a stream that was granted, with its open source."""

    request: Request


@define
class Read:
    """The next bytes of an open stream; b"" at its end."""

    source: Any


@define
class Close:
    """Give up an open stream and return its connection."""

    source: Any


@define
class Sleep:
    """Wait."""

    seconds: float


@define
class Run:
    """Run something of your own that does I/O, in the colour at hand: a cache's store, a token fetch.

    `async_fn` defaults to running `sync_fn` in place, which is right only for what never waits long.
    """

    sync_fn: Callable[[], Any]
    async_fn: Callable[[], Awaitable[Any]] | None = None


def in_thread(work: Callable[[], T]) -> Run:
    """A Call of something that waits: in place for sync, in a thread for async."""

    async def in_thread() -> T:
        import anyio.to_thread  # comes with httpx; works on whichever event loop runs

        return await anyio.to_thread.run_sync(work)

    return Run(work, in_thread)


Effect = Send | Read | Close | Sleep | Run
StepGenerator = Generator[Effect, Any, Response]
CallNext = Callable[[Request], StepGenerator]
