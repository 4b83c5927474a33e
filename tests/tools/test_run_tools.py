"""The loop: calls are checked, run at once, timed and approved; failures are reported to the model, nothing lost."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import numpy
import pytest
from attrs import frozen

import stepwell
from stepwell.errors import ConfigError, ServerError, StepLimit, ToolFailed

from scripted import MODEL, Scripted, calls
from tool_loops import DRIVES, Run, add, run_sync, stream_async, stream_sync


@pytest.fixture(params=DRIVES, ids=lambda drive: drive.__name__)
def run(request: pytest.FixtureRequest) -> Run:
    return request.param  # type: ignore[no-any-return]


def results(script: Scripted, turn: int = 1) -> list[str]:
    """Return the tool results that the model was sent."""
    return [message["content"] for message in script.seen[turn]["messages"] if message["role"] == "tool"]


def test_calls_are_run_and_their_results_reported_until_the_model_answers(run: Run) -> None:
    script = Scripted([calls(("c1", "add", {"a": 1, "b": 2})), calls(("c2", "add", {"a": 3, "b": 3})), "It is 6."])
    reply = run(script, [add])
    assert reply.text == "It is 6."
    assert results(script, 2) == ["3", "6"]
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (30, 15)
    assert [step.finish_reason for step in reply.steps] == ["tool_calls", "tool_calls", "stop"]
    assert [message.role for message in reply.context.messages] == ["user", *["assistant", "tool"] * 2, "assistant"]
    (ran,) = reply.steps[0].metadata["tool_runs"]
    assert (ran.call.name, ran.value, ran.content, ran.is_error) == ("add", 3, "3", False)


def test_calls_of_one_answer_run_concurrently_and_keep_their_order(run: Run) -> None:
    barrier = threading.Barrier(3, timeout=20)

    @stepwell.tool
    def meet(name: str) -> str:
        barrier.wait()
        return name

    names = ["a", "b", "c"]
    script = Scripted([calls(*((f"c{name}", "meet", {"name": name}) for name in names)), "met"])
    run(script, [meet])
    assert results(script) == names


def test_async_tools_run_in_both_clients(run: Run) -> None:
    @stepwell.tool
    async def later(x: int) -> int:
        await asyncio.sleep(0)
        return x * 2

    script = Scripted([calls(("c", "later", {"x": 21})), "42"])
    run(script, [later])
    assert results(script) == ["42"]


async def test_sync_calls_work_where_an_event_loop_runs_already() -> None:
    @stepwell.tool
    async def later() -> str:
        await asyncio.sleep(0)
        return "done"

    script = Scripted([calls(("c", "later", {})), "ok"])
    assert run_sync(script, [later]).text == "ok"
    assert results(script) == ["done"]


@frozen
class Stay:
    begin: date
    nights: int


def test_arguments_come_as_the_types_that_the_function_asks_for(run: Run) -> None:
    seen: list[Any] = []

    def book(stay: Stay, rooms: list[str]) -> str:
        """Book a stay."""
        seen.append((stay, rooms))
        return "booked"

    arguments = {"stay": {"begin": "2026-11-21", "nights": 2}, "rooms": ["blue"]}
    run(Scripted([calls(("c", "book", arguments)), "ok"]), [book])
    assert seen == [(Stay(date(2026, 11, 21), 2), ["blue"])]


@pytest.mark.parametrize(
    ("call", "reported"),
    [
        (("c", "add", {"a": "one", "b": 2}), "/a must be of type integer"),
        (("c", "add", {"a": 1}), "required"),
        (("c", "add", '{"a": 1, "b"'), "not valid JSON"),
        (("c", "add", "[1, 2]"), "not an object"),
        (("c", "subtract", {"a": 1}), "there is no tool 'subtract'; there are: add"),
    ],
    ids=["wrong type", "missing", "incomplete call", "a list", "unknown tool"],
)
def test_an_invalid_call_is_not_run_and_is_reported_to_the_model(run: Run, call: Any, reported: str) -> None:
    script = Scripted([calls(call), "sorry"])
    reply = run(script, [add])
    assert reply.text == "sorry"
    assert reported in results(script)[0]
    assert reply.steps[0].metadata["tool_runs"][0].is_error


def test_a_tool_that_raises_is_a_result_and_the_others_are_kept(run: Run) -> None:
    @stepwell.tool
    def broken() -> str:
        raise LookupError("no such row")

    script = Scripted([calls(("c1", "broken", {}), ("c2", "add", {"a": 1, "b": 1})), "ok"])
    reply = run(script, [add, broken])
    assert results(script) == ["Error: LookupError: no such row", "2"]
    first, second = reply.steps[0].metadata["tool_runs"]
    assert isinstance(first.error, LookupError) and not second.is_error


def test_a_failing_tool_can_be_an_error_of_the_call(run: Run) -> None:
    @stepwell.tool
    def broken() -> str:
        raise LookupError("no such row")

    script = Scripted([calls(("c1", "broken", {})), "never asked"])
    with pytest.raises(ToolFailed, match="no such row") as caught:
        run(script, [broken], on_tool_error="raise")
    assert caught.value.tool == "broken"
    assert isinstance(caught.value.__cause__, LookupError)
    assert caught.value.usage.input_tokens == 10
    assert [message.role for message in caught.value.partial.context.messages] == ["user", "assistant", "tool"]
    assert len(script.seen) == 1


def test_a_tool_that_times_out_has_a_result_too(run: Run) -> None:
    done = threading.Event()

    @stepwell.tool(timeout=0.05)
    def slow() -> str:
        done.wait(20)
        return "too late"

    @stepwell.tool(timeout=0.05)
    async def slow_too() -> str:
        await asyncio.sleep(20)
        return "too late"

    script = Scripted([calls(("c1", "slow", {}), ("c2", "slow_too", {})), "ok"])
    began = time.monotonic()
    run(script, [slow, slow_too])
    done.set()
    assert results(script) == ["Error: it took longer than 0.05 seconds"] * 2
    assert time.monotonic() - began < 10


@dataclass
class Measured:
    value: float


@pytest.mark.parametrize(
    ("value", "reported"),
    [
        (None, "(no output)"),
        ("", "(no output)"),
        ({"a": [1, Decimal("2.5")]}, '{"a":[1,"2.5"]}'),
        (Stay(date(2026, 11, 21), 2), '{"begin":"2026-11-21","nights":2}'),
        ({3, 1}, "[1,3]"),
        ({"mean": float("nan"), "none": None}, '{"mean":"NaN","none":null}'),
        ([Measured(float("inf")), (-float("inf"), 1.5)], '[{"value":"Infinity"},["-Infinity",1.5]]'),
        (numpy.array([1.0, numpy.nan]), '[1.0,"NaN"]'),
        (object(), "Error: it returned a object, which has no JSON form"),
        (lambda: 1, "Error: it returned a function, which has no JSON form"),
    ],
)
def test_results_are_sent_as_text_or_json(run: Run, value: Any, reported: str) -> None:
    @stepwell.tool
    def give() -> Any:
        return value

    script = Scripted([calls(("c", "give", {})), "ok"])
    run(script, [give])
    assert results(script) == [reported]


def test_each_call_is_approved_or_the_model_learns_why_not(run: Run) -> None:
    made: list[int] = []

    @stepwell.tool
    def pay(amount: int) -> str:
        made.append(amount)
        return "paid"

    def approve(call: stepwell.messages.ToolCall) -> bool | str:
        amount = (call.arguments or {})["amount"]
        return True if amount < 10 else False if amount < 100 else "never that much"

    asked = calls(*((f"c{amount}", "pay", {"amount": amount}) for amount in (5, 50, 500)))
    script = Scripted([asked, "ok"])
    run(script, [pay], approve=approve)
    assert made == [5]
    assert results(script) == ["paid", "Error: the user did not approve this call", "Error: never that much"]


async def test_approval_may_be_awaited() -> None:
    async def approve(call: stepwell.messages.ToolCall) -> bool:
        await asyncio.sleep(0)
        return False

    script = Scripted([calls(("c", "add", {"a": 1, "b": 1})), "ok"])
    await script.async_client.run_tools(MODEL, "Go.", [add], approve=approve)
    assert "did not approve" in results(script)[0]
    with pytest.raises(ConfigError, match="arun_tools"):
        run_sync(Scripted([calls(("c", "add", {"a": 1, "b": 1}))]), [add], approve=approve)


def test_a_model_that_loops_is_stopped_and_the_work_is_returned(run: Run) -> None:
    made: list[int] = []

    @stepwell.tool
    def again(n: int) -> int:
        made.append(n)
        return n

    script = Scripted([calls((f"c{n}", "again", {"n": n})) for n in range(9)])
    with pytest.raises(StepLimit, match="still calls tools after 3 steps") as caught:
        run(script, [again], max_steps=3)
    reply = caught.value.partial
    assert (len(reply.steps), caught.value.usage.input_tokens) == (3, 30)
    assert made == [0, 1]  # the third call is left for the continuation

    onward = Scripted(["done"])
    assert run(onward, [again], prompt=reply.context, resume=True).text == "done"
    assert made == [0, 1, 2]
    assert results(onward, 0) == ["0", "1", "2"]


def test_a_condition_ends_the_loop_with_the_results_in_the_conversation(run: Run) -> None:
    script = Scripted([calls(("c1", "add", {"a": 1, "b": 2})), "never asked"])
    reply = run(script, [add], stop_when=lambda reply: reply.steps[-1].metadata["tool_runs"][0].value == 3)
    assert len(script.seen) == 1
    assert [message.role for message in reply.context.messages] == ["user", "assistant", "tool"]


def test_a_tool_without_a_function_hands_its_call_to_the_caller(run: Run) -> None:
    outside = stepwell.Tool("ask_user", "", {"type": "object", "properties": {}})
    script = Scripted([calls(("c1", "ask_user", {}), ("c2", "add", {"a": 1, "b": 1}))])
    reply = run(script, [add, outside])
    assert [call.name for call in reply.tool_calls] == ["ask_user", "add"]
    assert len(script.seen) == 1


def test_a_forced_choice_applies_to_the_first_answer_only(run: Run) -> None:
    script = Scripted([calls(("c1", "add", {"a": 1, "b": 2})), "3"])
    run(script, [add], tool_choice="required")
    assert script.seen[0]["tool_choice"] == "required"
    assert "tool_choice" not in script.seen[1]


def test_when_a_later_call_of_the_model_fails_nothing_before_it_is_lost(run: Run) -> None:
    broken = httpx.Response(500, json={"error": {"message": "broken"}})
    script = Scripted([calls(("c1", "add", {"a": 1, "b": 2})), broken])
    with pytest.raises(ServerError) as caught:
        run(script, [add])
    assert caught.value.usage.input_tokens == 10
    assert [message.role for message in caught.value.partial.context.messages] == ["user", "assistant", "tool"]


def test_a_stream_that_breaks_in_the_middle_of_a_call_runs_nothing() -> None:
    made: list[int] = []

    def risky(x: int) -> None:
        made.append(x)

    cut = b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":'
    cut += b'{"name":"risky","arguments":"{\\"x\\": 1}"}}]}}]}\n\n'
    for drive in (stream_sync, stream_async):
        with pytest.raises(stepwell.errors.StreamTruncated):
            drive(Scripted([httpx.Response(200, content=cut)]), [risky])
    assert made == []


@pytest.mark.parametrize(
    "wrong", [{"max_steps": 0}, {"tool_timeout": 0}, {"on_tool_error": "ignore"}], ids=lambda wrong: next(iter(wrong))
)
def test_settings_that_make_no_sense_are_errors(run: Run, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        run(Scripted([]), [add], **wrong)


def test_two_tools_of_one_name_are_an_error(run: Run) -> None:
    with pytest.raises(ConfigError, match="two tools are named 'add'"):
        run(Scripted([]), [add, add])
    with pytest.raises(ConfigError, match="two tools are named 'add'"):
        Scripted([]).client.generate_text(MODEL, "Go.", tools=[add, add])


def test_a_streamed_loop_yields_chunks_and_tool_runs() -> None:
    script = Scripted([calls(("c1", "add", {"a": 1, "b": 2}), text="Let me see."), "It is 3."], piece=3)
    items = [item.type for item in script.client.stream_tools(MODEL, "Go.", [add])]
    assert items.index("tool_call_end") < items.index("tool_run") < len(items) - 1 - items[::-1].index("text")
    again = Scripted([calls(("c1", "add", {"a": 1, "b": 2}), text="Let me see."), "It is 3."], piece=3)
    stream = again.client.stream_tools(MODEL, "Go.", [add])
    assert "".join(stream.text_deltas()) == "Let me see.It is 3."


async def test_an_async_stream_of_a_tool_loop_may_be_awaited_like_a_stream_of_text() -> None:
    script = Scripted([calls(("c1", "add", {"a": 1, "b": 2})), "It is 3."])
    stream = await script.async_client.stream_tools(MODEL, "Go.", [add])
    assert [text async for text in stream.text_deltas()] == ["It i", "s 3."]
    assert (await stream.reply()).text == "It is 3."


def test_leaving_a_streamed_loop_runs_nothing_more() -> None:
    made: list[int] = []

    def note(n: int) -> None:
        made.append(n)

    script = Scripted([calls(("c1", "note", {"n": 1})), calls(("c2", "note", {"n": 2}))])
    with script.client.stream_tools(MODEL, "Go.", [note]) as stream:
        for item in stream:
            if item.type == "tool_run":
                break
    assert made == [1] and len(script.seen) == 1


def test_every_span_is_reported_under_its_loop(run: Run) -> None:
    events: list[stepwell.events.Event] = []
    unsubscribe = stepwell.events.subscribe(events.append)
    try:
        run(Scripted([calls(("c1", "add", {"a": 1, "b": 2})), "3"]), [add])
    finally:
        unsubscribe()
    assert [(event.name, event.phase) for event in events] == [
        ("run_tools", "start"),
        ("tool", "start"),
        ("tool", "end"),
        ("run_tools", "end"),
    ]
    assert events[1].parent == events[0].span


@pytest.mark.parametrize("wrap", [lambda it: [{"n": 1}, it], lambda it: {"n": 1, "it": it}, lambda it: Shown(1, it)])
def test_an_image_inside_a_result_is_shown_and_not_written_as_text(wrap: Callable[[Any], Any]) -> None:
    picture = stepwell.Image(data=b"\x89PNG\r\n\x1a\n")

    @stepwell.tool
    def look() -> Any:
        return wrap(picture)

    script = Scripted([calls(("c1", "look", {})), "I see."])
    reply = run_sync(script, [look])
    text, shown = reply.context.messages[2].content
    assert shown == picture and '"n":1' in text.text.replace(" ", "") and "data" not in text.text
    assert reply.steps[0].metadata["tool_runs"][0].error is None


@frozen
class Shown:
    n: int
    it: Any
