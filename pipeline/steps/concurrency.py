"""Limit how many calls run at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from ...schemas.errors import ConfigError, TotalTimeout
from ..around import around
from ..effects import CallNext, StepGenerator, Wait
from ..http.request import Request
from ..http.response import Response
from ..named_states import NamedStates
from ..signal import Signal
from ..step import Step

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
    gates = NamedStates[_Gate]()

    def run(request: Request, call: CallNext) -> StepGenerator:
        gate = gates.of(by(request), lambda: _Gate(limit))
        place = gate.enter()
        try:
            if not place.is_set and not (yield Wait(place, request.seconds_left())):
                raise TotalTimeout(f"the call waited {request.timeouts.total:g} s for its turn among {limit} at once")
            response: Response = yield from call(request)
        except BaseException:
            gate.leave(place)
            raise
        if response.reply is not None:
            gate.leave(place)
            return response
        return response.on_end(lambda reply, error: gate.leave(place))

    return around("concurrency", run)


class _Gate:
    """A number of places, and a queue for them. A place is a signal, which is set once the place is free for it.

    The lock is held for a few instructions, and never while a call waits.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._queue: deque[Signal] = deque()
        self._lock = threading.Lock()

    def enter(self) -> Signal:
        place = Signal()
        with self._lock:
            if self._free:
                self._free -= 1
                place.set()
            else:
                self._queue.append(place)
        return place

    def leave(self, place: Signal) -> None:
        """Pass the place on to the next in the queue; a call that still waits leaves the queue."""
        with self._lock:
            if not place.is_set:
                self._queue.remove(place)
                return
            if not self._queue:
                self._free += 1
                return
            following = self._queue.popleft()
            following.is_set = True  # under the lock: else its call could leave the queue and be called at once
        following.set()
