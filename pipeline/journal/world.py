"""The world of a client with a journal: what a flow of a job takes from it is recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from attrs import evolve

from ..world import World
from .records import Record


class TakesValues(Protocol):
    """A flow of a job (counted.py): what it takes from the world is recorded, and given to it again."""

    fresh: Mapping[str, list[Any]]
    clock: float | None
    secret: int
    stopped: bool

    def value(self, kind: str, fresh: Callable[[], Any]) -> Any: ...

    def now(self) -> float: ...

    def taken(self) -> Record: ...


class _Current(threading.local):
    """The flow of a job whose code runs in this thread at this moment, if any. It changes only while no effect is
    performed, so event loops need no more than threads do."""

    flow: TakesValues | None = None


CURRENT = _Current()


def journalled_world(world: World) -> World:
    """Return a world that records what flows of jobs take from it, and gives it to them again."""

    def now() -> float:
        flow = CURRENT.flow
        if flow is None:
            return world.now()
        clock = flow.clock
        # What `flow.now()` would return: steps ask four times in a call, and mostly know the time already.
        return flow.now() if clock is None or flow.secret or flow.stopped else clock

    def time() -> float:
        flow = CURRENT.flow
        return world.time() if flow is None else float(flow.value("t", world.time))

    def random() -> float:
        flow = CURRENT.flow
        return world.random() if flow is None else float(flow.value("r", world.random))

    def new_id() -> str:
        flow = CURRENT.flow
        return world.new_id() if flow is None else str(flow.value("i", world.new_id))

    def job() -> Any:
        return CURRENT.flow

    return evolve(world, now=now, time=time, random=random, new_id=new_id, job=job, outside=world)
