"""Limit how many calls run at once."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable

from ...schemas.errors import ConfigError, TotalTimeout
from ..effects import CallNext, Run, StepGenerator
from ..http.request import Request
from ..http.response import Response
from ..step import Step, around

By = Callable[[Request], str]


def concurrency(limit: int, *, by: By = lambda request: "") -> Step:
    """Let at most `limit` calls run at once, a stream until its end. The others wait, in their order.

    limit: calls at once.
    by: names what is counted together (default: all calls that share this step; `lambda request:
        request.model.provider` counts each provider by itself). Threads and event loops are counted together.

    Put it outside `retry`, so that a call which waits to be sent again keeps its place. Raises TotalTimeout if the
    total timeout of the call passes while it waits.
    """
    if limit < 1:
        raise ConfigError(f"concurrency({limit}) would let nothing through", hint="concurrency(8)")
    gates: dict[str, _Gate] = {}
    lock = threading.Lock()

    def run(request: Request, call: CallNext) -> StepGenerator:
        with lock:
            gate = gates.setdefault(by(request), _Gate(limit))
        ticket = gate.ask()
        try:
            if not ticket.granted.is_set():
                left = None if (seconds := request.seconds_left()) is None else max(seconds, 0.0)
                yield Run(lambda: ticket.granted.wait(left), lambda: ticket.wait(left))
                if not ticket.granted.is_set():
                    raise TotalTimeout(
                        f"the call waited {request.timeouts.total:g} s for its turn among {limit} at once"
                    )
            response: Response = yield from call(request)
        except BaseException:
            gate.give_back(ticket)
            raise
        if response.reply is not None:
            gate.give_back(ticket)
            return response
        return response.on_end(lambda reply, error: gate.give_back(ticket))

    return around("concurrency", run)


class _Ticket:
    """The place of a call, or its wait for one: a thread waits for the event, an event loop is called by `wake`."""

    def __init__(self) -> None:
        self.granted = threading.Event()
        self.wake: Callable[[], object] | None = None

    async def wait(self, left: float | None) -> None:
        import anyio  # comes with httpx; waits on whichever event loop runs

        arrived = anyio.Event()
        self.wake = _into_this_loop(arrived.set)
        if not self.granted.is_set():  # else it was granted before `wake` was set
            with anyio.move_on_after(left):
                await arrived.wait()


class _Gate:
    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: deque[_Ticket] = deque()
        self._lock = threading.Lock()

    def ask(self) -> _Ticket:
        ticket = _Ticket()
        with self._lock:
            if self._free:
                self._free -= 1
                ticket.granted.set()
            else:
                self._waiting.append(ticket)
        return ticket

    def give_back(self, ticket: _Ticket) -> None:
        """Pass its place to the next call; a ticket that still waits leaves the queue."""
        with self._lock:
            if not ticket.granted.is_set():
                self._waiting.remove(ticket)
                return
            if not self._waiting:
                self._free += 1
                return
            following = self._waiting.popleft()
            following.granted.set()
        if following.wake is not None:
            try:
                following.wake()
            except RuntimeError:  # its event loop has ended
                self.give_back(following)


def _into_this_loop(fn: Callable[[], object]) -> Callable[[], object]:
    """Return a function that may be called from any thread and runs `fn` on the current event loop."""
    trio = sys.modules.get("trio")
    if trio is not None and hasattr(trio.lowlevel, "in_trio_run") and trio.lowlevel.in_trio_run():
        token = trio.lowlevel.current_trio_token()
        return lambda: token.run_sync_soon(fn)
    import asyncio  # only where an event loop runs already

    loop = asyncio.get_running_loop()
    return lambda: loop.call_soon_threadsafe(fn)
