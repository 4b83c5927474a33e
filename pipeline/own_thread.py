"""A new thread for work that blocks: an event loop's own threads may all be busy with the program's work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

Result = TypeVar("Result")


async def in_own_thread(loop: AbstractEventLoop, work: Callable[[], Result]) -> Result:
    """Return the result of some work done in a new thread, while the event loop goes on."""
    from concurrent.futures import ThreadPoolExecutor  # comes with asyncio

    thread = ThreadPoolExecutor(1)
    try:
        return await loop.run_in_executor(thread, work)
    finally:
        thread.shutdown(wait=False)
