"""Workflows and events: one generator for sync and async, concurrent work keeps its order, and spans know their
parents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import stepwell
from stepwell.events import Event, span
from stepwell.pipeline.effects import Run
from stepwell.recipe import (
    Ask,
    AsyncReading,
    Emit,
    Gather,
    Left,
    Open,
    Pull,
    Reading,
    Recipe,
    Shut,
    acarry_out,
    carry_out,
)
from stepwell.schemas.errors import StepError

from scripted import MODEL, Scripted

Carry = Callable[[Recipe], Any]


def echo(body: dict[str, Any]) -> str:
    said = body["messages"][-1]["content"]
    if said == "fail":
        raise httpx.ConnectError("[Errno 111] no")
    return str(said).upper()


def script() -> Scripted:
    return Scripted([echo] * 4)


def carry_sync(recipe: Recipe) -> Any:
    return carry_out(script().client, recipe)


def carry_async(recipe: Recipe) -> Any:
    async def main() -> Any:
        return await acarry_out(script().async_client, recipe)

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


def ask(text: str) -> Ask:
    return Ask("chat", MODEL, text)


def test_a_workflow_calls_a_model_and_continues_with_the_answer(carry: Carry) -> None:
    def twice() -> Recipe:
        first = yield ask("one")
        second = yield ask(first.text + " two")
        return second.text

    assert carry(twice()) == "ONE TWO"


def test_an_error_is_raised_at_the_workflows_call(carry: Carry) -> None:
    def careful() -> Recipe:
        try:
            yield ask("fail")
        except stepwell.errors.ConnectError as error:
            return error.provider

    assert carry(careful()) == "openai"


def test_concurrent_work_keeps_its_order_and_failures_their_places(carry: Carry) -> None:
    def many() -> Recipe:
        return (yield Gather([ask(text) for text in ["a", "fail", "c", "d"]], limit=2))

    first, failed, *rest = carry(many())
    assert (first.text, [reply.text for reply in rest]) == ("A", ["C", "D"])
    assert isinstance(failed, stepwell.errors.ConnectError)


def test_custom_functions_run_sync_or_async_as_the_caller(carry: Carry) -> None:
    async def driver() -> str:
        await asyncio.sleep(0)
        return "async"

    def own() -> Recipe:
        return (yield Run(lambda: "sync", driver))

    assert carry(own()) == ("sync" if carry is carry_sync else "async")


def test_a_foreign_effect_is_an_error_with_the_effects_to_yield(carry: Carry) -> None:
    def wrong() -> Recipe:
        yield 42

    with pytest.raises(StepError, match="yielded int; yield Ask"):
        carry(wrong())


def streamed(closed: list[str]) -> Recipe:
    stream = yield Open(MODEL, "hello")
    try:
        while (chunks := (yield Pull(stream))) is not None:
            for chunk in chunks:
                if chunk.type == "text":
                    yield Emit(chunk.text)
    except Left:
        yield Shut(stream)
        closed.append("shut")
        raise
    return "done"


def test_items_come_as_they_are_emitted_and_leaving_shuts_the_stream() -> None:
    client = Scripted(["abc"] * 2, piece=1).client
    closed: list[str] = []
    assert list(Reading(client, streamed(closed))) == ["a", "b", "c"]
    with Reading(client, streamed(closed)) as reading:
        assert next(reading) == "a"
    assert closed == ["shut"]


async def test_an_async_stream_of_a_workflow_behaves_alike() -> None:
    client = Scripted(["abc"] * 2, piece=1).async_client
    closed: list[str] = []
    assert [item async for item in AsyncReading(client, streamed(closed))] == ["a", "b", "c"]
    async with AsyncReading(client, streamed(closed)) as reading:
        assert await anext(reading) == "a"
    assert closed == ["shut"]


def test_spans_nest_through_workflows_and_concurrent_work(carry: Carry, events: list[Event]) -> None:
    def inner(name: str) -> str:
        with span("inner", label=name):
            return name

    async def ainner(name: str) -> str:
        return inner(name)

    def outer() -> Recipe:
        with span("outer") as work:
            done = yield Gather([Run(lambda n=n: inner(n), lambda n=n: ainner(n)) for n in "ab"])  # type: ignore[misc]
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
    def recipe() -> Recipe:
        with span("streamed"):
            yield Emit(1)
            yield Emit(2)

    reading = Reading(script().client, recipe())
    next(reading)
    with span("own"):
        next(reading)
    reading.close()
    assert [event.parent for event in events if event.name == "own"] == [None, None]
    assert events[-1].data == {"left_early": True}
