"""Limit how many calls run at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from functools import partial

from ...schemas.errors import ConfigError, TotalTimeout
from ...schemas.process_lock import ProcessLock
from ..around import around
from ..effects import CallNext, StepGenerator, Wait
from ..http.request import Request
from ..http.response import Response
from ..signal import Signal
from ..step import Step

By = Callable[[Request], str]


def concurrency(limit: int, *, by: By = lambda request: "", name: str = "concurrency") -> Step:
    """Let at most `limit` calls run at once, a stream until its end. The others wait, in their order.

    limit: calls at once.
    by: names what is counted together (default: all calls that share this step; `lambda request:
        request.model.provider` counts each provider by itself). Threads and event loops are counted together.
    name: the name of the step; a pipeline may have several of different names.

    Put it outside `retry`, so that a call which waits to be sent again keeps its place. Raises TotalTimeout if the
    total timeout of the call passes while it waits.
    """
    if limit < 1:
        raise ConfigError(f"concurrency({limit}) would let nothing through", hint="concurrency(8)")
    gates = _Gates(limit)

    def run(request: Request, call: CallNext) -> StepGenerator:
        place, leave = gates.enter(by(request))
        try:
            if not place.is_set and not (yield Wait(place, request.seconds_left())):
                raise TotalTimeout(f"the call waited {request.timeouts.total:g} s for its turn among {limit} at once")
            response: Response = yield from call(request)
        except BaseException:
            leave()
            raise
        if response.reply is not None:
            leave()
            return response
        return response.on_end(lambda reply, error: leave())

    return around(name, run)


class _Gate:
    """A number of places, and a queue for them. A place is a signal, which is set once the place is free for it."""

    def __init__(self, limit: int) -> None:
        self.free = limit
        self.queue: deque[Signal] = deque()


class _Gates:
    """A gate for each name under which calls run. The lock is never held while a call waits."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # By process: of a place that another thread held before a fork, the child would never see the end.
        self._gates: dict[tuple[int, str], _Gate] = {}
        self._lock = ProcessLock()

    def enter(self, name: str) -> tuple[Signal, Callable[[], None]]:
        """Return a place, and the function that leaves it, also before it was free."""
        key, place = (os.getpid(), name), Signal()
        with self._lock:
            gate = self._gates.setdefault(key, _Gate(self._limit))
            if gate.free:
                gate.free -= 1
                place.set()
            else:
                gate.queue.append(place)
        return place, partial(self._leave, key, gate, place)

    def _leave(self, key: tuple[int, str], gate: _Gate, place: Signal) -> None:
        """Pass the place on to the next in the queue. A gate that nobody uses is forgotten: names may be many."""
        with self._lock:
            if not place.is_set:
                gate.queue.remove(place)
                return
            if not gate.queue:
                gate.free += 1
                if gate.free == self._limit:
                    del self._gates[key]
                return
            following = gate.queue.popleft()
            following.is_set = True  # under the lock: else its call could leave the queue and be called at once
        following.set()
