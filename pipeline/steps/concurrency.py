"""Limit how many calls run at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from functools import partial

from ...schemas.errors import TotalTimeout
from ...schemas.missing_argument import saying_how_it_is_made
from ...schemas.process_lock import ProcessLock
from ..around import around
from ..effects import CallNext, Flow, Sleep, StepGenerator, Wait
from ..http.request import Request
from ..http.response import Response
from ..signal import Signal
from .limit_states import By, LimitStep, PlacesState, limit_step
from .shared import (
    Asking,
    LimitStore,
    check_by,
    check_number,
    checked_listener,
    checked_store,
    notify,
    waiting_time,
)

_ASK_AGAIN = 0.1
"""Seconds between two questions for a place in a store, about."""


@saying_how_it_is_made
def concurrency(
    limit: int,
    *,
    by: By = lambda request: "",
    name: str = "concurrency",
    store: LimitStore | None = None,
    lease: float = 600.0,
    on_change: Callable[[str, PlacesState], object] | None = None,
) -> LimitStep[PlacesState]:
    """Let at most `limit` calls run at once, a stream until its end. The others wait, in their order.

    limit: calls at once.
    by: names what is counted together (default: all calls that share this step; `lambda request:
        request.model.provider` counts each provider by itself). Threads and event loops are counted together.
    name: the name of the step, and of what is kept in the store; a pipeline may have several of different names.
    store: where processes and machines share the places, such as a RedisStore (default: they are this process's own).
        Calls of different processes wait in no order. While the store fails, the limit holds within the process.
    lease: seconds after which a place in the store that a call has not given back is free again, since its process may
        have been killed.
    on_change: called with the name under which a call is counted, and its state, when a call in this process starts or
        stops waiting.

    `state(name)` and `states()` of the step read how many calls run and wait; `reset(name)` frees the places that a
    store keeps for killed processes.

    Put it outside `retry`, so that a call which waits to be sent again keeps its place. Raises TotalTimeout if the
    total timeout of the call passes while it waits.
    """
    check_number(limit, "the limit of concurrency", whole=True)
    check_number(lease, "lease")
    check_by(by)
    checked_listener(on_change, "concurrency", 2)
    places = _Places(limit, by, name, store, lease, on_change)
    return limit_step(around(name, places.run, limits=True), places.read, places.gates.names, places.forget)


class _Places:
    """The places of a step, for each name under which calls are counted."""

    def __init__(
        self,
        limit: int,
        by: By,
        name: str,
        store: LimitStore | None,
        lease: float,
        on_change: Callable[[str, PlacesState], object] | None,
    ) -> None:
        self.gates = _Gates(limit)
        self._limit = limit
        self._by = by
        self._name = name
        self._shared = Asking(checked_store(store), name)
        self._lease = lease
        self._on_change = on_change

    def run(self, request: Request, call: CallNext) -> StepGenerator:
        counted, shared, limit, process = self._by(request), self._shared, self._limit, os.getpid()
        place, leave = self.gates.enter(counted)
        taken = False  # a place in the store
        group, id = f"{self._name}:{counted}", request.world.new_id() if shared.store is not None else ""

        def leave_store(store: LimitStore) -> None:
            if process == os.getpid():  # a forked child ends the flows of its parent, too
                store.leave_place(group, id)

        def ended(reply: object, error: object) -> None:
            leave()
            if taken:
                shared.tell(request, leave_store, keep=True)

        try:
            if not place.is_set:
                yield from self._wait(request, counted, place)
            if shared.usable(request):
                taken, request = yield from _take_place(shared, request, leave_store, group, id, limit, self._lease)
            response: Response = yield from call(request)
        except BaseException as error:
            leave()
            if taken:
                yield from shared.end(request, leave_store, error, keep=True)
            raise
        if response.reply is not None:
            leave()
            if taken:
                yield from shared.end(request, leave_store, keep=True)
            return response
        return response.on_end(ended)

    def _wait(self, request: Request, counted: str, place: Signal) -> Flow:
        """Wait for a place in this process."""
        request.world.report("wait", step=self._name, model=request.model)
        self._changed(counted)
        if not (yield Wait(place, request.seconds_left())):
            raise _too_late(request, self._limit)
        self._changed(counted)

    def _changed(self, counted: str) -> None:
        if self._on_change is not None:
            notify(self._on_change, counted, self.gates.state(counted))

    def read(self, counted: str) -> PlacesState:
        """See LimitStep.state."""
        state = self.gates.state(counted)
        if self._shared.store is None:
            return state
        found = self._shared.read(f"{self._name}:{counted}")
        return PlacesState(int(found.get("running", 0)), state.waiting)

    def forget(self, counted: str) -> None:
        """See LimitStep.reset."""
        self._shared.forget(f"{self._name}:{counted}")


def _take_place(
    shared: Asking, request: Request, leave: Callable[[LimitStore], None], group: str, id: str, limit: int, lease: float
) -> Flow:
    """Wait for a place in the store. Return whether it was taken there, and the request."""
    waited = False
    while True:
        # A call that is cancelled meanwhile gives the place back.
        wait, request = yield from shared.ask(
            request, lambda store: waiting_time(store.take_place(group, id, limit, lease)), undo=leave
        )
        left = request.seconds_left()
        if wait is None and waited and left is not None and shared.usable(request):
            yield Sleep(left)  # too near its end for another question: the store had no place for it a moment ago
            raise _too_late(request, limit)
        if not wait:
            return wait is not None, request
        if left is not None and left <= 0:
            raise _too_late(request, limit)
        pause = min(wait, _ASK_AGAIN * (0.5 + request.world.random()))
        yield Sleep(pause if left is None else min(pause, left))
        waited = True


def _too_late(request: Request, limit: int) -> TotalTimeout:
    return TotalTimeout(f"the call waited {request.timeouts.total:g} s for its turn among {limit} at once")


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

    def state(self, name: str) -> PlacesState:
        """Return how many calls have a place, and how many wait for one."""
        with self._lock:
            gate = self._gates.get((os.getpid(), name))
            return PlacesState(0, 0) if gate is None else PlacesState(self._limit - gate.free, len(gate.queue))

    def names(self) -> list[str]:
        """Return the names of the gates that are in use."""
        with self._lock:
            return [name for process, name in self._gates if process == os.getpid()]

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
