"""The world of a client with a journal: what a flow of a job takes from it is recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from attrs import evolve

from ..world import World


class GivesValues(Protocol):
    """A flow of a job (numbered.py): what it takes from the world is recorded, and given to it again."""

    def value(self, kind: str, fresh: Callable[[], Any]) -> Any: ...

    def now(self) -> float: ...


class _Current(threading.local):
    """The flow of a job whose code runs in this thread at this moment, if any. It changes only while no effect is
    performed, so event loops need no more than threads do."""

    place: GivesValues | None = None


CURRENT = _Current()


def journalled_world(world: World) -> World:
    """Return a world that records what flows of jobs take from it, and gives it to them again."""

    def now() -> float:
        place = CURRENT.place
        return world.now() if place is None else place.now()

    def time() -> float:
        place = CURRENT.place
        return world.time() if place is None else float(place.value("t", world.time))

    def random() -> float:
        place = CURRENT.place
        return world.random() if place is None else float(place.value("r", world.random))

    def new_id() -> str:
        place = CURRENT.place
        return world.new_id() if place is None else str(place.value("i", world.new_id))

    def job() -> Any:
        return CURRENT.place

    return evolve(world, now=now, time=time, random=random, new_id=new_id, job=job, outside=world)
