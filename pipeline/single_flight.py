"""One flow does the work that several want at once, and the others wait for its result: the refresh of a token, say."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from ..schemas.errors import TotalTimeout
from .effects import Flow, Wait
from .http.request import Request
from .signal import Signal

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """`result = yield from flight.run(request, work)`, with the same object for all that want the same result.

    Threads and event loops wait for each other. If the one that works fails or is cancelled, another takes over.
    """

    def __init__(self) -> None:
        # By process: of a flight that another thread had begun before a fork, the child would never see the end.
        self._running: dict[int, _Flight] = {}

    def run(self, request: Request, work: Callable[[], Flow]) -> Generator[Any, Any, T]:
        """Return the result of the flow that `work()` returns, or that of another call's, if it is running.

        Raises TotalTimeout if the total timeout of the request passes while it waits.
        """
        while True:
            mine, process = _Flight(), os.getpid()
            running = self._running.setdefault(process, mine)  # atomic
            if running is mine:
                try:
                    mine.results.append((yield from work()))
                finally:
                    del self._running[process]
                    mine.over.set()
            elif not (yield Wait(running.over, request.seconds_left())):
                raise TotalTimeout(f"the call waited {request.timeouts.total:g} s for the same work of another call")
            if running.results:
                result: T = running.results[0]
                return result


class _Flight:
    """Work that is running. `results` has its result, or nothing if it failed."""

    __slots__ = ("over", "results")

    def __init__(self) -> None:
        self.over = Signal()
        self.results: list[Any] = []
