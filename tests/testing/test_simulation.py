"""A simulation does with flows what the real drivers do, in virtual time."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import evolve

import stepwell
from stepwell import RateLimit, fallback
from stepwell.errors import StepError, StreamTruncated
from stepwell.pipeline.world import World
from stepwell.steps import (
    CallModel,
    Emit,
    Flow,
    Run,
    Signal,
    Sleep,
    StartTask,
    StopTasks,
    Wait,
    circuit_breaker,
    concurrency,
    continue_stream,
    gather,
    performing,
    race,
    redact,
    round_robin,
)
from stepwell.testing import FakeModel, ServerAnswer, SimulatedWorld

BODY = b'{"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}'
EVENTS = [
    b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n',
    b'data: {"choices": [{"delta": {"content": "b"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n',
]


def answer(request: Any, chance: Any) -> ServerAnswer:
    """Answer after two seconds; a stream has a piece each second, and nothing in the second one."""
    if request.stream:
        return ServerAnswer(pieces=[(1, EVENTS[0]), (1, b""), (1, EVENTS[1])])
    return ServerAnswer(200, {"content-type": "application/json"}, BODY, after=2)


def simulated(*flows: Flow, world: SimulatedWorld | None = None, **settings: Any) -> list[Any]:
    world = world or SimulatedWorld(1, answer)
    return world.run(world.client(api_keys={"groq": "k"}, **settings), flows)


def run_sync(make: Callable[[], Flow]) -> Any:
    with stepwell.Client(registry=FakeModel("a", repeat=True).registry) as client:
        return client.run_workflow(make())


def run_async(make: Callable[[], Flow]) -> Any:
    async def main() -> Any:
        async with stepwell.AsyncClient(registry=FakeModel("a", repeat=True).registry) as client:
            return await client.run_workflow(make())

    return asyncio.run(main())


def run_simulated(make: Callable[[], Flow]) -> Any:
    (result,) = simulated(make())
    if isinstance(result, BaseException):
        raise result
    return result


RUNS = {"sync": run_sync, "async": run_async, "simulated": run_simulated}


def ask() -> Flow:
    return (yield CallModel("groq:any", "hi"))


def read() -> Flow:
    reader, said = (yield CallModel("groq:any", "hi", stream=True)), ""
    while (chunks := (yield from reader.next())) is not None:
        said += "".join(chunk.text for chunk in chunks if chunk.type == "text")
    return said


def test_no_time_passes_for_a_wait_that_is_over() -> None:
    world = SimulatedWorld(1, answer)
    simulated(race([ask(), performing(Sleep(30))]), performing(Wait(Signal(), 1)), world=world, timeout=100)
    assert world.now == 2
    never = Signal()
    simulated(race([ask(), performing(Wait(never, float("inf"))), performing(Sleep(float("inf")))]), world=world)
    assert world.now == 4
    with pytest.raises(StepError, match="these flows still wait: 0"):
        simulated(performing(Sleep(float("inf"))), world=world)
    assert simulated(ask(), world=world)[0].text == "hello" and world.now == 6


def test_a_piece_of_nothing_is_a_wait_and_no_end() -> None:
    world = SimulatedWorld(1, answer)
    assert simulated(read(), world=world) == ["ab"] and world.now == 3 and world.open == 0
    (error,) = simulated(read(), timeout=stepwell.Timeouts(idle=1.5))
    assert type(error).__name__ == "StreamIdleTimeout"


def test_a_stream_that_is_late_has_its_partial_answer() -> None:
    cut = SimulatedWorld(1, lambda *_: ServerAnswer(pieces=[(1, EVENTS[0]), (1, StreamTruncated("cut"))]))
    (error,) = simulated(read(), world=cut)
    assert isinstance(error, StreamTruncated) and error.partial is not None and error.partial.text == "a"


def test_streams_that_a_failed_task_has_left_open_are_closed() -> None:
    kept = []

    def leaves() -> Flow:
        kept.append((yield CallModel("groq:any", "hi", stream=True)))
        raise ValueError

    world = SimulatedWorld(1, answer)
    simulated(gather([leaves(), leaves()]), world=world)
    assert len(kept) == 2 and world.open == 0


def test_a_task_that_takes_long_to_clean_up_is_not_waited_for() -> None:
    world, seen = SimulatedWorld(1, answer), []

    def stubborn() -> Flow:
        try:
            yield Sleep(100)
        finally:
            yield Sleep(1000)
            seen.append("cleaned up")

    def outer() -> Flow:
        yield from race([stubborn(), performing(Sleep(1))])
        seen.append("the race is over")

    simulated(outer(), world=world)
    assert seen == ["the race is over", "cleaned up"] and world.now == 1001


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_a_task_has_begun_before_it_is_stopped(run: Callable[[Callable[[], Flow]], Any]) -> None:
    from stepwell.pipeline.signal import News, Task
    from stepwell.pipeline.tasks import follow

    seen = []

    def begins() -> Flow:
        seen.append("begun")
        try:
            yield Sleep(60)
        finally:
            seen.append("stopped")

    def outer() -> Flow:
        task = Task(News())
        yield StartTask(follow(task, begins()), task)
        yield StopTasks([task])
        return task.ended.is_set

    assert run(outer) and seen == ["begun", "stopped"]


async def coroutine() -> None:
    """Do nothing."""


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize(("make", "says"), [(coroutine, "Run"), (ask, "yield from"), (int, "yielded int; yield Send")])
def test_what_is_no_effect_is_the_same_error(run: Callable[[Any], Any], make: Callable[[], Any], says: str) -> None:
    def flow() -> Flow:
        yield make()

    with pytest.raises(StepError, match=says):
        run(flow)


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_ctrl_c_in_a_flow_ends_the_run(run: Callable[[Any], Any]) -> None:
    seen = []

    def pressed() -> Flow:
        yield Sleep(0.01)
        signal.raise_signal(signal.SIGINT)

    def other() -> Flow:
        try:
            yield from gather([pressed(), performing(Sleep(60))])
        finally:
            seen.append("left")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell takes from what it runs with &
    try:
        with pytest.raises(KeyboardInterrupt):
            run(other)
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == ["left"]


def test_a_client_of_a_simulation_sends_nothing_by_itself() -> None:
    client = SimulatedWorld(1, answer).client(api_keys={"groq": "k"})
    with pytest.raises(StepError, match=r"sends nothing; run flows by world\.run"):
        client.run_workflow(ask())
    with pytest.raises(StepError, match="sends nothing"):
        client.make_call("chat", "groq:any", "hi", {})


def test_a_job_in_a_simulation_gets_again_what_it_had(tmp_path: Path) -> None:
    asked = []

    def network(request: Any, chance: Any) -> ServerAnswer:
        asked.append(request)
        return ServerAnswer(503, {}, b"{}") if len(asked) < 3 else answer(request, chance)

    def flow(client: stepwell.client.BaseClient) -> Flow:
        world = client.planner.world
        began = world.random(), world.new_id(), world.time()
        reply = yield CallModel("groq:any", "hi")
        return began, reply.text, world.random(), (yield Run(lambda: len(asked)))

    results = []
    for seed in (1, 2):
        world = SimulatedWorld(seed, network)
        with world.client(api_keys={"groq": "k"}, journal=tmp_path / "work.sqlite") as client:
            results += world.run(client, [client.in_job(flow(client), "job")])
    assert results[0] == results[1] and results[0][1] == "hello" and len(asked) == 3
    (job,) = stepwell.jobs(tmp_path / "work.sqlite")
    assert job.began == 1_800_000_000.0 and job.ended is not None and job.began < job.ended < job.began + 60


CROWD = """
import sys
sys.path.insert(0, "tests/support")
from crowd import Crowd
world = Crowd(3, 12).world
print(world.now, len(world.trace), world.trace[-1])
"""


@pytest.mark.usefixtures("new_process")
def test_the_same_seed_gives_the_same_run_in_another_process() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", CROWD],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_what_flows_emit_is_dropped() -> None:
    assert simulated(performing(Emit(1))) == [None]


@pytest.mark.parametrize(
    ("broken", "at_once", "later"),
    [
        (httpx.ConnectError("no route"), "ConnectError", "ConnectError"),
        (httpx.RemoteProtocolError("cut"), "StreamTruncated", "StreamTruncated"),
        (ConnectionResetError(104, "reset"), "StreamTruncated", "StreamTruncated"),
        (TimeoutError(), "FirstEventTimeout", "StreamIdleTimeout"),
        (KeyError("a mistake"), "KeyError", "KeyError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_breaks_a_connection_is_typed_as_that_of_a_network(broken: Exception, at_once: str, later: str) -> None:
    def network(request: Any, chance: Any) -> Any:
        return ServerAnswer(pieces=[(1, EVENTS[0]), (1, broken)]) if request.stream else (1, broken)

    world = SimulatedWorld(1, network)
    unanswered, cut = simulated(ask(), read(), world=world, retries=0)
    assert (type(unanswered).__name__, type(cut).__name__) == (at_once, later) and world.open == 0


STEPS = {
    "continue_stream": lambda: continue_stream(anew=True),
    "fallback": lambda: fallback("openai:gpt-4.1-mini"),
    "round_robin": lambda: round_robin("groq:any", "openai:gpt-4.1-mini"),
    "redact": lambda: redact("email"),
    "breaker": lambda: circuit_breaker(failures=2),
    "limits": lambda: [RateLimit(requests=100), concurrency(1)],
}


class Odd:
    """A server that answers in the same order each time: well, with an error, cut, or not at all."""

    def __init__(self, seed: int) -> None:
        self._seed, self._count = seed, 0

    def next(self, body: Any) -> tuple[int, list[bytes | Exception]]:
        self._count += 1
        luck = random.Random(f"{self._seed} {self._count}").random()
        if luck < 0.1:
            raise httpx.ConnectError("no route")
        if luck < 0.3:
            return (
                (503, [b'{"error": {"message": "busy"}}']) if luck < 0.2 else (400, [b'{"error": {"message": "no"}}'])
            )
        if not body.get("stream"):
            return 200, [BODY]
        return 200, [EVENTS[0], EVENTS[1]] if luck < 0.7 else [EVENTS[0], httpx.RemoteProtocolError("cut")]


def three_calls() -> Flow:
    """Return what is seen of three calls, the second of which is streamed."""
    seen: list[Any] = []
    for stream in (False, True, False):
        try:
            answered = yield CallModel("groq:any", "write to a@b.org", {"max_tokens": 9}, stream=stream)
            while stream and (yield from answered.next()) is not None:
                pass
            reply = answered.whole_reply() if stream else answered
            seen.append((reply.model, reply.text, reply.finish_reason, [each.status for each in reply.attempts]))
            seen.append(list(map(str, reply.warnings)))
        except stepwell.StepwellError as error:
            seen.append((type(error).__name__, str(error), [each.status for each in error.attempts]))
    return seen


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes | Exception]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_calls_through_steps_are_those_of_real_clients(step: Callable[[], Any]) -> None:
    def settings() -> dict[str, Any]:
        return {"api_keys": {"groq": "k", "openai": "k"}, "pipeline": step(), "retries": 0}

    def transport(seed: int) -> httpx.MockTransport:
        server = Odd(seed)

        def answered(request: httpx.Request) -> httpx.Response:
            status, pieces = server.next(json.loads(request.content))
            return httpx.Response(status, stream=Pieces(pieces))

        return httpx.MockTransport(answered)

    async def run_awaited(seed: int) -> Any:
        async with stepwell.AsyncClient(transport=transport(seed), **settings()) as client:
            client.planner.world = World(random=lambda: 0.0)
            return await client.run_workflow(three_calls())

    for seed in range(12):
        server = Odd(seed)

        def network(request: Any, chance: Any, server: Odd = server) -> Any:
            try:
                status, pieces = server.next(json.loads(request.body))
            except httpx.ConnectError as error:
                return 0.0, error
            if request.stream and status == 200:
                return ServerAnswer(pieces=[(0.0, piece) for piece in pieces])
            return ServerAnswer(status, {}, pieces[0])  # type: ignore[arg-type]

        world = SimulatedWorld(seed, network)
        simulation = world.client(**settings())
        simulation.planner.world = evolve(world.world, random=lambda: 0.0)
        (virtual,) = world.run(simulation, [three_calls()])
        with stepwell.Client(transport=transport(seed), **settings()) as client:
            client.planner.world = World(random=lambda: 0.0)
            assert virtual == client.run_workflow(three_calls()), seed
        assert virtual == asyncio.run(run_awaited(seed)) and world.open == 0
