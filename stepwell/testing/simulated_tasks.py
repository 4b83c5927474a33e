"""The flows of a simulation under way: each effect is performed in virtual time, as the real drivers perform it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Never, Protocol

from attrs import define, field

from ..client import BaseClient
from ..pipeline.drivers import STOP_SECONDS, unknown_effect
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
    released,
)
from ..pipeline.http.library_errors import request_host, transport_error
from ..pipeline.http.request import Request
from ..pipeline.http.response import Response
from ..pipeline.http.timeouts import Clock
from ..pipeline.stream.source import MAX_BODY_BYTES, Source
from ..schemas.errors import StepError


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


class Timeline(Protocol):
    """The part of a SimulatedWorld that its tasks need."""

    now: float
    open: int
    chance: random.Random
    network: Network
    trace: list[tuple[float, str, str]]

    def later(self, seconds: float, work: Callable[[], object], task: SimulatedTask | None = None) -> None: ...


class SimulatedTask:
    """A flow under way.

    opened: the streams that its task has open; None outside of tasks.
    """

    def __init__(
        self, world: Timeline, client: BaseClient, flow: Flow, name: str, opened: set[Source] | None = None
    ) -> None:
        self.name = name
        self.over = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.on_end: list[Callable[[], object]] = []
        self.turn = 0
        """The number of the effect that it waits for."""
        self._world = world
        self._client = client
        self._flow = flow
        self._opened = opened
        self._children = 0
        self._call: SimulatedTask | None = None
        self._outcome: Callable[[], Any] = _nothing
        """Returns or raises what the flow gets when its wait is over."""
        self._forget: Callable[[], object] = _nothing
        """Forgets the signal that it waits for."""

    def begin(self) -> None:
        """Go on to the first effect, unless it was cancelled before."""
        if self.turn == 0:
            self._resume()

    def cancel(self) -> None:
        """Raise Cancelled where the flow waits: at its first effect at the earliest, as in a thread."""
        self.begin()
        if self._call is not None:
            self._call.cancel()
        elif not self.over:
            self._outcome = partial(_raise, Cancelled())
            self._resume()

    def raise_interrupt(self) -> None:
        """Raise Ctrl-C, or what ends the process, if the flow has ended with it."""
        if isinstance(self.error, KeyboardInterrupt | SystemExit):
            raise self.error

    def _resume(self) -> None:
        """Give the flow what it waits for, and go on to the next effect."""
        self.turn += 1  # what else might end the wait, such as its timeout, has no effect any more
        self._forget()
        outcome, self._outcome, self._forget = self._outcome, _nothing, _nothing
        try:
            try:
                value = outcome()
            except BaseException as error:
                del outcome
                effect = self._flow.throw(error)
            else:
                del outcome  # it may hold a response that the flow drops
                effect = self._flow.send(value)
                del value
        except StopIteration as stop:
            self._end(stop.value, None)
        except BaseException as raised:
            self._end(None, raised)
        else:
            self._world.trace.append((round(self._world.now, 6), self.name, type(effect).__name__))
            try:
                self._perform(effect)
            except Exception as raised:
                self._after(0.0, partial(_raise, raised))

    def _end(self, result: Any, error: BaseException | None) -> None:
        self.over, self.result, self.error = True, result, error
        on_end, self.on_end = self.on_end, []
        for each in on_end:
            each()

    def _after(self, seconds: float, outcome: Callable[[], Any]) -> None:
        """Go on after that many seconds with what `outcome` returns or raises then."""
        self._outcome = outcome
        self._world.later(seconds, self._resume, self)

    def _perform(self, effect: Any) -> None:
        perform = _PERFORM.get(type(effect))
        if perform is None:
            raise unknown_effect(effect)
        perform(self, effect)

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
            return self._in_time(clock, seconds, lambda: _raise(transport_error(error, clock, request_host(request))))
        response = Response(request, answer.status, answer.headers, answer.body)
        if request.stream and answer.status < 300:
            pieces = iter(answer.pieces or [(0.0, answer.body)])
            source = Source(_Connection(world, request_host(request)), pieces, clock, limit=MAX_BODY_BYTES)
            response.body, response.source = b"", source
            response.abandon = partial(_release, world, self._client, self.name)
            if self._opened is not None:
                self._opened.add(source)
        self._in_time(clock, answer.after, lambda: response)

    def _in_time(self, clock: Clock, seconds: float, outcome: Callable[[], Any]) -> None:
        """Go on with the outcome after that many seconds, or with an error when time is up."""
        allowed = clock.allowance()
        if allowed is not None and seconds > allowed:
            self._after(allowed, lambda: _raise(clock.error()))
        else:
            self._after(seconds, outcome)

    def _read(self, effect: Read) -> None:
        source = effect.source
        seconds, data = 0.0, b""
        for more, data in source.iterator:
            seconds += more
            if data:  # else nothing has come yet
                break

        def outcome() -> bytes:
            if isinstance(data, Exception):
                raise transport_error(data, source.clock, source.raw.host)
            taken: bytes = source.take(data)
            return taken

        self._in_time(source.clock, seconds, outcome)

    def _runs(self, effect: Run) -> None:
        result = effect.sync_fn()
        self._after(0.0, lambda: result)

    def _closes(self, effect: Close) -> None:
        self._close(effect.source)
        self._after(0.0, _nothing)

    def _close(self, source: Source) -> None:
        if self._opened is not None:
            self._opened.discard(source)
        if not source.closed:
            source.closed = True
            source.raw.close()

    def _waits(self, effect: Wait) -> None:
        signal, turn = effect.signal, self.turn

        def wake() -> None:
            if self.turn == turn:
                self._world.later(0.0, self._resume, self)

        self._outcome = lambda: signal.is_set
        self._forget = partial(signal.forget, wake)
        signal.on_set(wake)
        if effect.timeout is not None:
            self._world.later(effect.timeout, self._resume, self)

    def _starts(self, effect: StartTask) -> None:
        self._children += 1
        task, opened = effect.task, set[Source]()
        child = SimulatedTask(self._world, self._client, effect.flow, f"{self.name}.{self._children}", opened)

        def ended() -> None:
            if task.error is not None or task.abandoned:
                for source in tuple(opened):
                    child._close(source)
            elif self._opened is not None:
                self._opened.update(opened)

        child.on_end.append(ended)
        task.cancel, task.join = child.cancel, child
        self._world.later(0.0, child.begin)
        self._after(0.0, _nothing)

    def _stops(self, effect: StopTasks) -> None:
        running = [task.join for task in effect.tasks if task.join is not None and not task.join.over]
        turn = self.turn

        def ended() -> None:
            if self.turn == turn and all(each.over for each in running):
                self._world.later(0.0, self._resume, self)

        for each in running:
            each.on_end.append(ended)
        for task in effect.tasks:
            if task.running and task.cancel is not None:
                task.cancel()
        self._world.later(STOP_SECONDS, self._resume, self)
        ended()

    def _calls(self, effect: CallModel) -> None:
        flow = self._client.planner.flow_of(effect)
        child = self._call = SimulatedTask(self._world, self._client, flow, f"{self.name}.call", self._opened)

        def ended() -> None:
            self._call = None  # it holds the result, which is dropped once the flow drops it
            result, error = child.result, child.error
            self._after(0.0, partial(_raise, error) if error is not None else lambda: result)

        child.on_end.append(ended)
        child.begin()


def _nothing() -> None:
    """Return None, as the outcome of an effect without a result."""


def _raise(error: BaseException) -> Never:
    raise error


class _Connection:
    """The HTTP library's response, for a Source: it has no network, and counts as open until it is closed."""

    extensions: dict[str, Any] = {}

    def __init__(self, world: Timeline, host: str) -> None:
        self.host = host
        self._world = world
        world.open += 1

    def close(self) -> None:
        self._world.open -= 1


def _release(world: Timeline, client: BaseClient, name: str, source: Any, flow: Flow | None) -> None:
    """Close what a response held that was dropped unread."""
    world.later(0.0, SimulatedTask(world, client, released(source, flow), f"{name}.drop").begin)


_PERFORM: dict[type, Callable[[SimulatedTask, Any], object]] = {
    Send: SimulatedTask._send,
    Read: SimulatedTask._read,
    Close: SimulatedTask._closes,
    Sleep: lambda task, effect: task._after(effect.seconds, _nothing),
    Run: SimulatedTask._runs,
    Wait: SimulatedTask._waits,
    Emit: lambda task, effect: task._after(0.0, _nothing),
    CallModel: SimulatedTask._calls,
    StartTask: SimulatedTask._starts,
    StopTasks: SimulatedTask._stops,
}
