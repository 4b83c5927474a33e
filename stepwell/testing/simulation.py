"""A world in virtual time: many calls interleaved in one thread, in the same way each time for the same seed."""

from __future__ import annotations

import gc
import heapq
import random
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from attrs import define, field

from ..client import BaseClient
from ..pipeline.effects import (
    CallModel,
    Cancelled,
    Close,
    Emit,
    Flow,
    Read,
    Run,
    Send,
    Sleep,
    StartTask,
    StopTasks,
    Wait,
    checked_flow,
    released,
)
from ..pipeline.http.request import Request
from ..pipeline.http.response import Response
from ..pipeline.http.timeouts import Clock
from ..pipeline.stream.source import MAX_BODY_BYTES, Source
from ..pipeline.world import World
from ..schemas.errors import StepError

START_TIME = 1_800_000_000.0
"""What `world.time()` says at the beginning, in seconds since 1970."""


@define
class ServerAnswer:
    """What a simulated server answers.

    status, headers, body: those of an unstreamed answer, or of the error to a streamed call.
    after: seconds until it comes.
    pieces: the body of a stream, each piece with the seconds after which it comes. An exception in the place of the
        bytes breaks the connection.
    """

    status: int = 200
    headers: dict[str, str] = field(factory=dict)
    body: bytes = b""
    after: float = 0.0
    pieces: Sequence[tuple[float, bytes | Exception]] = ()


