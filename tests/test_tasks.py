"""Tasks of a workflow, in threads and on event loops: all can be stopped, however deep, and none stays behind."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import trio

from stepwell.errors import ConfigError
from stepwell.pipeline.effects import Cancelled, Emit, Flow, Run, Sleep, Wait
from stepwell.pipeline.signal import Signal
from stepwell.pipeline.tasks import gather, performing, race

from scripted import Scripted

LONG = 60.0


def in_threads(flow: Flow) -> Any:
    return Scripted([]).client.run_workflow(flow)


async def on_loop(flow: Flow) -> Any:
    async with Scripted([]).async_client as client:
        return await client.run_workflow(flow)


WAYS: dict[str, Callable[[Flow], Any]] = {
    "threads": in_threads,
    "asyncio": lambda flow: asyncio.run(on_loop(flow)),
    "trio": lambda flow: trio.run(on_loop, flow),
}
LOOPS: dict[str, Callable[[Callable[[], Any]], Any]] = {"asyncio": lambda main: asyncio.run(main()), "trio": trio.run}


@pytest.fixture(params=WAYS)
def run(request: pytest.FixtureRequest) -> Callable[[Flow], Any]:
    return WAYS[request.param]


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Callable[[Callable[[], Any]], Any]:
    return LOOPS[request.param]


def endless() -> Flow:
    while True:
        yield Emit("item")


def threads() -> int:
    return sum(thread.name == "stepwell-task" for thread in threading.enumerate())


def test_a_race_inside_a_task_stops_its_losers(run: Callable[[Flow], Any]) -> None:
    stopped: list[str] = []

    def waits() -> Flow:
        try:
            yield Wait(Signal(), LONG)
        finally:
            stopped.append("inner")

    def inner() -> Flow:
        yield from race([waits(), performing(Sleep(0.001))])
        return list(stopped)

    assert run(gather([inner(), performing(Sleep(0))])) == [["inner"], None]


@pytest.mark.parametrize("seconds", [-1, -0.001])
def test_a_sleep_whose_time_is_over_already_ends_at_once(run: Callable[[Flow], Any], seconds: float) -> None:
    """The time left of a call has run out a moment ago, say."""
    assert run(performing(Sleep(seconds))) is None
    assert run(gather([performing(Sleep(seconds))])) == [None]


def test_leaving_stops_the_tasks_of_tasks() -> None:
    before = threads()
    with Scripted([]).client.read_workflow(gather([race([endless(), endless()]), gather([endless(), endless()])])) as r:
        next(r)
        assert threads() > before
    assert threads() == before


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("together", [gather, race])
def test_an_interrupt_in_a_task_is_raised(run: Callable[[Flow], Any], interrupt: Any, together: Any) -> None:
    def interrupted() -> Any:
        raise interrupt

    with pytest.raises(interrupt):
        run(together([performing(Run(interrupted)), performing(Sleep(0.2))]))


def test_a_sleep_that_ends_a_race_gives_none(run: Callable[[Flow], Any]) -> None:
    assert run(race([performing(Sleep(0.001)), performing(Wait(Signal(), LONG))])) is None


@pytest.mark.parametrize("seconds", [1e12, float("inf")])
def test_a_task_may_wait_longer_than_the_system_can_count(run: Callable[[Flow], Any], seconds: float) -> None:
    signal = Signal()
    assert run(gather([performing(Wait(signal, seconds)), performing(Run(signal.set))])) == [True, None]


def test_a_race_of_nothing_and_a_gather_of_none_at_once_are_refused(run: Callable[[Flow], Any]) -> None:
    with pytest.raises(ConfigError, match="no flows"):
        run(race([]))
    with pytest.raises(ConfigError, match="would run nothing"):
        run(gather([endless(), endless()], limit=-1))


def test_an_error_while_cleaning_up_stays_in_its_task(run: Callable[[Flow], Any]) -> None:
    def careless() -> Flow:
        try:
            yield Sleep(LONG)
        except BaseException:
            raise ValueError from None

    assert run(race([careless(), performing(Sleep(0.001))])) is None


def test_the_tasks_that_have_begun_are_stopped_where_another_cannot_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    before, start, begun = threads(), threading.Thread.start, []

    def starting(thread: threading.Thread) -> None:
        begun.append(thread)
        if len(begun) > 1:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", starting)
    with pytest.raises(RuntimeError, match="new thread"):
        in_threads(race([performing(Wait(Signal(), LONG)), performing(Sleep(0))]))
    assert threads() == before


def test_a_dropped_reading_stops_its_tasks_at_once() -> None:
    gc.disable()
    try:
        reading = Scripted([]).client.read_workflow(gather([endless(), endless()]))
        next(reading)
        tasks = [thread for thread in threading.enumerate() if thread.name == "stepwell-task"]
        del reading
        for task in tasks:
            task.join(5)
        assert not any(task.is_alive() for task in tasks)
    finally:
        gc.enable()


def test_a_reading_that_another_thread_drops_stops_its_tasks(loop: Callable[[Callable[[], Any]], Any]) -> None:
    stopped: list[str] = []

    def noting() -> Flow:
        try:
            yield from endless()
        finally:
            stopped.append("stopped")

    async def main() -> None:
        async with Scripted([]).async_client as client:
            readings = [client.read_workflow(gather([noting(), noting()]))]
            await anext(readings[0])
            await anyio.to_thread.run_sync(readings.clear)
            with anyio.fail_after(5):
                while len(stopped) < 2:
                    await anyio.sleep(0)

    loop(main)


def test_a_flow_that_is_left_in_a_cancelled_scope_still_cleans_up(loop: Callable[[Callable[[], Any]], Any]) -> None:
    cleaned: list[str] = []

    async def clean() -> None:
        await anyio.sleep(0.001)
        cleaned.append("cleaned")

    def flow() -> Flow:
        try:
            yield from endless()
        except Cancelled:
            yield Run(lambda: None, clean)
            raise

    async def main() -> None:
        async with Scripted([]).async_client as client:
            with anyio.CancelScope() as scope:
                async with client.read_workflow(flow()) as reading:
                    await anext(reading)
                    scope.cancel()
                    await anyio.sleep(LONG)

    loop(main)
    assert cleaned == ["cleaned"]
