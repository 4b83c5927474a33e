"""Call a user's function from a client of the other kind.

A function that blocks is called in a thread by async code; an async one is run by synchronous code on an event loop of
its own, in a thread, for the length of the call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .pipeline.effects import Run
from .pipeline.http.timeouts import Clock
from .schemas.functions import is_async, read_whole


def run_function(function: Callable[..., Any], clock: Clock, *arguments: Any, **options: Any) -> Run:
    """Make a Run of a function, sync or async, that either client can carry out.

    function: called with the arguments and options.
    clock: ends it when the call's time is over. A synchronous client cannot interrupt a function.
    """

    def start() -> Any:
        return function(*arguments, **options)

    if is_async(function) or is_async(type(function).__call__):
        return Run(lambda: on_own_loop(start), lambda: in_time(clock, start))
    return Run(lambda: read_whole(start()), lambda: in_time(clock, lambda: run_in_thread(lambda: read_whole(start()))))


def on_own_loop(start: Callable[[], Awaitable[Any]]) -> Any:
    """Run an async function to its end, in synchronous code."""
    from anyio.from_thread import start_blocking_portal  # an event loop, only where one is needed

    with start_blocking_portal() as portal:
        return portal.call(start)


async def in_time(clock: Clock, start: Callable[[], Awaitable[Any]]) -> Any:
    """Return the result of what `start` begins. Raises TimeoutError when the clock's time is over."""
    import anyio  # comes with httpx; runs on whichever event loop there is

    with anyio.fail_after(clock.allowance()):
        return await start()


async def run_in_thread(fn: Callable[[], Any]) -> Any:
    """Run a function that may block in a thread, and return its result. A late one is left to finish by itself."""
    import anyio.to_thread

    return await anyio.to_thread.run_sync(fn, abandon_on_cancel=True)