Network = Callable[[Request, random.Random], ServerAnswer | tuple[float, Exception]]
"""`network(request, chance)` returns the answer, or the error and the seconds until it comes."""


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
        self._due: list[tuple[float, float, int, Callable[[], object]]] = []
        self._count = 0

    def client(self, **settings: Any) -> BaseClient:
        """Make a client whose calls take time and chance from here. It is for flows: `client.planner`, CallModel."""
        client = BaseClient(**settings)
        client.planner.world = self.world
        return client

    def run(self, client: BaseClient, flows: Iterable[Flow]) -> list[Any]:
        """Run flows at once until all have ended; return their results and errors, in order.

        Raises StepError if some still wait and there is no event left that could wake them.
        """
        checked = [checked_flow(flow, "run") for flow in flows]
        tasks = [_Running(self, client, flow, str(place)) for place, flow in enumerate(checked)]
        for task in tasks:
            self.later(0.0, task.resume)
        automatic = gc.isenabled()
        gc.disable()  # when it runs differs from run to run, and it ends streams that were dropped
        try:
            while self._due or (self.open and gc.collect() and self._due):
                self.now, _, _, work = heapq.heappop(self._due)
                work()
                del work  # it may hold a stream that is to be dropped
        finally:
            if automatic:
                gc.enable()
        stuck = [task.name for task in tasks if not task.over]
        if stuck:
            raise StepError(f"no event is left, but these flows still wait: {', '.join(stuck)}")
        return [task.result if task.error is None else task.error for task in tasks]

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Do `work` after that many seconds."""
        self._count += 1
        heapq.heappush(self._due, (self.now + max(seconds, 0.0), self.chance.random(), self._count, work))


class _Running:
    """A flow under way."""

    def __init__(self, world: SimulatedWorld, client: BaseClient, flow: Flow, name: str) -> None:
        self.name = name
        self.over = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.on_end: Callable[[], object] | None = None
        self._world = world
        self._client = client
        self._flow = flow
        self._turn = 0
        self._children = 0
        self._call: _Running | None = None

    def resume(self, value: Any = None, error: BaseException | None = None) -> None:
        """Go on to the next effect."""
        if self.over:
            return
        self._turn += 1  # a wake for an earlier wait, such as a timeout after the signal, has no effect
        try:
            effect = self._flow.throw(error) if error is not None else self._flow.send(value)
        except StopIteration as stop:
            self._end(stop.value, None)
        except BaseException as raised:
            self._end(None, raised)
        else:
            self._world.trace.append((round(self._world.now, 6), self.name, type(effect).__name__))
            try:
                self._perform(effect)
            except Exception as raised:
                self._after(0.0, None, raised)

    def cancel(self) -> None:
        """Raise Cancelled where the flow waits."""
        if self._call is not None:
            self._call.cancel()
        elif not self.over:
            self.resume(error=Cancelled())

    def _end(self, result: Any, error: BaseException | None) -> None:
        self.over, self.result, self.error = True, result, error
        on_end, self.on_end = self.on_end, None
        if on_end is not None:
            on_end()

    def _after(self, seconds: float, value: Any = None, error: BaseException | None = None) -> None:
        turn = self._turn
        self._world.later(seconds, lambda: self.resume(value, error) if turn == self._turn else None)

    def _perform(self, effect: Any) -> None:
        kind = type(effect)
        if kind in _PERFORM:
            _PERFORM[kind](self, effect)
        else:
            raise StepError(f"a flow yielded {kind.__name__}", hint="yield an effect of stepwell.steps")

    def _send(self, effect: Send) -> None:
        world, request = self._world, effect.request
        answer = world.network(request, world.chance)
        clock = Clock(request.timeouts, request.started, request.world.now)
        body = getattr(answer, "body", b"")
        if not isinstance(answer, ServerAnswer | tuple) or not isinstance(body, bytes):
            given = answer if isinstance(body, bytes) else body
            raise StepError(
                f"the network answered with a {type(given).__name__}",
                hint="return ServerAnswer(200, headers, b'...'), or (seconds, exception)",
            )
        if isinstance(answer, tuple):
            seconds, error = answer
            return self._in_time(clock, seconds, error)
        response = Response(request, answer.status, answer.headers, answer.body)
        if request.stream and answer.status < 300:
            pieces = iter(answer.pieces or [(0.0, answer.body)])
            response.body, response.source = b"", Source(_Connection(world), pieces, clock, limit=MAX_BODY_BYTES)
            response.abandon = partial(_release, world, self._client, self.name)
        self._in_time(clock, answer.after, response)

    def _in_time(self, clock: Clock, seconds: float, outcome: object) -> None:
        """Go on with the outcome, a value or an error, after that many seconds, or with an error when time is up."""
        allowed, turn = clock.allowance(), self._turn
        if allowed is not None and seconds > allowed:
            self._world.later(allowed, lambda: self.resume(error=clock.error()) if turn == self._turn else None)
        elif isinstance(outcome, Exception):
            self._after(seconds, None, outcome)
        else:
            self._after(seconds, outcome)

    def _read(self, effect: Read) -> None:
        source = effect.source
        seconds, data = next(source.iterator, (0.0, b""))
        self._in_time(source.clock, seconds, data if isinstance(data, Exception) else source.take(data))

    def _closes(self, effect: Close) -> None:
        _close(effect.source)
        self._after(0.0)

    def _waits(self, effect: Wait) -> None:
        signal, turn = effect.signal, self._turn

        def wake() -> None:
            if turn == self._turn:
                self.resume(signal.is_set)

        signal.on_set(lambda: self._world.later(0.0, wake))
        if effect.timeout is not None:
            self._world.later(effect.timeout, wake)

    def _starts(self, effect: StartTask) -> None:
        self._children += 1
        child = _Running(self._world, self._client, effect.flow, f"{self.name}.{self._children}")
        effect.task.cancel, effect.task.join = child.cancel, child
        self._world.later(0.0, child.resume)
        self._after(0.0)

    def _stops(self, effect: StopTasks) -> None:
        running = [task for task in effect.tasks if task.join is not None and not task.join.over]
        turn = self._turn

        def ended() -> None:
            if all(task.join.over for task in running) and turn == self._turn:
                self._world.later(0.0, lambda: self.resume() if turn == self._turn else None)

        for task in running:
            task.join.on_end = ended
        for task in running:
            task.join.cancel()
        ended()

    def _calls(self, effect: CallModel) -> None:
        child = _Running(self._world, self._client, self._client.planner.flow_of(effect), f"{self.name}.call")

        def ended() -> None:
            self._call = None  # it holds the result, which is dropped once the flow drops it
            self._after(0.0, child.result, child.error)

        child.on_end, self._call = ended, child
        child.resume()


class _Connection:
    """The HTTP library's response, for a Source: it has no network, and counts as open until it is closed."""

    extensions: dict[str, Any] = {}

    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world
        world.open += 1

    def close(self) -> None:
        self._world.open -= 1


def _release(world: SimulatedWorld, client: BaseClient, name: str, source: Any, flow: Flow | None) -> None:
    """Close what a response held that was dropped unread."""
    world.later(0.0, _Running(world, client, released(source, flow), f"{name}.drop").resume)


def _close(source: Any) -> None:
    if not source.closed:
        source.closed = True
        source.raw.close()


_PERFORM: dict[type, Callable[[_Running, Any], object]] = {
    Send: _Running._send,
    Read: _Running._read,
    Close: _Running._closes,
    Sleep: lambda task, effect: task._after(effect.seconds),
    Run: lambda task, effect: task._after(0.0, effect.sync_fn()),
    Wait: _Running._waits,
    Emit: lambda task, effect: task._after(0.0),
    CallModel: _Running._calls,
    StartTask: _Running._starts,
    StopTasks: _Running._stops,
}
