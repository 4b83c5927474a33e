"""Workflows and events: one generator for sync and async, concurrent work keeps its order, and spans know their
parents."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import stepwell
from stepwell.events import Event, span
from stepwell.pipeline.effects import CallModel, Cancelled, Emit, Flow, Run, Sleep, Wait
from stepwell.pipeline.http.response import Response
from stepwell.pipeline.signal import Signal
from stepwell.pipeline.tasks import gather, performing, race
from stepwell.schemas.errors import StepError

from loopback import SOON
from scripted import MODEL, Scripted

Carry = Callable[[Flow], Any]


def echo(body: dict[str, Any]) -> str:
    said = body["messages"][-1]["content"]
    if said == "fail":
        raise httpx.ConnectError("[Errno 111] no")
    return str(said).upper()


def script() -> Scripted:
    return Scripted([echo] * 4)


def carry_sync(flow: Flow) -> Any:
    return script().client.run_workflow(flow)


def carry_async(flow: Flow) -> Any:
    async def main() -> Any:
        return await script().async_client.run_workflow(flow)

    return asyncio.run(main())


@pytest.fixture(params=[carry_sync, carry_async], ids=["sync", "async"])
def carry(request: pytest.FixtureRequest) -> Carry:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def events() -> Any:
    seen: list[Event] = []
    unsubscribe = stepwell.events.subscribe(seen.append)
    yield seen
    unsubscribe()


def ask(text: str) -> CallModel:
    return CallModel(MODEL, text)


def test_a_workflow_calls_a_model_and_continues_with_the_answer(carry: Carry) -> None:
    def twice() -> Flow:
        first = yield ask("one")
        second = yield ask(first.text + " two")
        return second.text

    assert carry(twice()) == "ONE TWO"


def test_an_error_is_raised_at_the_workflows_call(carry: Carry) -> None:
    def careful() -> Flow:
        try:
            yield ask("fail")
        except stepwell.errors.ConnectError as error:
            return error.provider

    assert carry(careful()) == "openai"


def test_concurrent_work_keeps_its_order_and_failures_their_places(carry: Carry) -> None:
    def many() -> Flow:
        return (yield from gather([performing(ask(text)) for text in ["a", "fail", "c", "d"]], limit=2))

    first, failed, *rest = carry(many())
    assert (first.text, [reply.text for reply in rest]) == ("A", ["C", "D"])
    assert isinstance(failed, stepwell.errors.ConnectError)


def test_custom_functions_run_sync_or_async_as_the_caller(carry: Carry) -> None:
    async def driver() -> str:
        await asyncio.sleep(0)
        return "async"

    def own() -> Flow:
        return (yield Run(lambda: "sync", driver))

    assert carry(own()) == ("sync" if carry is carry_sync else "async")


def test_a_foreign_effect_is_an_error_with_the_effects_to_yield(carry: Carry) -> None:
    def wrong() -> Flow:
        yield 42

    with pytest.raises(StepError, match="yielded int; yield Send"):
        carry(wrong())


def streamed(closed: list[str]) -> Flow:
    reader = yield CallModel(MODEL, "hello", stream=True)
    try:
        while (chunks := (yield from reader.next())) is not None:
            for chunk in chunks:
                if chunk.type == "text":
                    yield Emit(chunk.text)
    except Cancelled:
        yield from reader.close()
        closed.append("closed")
        raise
    return reader.whole_reply().text


def test_items_come_as_they_are_emitted_and_leaving_shuts_the_stream() -> None:
    client = Scripted(["abc"] * 2, piece=1).client
    closed: list[str] = []
    assert list(client.read_workflow(streamed(closed))) == ["a", "b", "c"]
    with client.read_workflow(streamed(closed)) as reading:
        assert next(reading) == "a"
    assert closed == ["closed"]


async def test_an_async_stream_of_a_workflow_behaves_alike() -> None:
    client = Scripted(["abc"] * 2, piece=1).async_client
    closed: list[str] = []
    assert [item async for item in client.read_workflow(streamed(closed))] == ["a", "b", "c"]
    async with client.read_workflow(streamed(closed)) as reading:
        assert await anext(reading) == "a"
    assert closed == ["closed"]


def test_a_signal_wakes_all_that_wait_for_it(carry: Carry) -> None:
    signal = Signal()

    def waits() -> Flow:
        return (yield Wait(signal))

    def sets() -> Flow:
        yield Sleep(0.001)
        signal.set()

    def both() -> Flow:
        missed = yield Wait(Signal(), 0.001)
        return missed, (yield from gather([waits(), sets()])), (yield Wait(signal))

    assert carry(both()) == (False, [True, None], True)


def test_what_the_branches_emit_is_emitted_by_the_whole(carry: Carry) -> None:
    def worker(name: str) -> Flow:
        for count in range(3):
            yield Emit(f"{name}{count}")
        return name

    def workers() -> Flow:
        return (yield from gather([worker("a"), worker("b")]))

    assert carry(workers()) == ["a", "b"]
    items = list(script().client.read_workflow(workers()))
    assert sorted(items) == ["a0", "a1", "a2", "b0", "b1", "b2"] and [i for i in items if i[0] == "b"] == items_of("b")


def items_of(name: str) -> list[str]:
    return [f"{name}{count}" for count in range(3)]


def test_a_race_returns_the_first_result_and_cleans_up_the_others(carry: Carry) -> None:
    ended: list[str] = []

    def runner(name: str, seconds: float) -> Flow:
        try:
            yield Sleep(seconds)
        finally:
            yield Run(lambda: ended.append(name))
        return name

    assert carry(race([runner("slow", 60), runner("fast", 0), runner("slower", 90)])) == "fast"
    assert sorted(ended) == ["fast", "slow", "slower"]


def test_a_race_that_nobody_wins_raises_the_first_error_with_notes_of_the_others(carry: Carry) -> None:
    def fails(text: str) -> Flow:
        yield Sleep(0)
        raise ValueError(text)

    with pytest.raises(ValueError, match="one") as caught:
        carry(race([fails("one"), fails("two")]))
    assert caught.value.__notes__ == ["another failed, too: ValueError: two"]


def test_an_interrupt_in_one_branch_stops_all(carry: Carry) -> None:
    ended: list[str] = []

    def waits() -> Flow:
        try:
            yield Sleep(60)
        finally:
            ended.append("waits")

    def interrupted() -> Flow:
        yield Sleep(0.001)
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        carry(gather([waits(), interrupted()]))
    assert ended == ["waits"]


def test_spans_nest_through_workflows_and_concurrent_work(carry: Carry, events: list[Event]) -> None:
    def inner(name: str) -> str:
        with span("inner", label=name):
            return name

    async def ainner(name: str) -> str:
        return inner(name)

    def outer() -> Flow:
        with span("outer") as work:
            runs = [Run(lambda n=n: inner(n), lambda n=n: ainner(n)) for n in "ab"]  # type: ignore[misc]
            done = yield from gather(map(performing, runs))
            work.note(done=done)

    carry(outer())
    begun = events[0]
    assert (begun.name, begun.phase, begun.parent) == ("outer", "start", None)
    assert {event.parent for event in events if event.name == "inner"} == {begun.span}
    assert (events[-1].phase, events[-1].data) == ("end", {"done": ["a", "b"]})
    assert events[-1].elapsed is not None


def test_a_failing_span_reports_its_error_and_a_failing_subscriber_has_no_effect(
    events: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError("in the subscriber")

    unsubscribe = stepwell.events.subscribe(broken)
    try:
        with pytest.raises(ValueError), span("work"):
            raise ValueError("in the work")
    finally:
        unsubscribe()
    assert [event.phase for event in events] == ["start", "error"]
    assert isinstance(events[-1].data["error"], ValueError)
    assert "in the subscriber" in caplog.text


def test_a_span_of_a_streamed_workflow_is_not_active_in_the_reader(events: list[Event]) -> None:
    def flow() -> Flow:
        with span("streamed"):
            yield Emit(1)
            yield Emit(2)

    reading = script().client.read_workflow(flow())
    next(reading)
    with span("own"):
        next(reading)
    reading.close()
    assert [event.parent for event in events if event.name == "own"] == [None, None]
    assert events[-1].data == {"left_early": True}


def test_a_flow_that_another_thread_reads_cannot_be_closed() -> None:
    began, go_on = threading.Event(), threading.Event()

    def flow() -> Flow:
        yield Run(lambda: (began.set(), go_on.wait(SOON)))
        yield Emit("item")

    reading = script().client.read_workflow(flow())
    items: list[object] = []
    reader = threading.Thread(target=lambda: items.extend(reading))
    reader.start()
    assert began.wait(SOON)
    with pytest.raises(StepError, match="another thread is reading this flow"):
        reading.close()
    go_on.set()
    reader.join(SOON)
    assert items == ["item"]
    reading.close()


@pytest.mark.parametrize("fails", [False, True])
def test_another_task_may_close_a_flow_that_waits(fails: bool) -> None:
    done = list[str]()

    async def main() -> None:
        waits, cleans = asyncio.Event(), asyncio.Event()

        async def wait() -> Response:
            waits.set()
            await cleans.wait()
            if fails:
                raise ValueError("late")
            response = Response(None)  # type: ignore[arg-type]
            return response.on_end(lambda *_: done.append("the response is closed"))

        async def clean() -> None:
            cleans.set()
            for _ in range(10):
                await asyncio.sleep(0)  # the reader goes on meanwhile
            done.append("cleaned")

        def flow() -> Flow:
            yield Emit(1)
            try:
                yield Run(lambda: None, wait)
            finally:
                yield Run(lambda: None, clean)

        reading = script().async_client.read_workflow(flow())
        assert await anext(reading) == 1
        reader = asyncio.ensure_future(reading.__anext__())
        await waits.wait()
        with pytest.raises(StepError, match="another task is reading this flow"):
            await anext(reading)
        await reading.close()
        with pytest.raises(StepError, match="another task has closed this flow"):
            await reader
        assert [item async for item in reading] == []

    asyncio.run(main())
    assert done == ["the response is closed"] * (not fails) + ["cleaned"]
