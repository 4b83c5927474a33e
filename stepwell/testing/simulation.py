"""A world in virtual time: many calls interleaved in one thread, in the same way each time for the same seed."""

from __future__ import annotations

import gc
import heapq
import random
from collections.abc import Callable, Iterable
from math import inf
from typing import Any, Never

from ..client import BaseClient
from ..connections import Connections
from ..pipeline.effects import Flow, checked_flow
from ..pipeline.journal.world import journalled_world
from ..pipeline.world import World
from ..schemas.errors import StepError
from .simulated_tasks import Network, SimulatedTask

START_TIME = 1_800_000_000.0
"""What `world.time()` says at the beginning, in seconds since 1970."""


class SimulatedWorld:
    """Runs flows in virtual time:

        world = SimulatedWorld(seed=7, network=answer)
        client = world.client(api_keys={"groq": "k"}, pipeline=[stepwell.steps.concurrency(4)])
        replies = world.run(client, [ask(text) for text in texts])

    where `def ask(text): return (yield CallModel(MODEL, text))`.

    Nothing waits, and nothing is sent: `network` says what comes back, and when. What falls on one moment happens in an
    order that the seed decides, so that a few hundred seeds show what depends on the order. The same seed gives the
    same run.

    seed: decides all chance.
    network: answers each request; it gets the request as it would be sent and a random.Random.
    """

    def __init__(self, seed: int, network: Network) -> None:
        self.chance = random.Random(seed)
        self.network = network
        self.now = 0.0
        """Seconds since the beginning."""
        self.trace: list[tuple[float, str, str]] = []
        """Each effect: when, in which task, and its name."""
        self.open = 0
        """How many streams are open."""
        self.world = World(
            now=lambda: self.now + 1.0,  # 0.0 would mean to a Request that it has not started
            time=lambda: START_TIME + self.now,
            random=self.chance.random,
            new_id=lambda: f"{self.chance.getrandbits(128):032x}",
            environ={},
            report=lambda name, **facts: None,
            soon=lambda work: self.later(0.0, work),
        )
        self._due: list[tuple[float, float, int, Callable[[], object], SimulatedTask | None, int]] = []
        """What happens when: the time, chance and a number for its order, the work, and the wait that it ends, if any:
        that of a task, by the number of its turn."""
        self._count = 0

    def client(self, **settings: Any) -> BaseClient:
        """Make a client whose calls take time and chance from here. It is for flows: `client.planner`, CallModel.

        With `journal=`, its jobs are recorded as those of any client, with the times of this world.
        """
        client = _SimulatedClient(**settings)
        client.planner.world = self.world
        if client.journal is not None:
            client.journal.world, client.planner.world = self.world, journalled_world(self.world)
        return client

    def run(self, client: BaseClient, flows: Iterable[Flow]) -> list[Any]:
        """Run flows at once until all have ended; return their results and errors, in order.

        Raises StepError if some still wait and there is no event left that could wake them, and KeyboardInterrupt or
        SystemExit where a flow ends with that.
        """
        checked = [checked_flow(flow, "run") for flow in flows]
        tasks = [SimulatedTask(self, client, flow, str(place)) for place, flow in enumerate(checked)]
        for task in tasks:
            task.on_end.append(task.raise_interrupt)
            self.later(0.0, task.begin)
        automatic = gc.isenabled()
        gc.disable()  # when it runs differs from run to run, and it ends streams that were dropped
        try:
            while self._due or (self.open and gc.collect() and self._due):
                when, _, _, work, waiting, turn = heapq.heappop(self._due)
                if waiting is None or waiting.turn == turn:  # else the wait is over that this would end: no time passes
                    self.now = when
                    work()
                del work, waiting  # they may hold a stream that is to be dropped
        finally:
            self._due.clear()  # what an error has left
            if automatic:
                gc.enable()
        stuck = [task.name for task in tasks if not task.over]
        if stuck:
            raise StepError(f"no event is left, but these flows still wait: {', '.join(stuck)}")
        return [task.result if task.error is None else task.error for task in tasks]

    def later(self, seconds: float, work: Callable[[], object], task: SimulatedTask | None = None) -> None:
        """Do `work` after that many seconds. With `task`, do so only if that still waits for the same effect."""
        self._count += 1
        turn, order = 0 if task is None else task.turn, self.chance.random()
        if seconds < inf:
            heapq.heappush(self._due, (self.now + max(seconds, 0.0), order, self._count, work, task, turn))


class _SimulatedClient(BaseClient):
    """A client that reaches no network."""

    def _init_connections(self, *settings: Any) -> None:
        self.connections = _NoConnections(*settings)


class _NoConnections(Connections):
    def open(self) -> Never:
        """Raise StepError: a call would be a real one."""
        raise StepError("the client of a simulation sends nothing", hint="run flows by world.run(client, flows)")
