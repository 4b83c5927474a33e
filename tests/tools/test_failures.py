"""Tools that fail in unusual ways: the loop continues, informs the model, and reports the failure."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from typing import Any

import pytest

import stepwell

from scripted import MODEL, Scripted, calls
from tool_loops import DRIVES, Run, add, run_sync


@pytest.fixture(params=DRIVES, ids=lambda drive: drive.__name__)
def run(request: pytest.FixtureRequest) -> Run:
    return request.param  # type: ignore[no-any-return]


def results(script: Scripted) -> list[str]:
    return [message["content"] for message in script.seen[1]["messages"] if message["role"] == "tool"]


async def waits_for_what_is_cancelled() -> None:
    task = asyncio.ensure_future(asyncio.sleep(20))
    task.cancel()
    await task


class Mute(RuntimeError):
    def __str__(self) -> str:
        raise ValueError("no text")


def mute() -> None:
    raise Mute


@pytest.mark.parametrize(
    ("tool", "reported"),
    [
        (waits_for_what_is_cancelled, "Error: what it waited for was cancelled"),
        (mute, "Error: Mute: (its __str__ failed)"),
    ],
)
@pytest.mark.parametrize("timeout", [None, 20])
def test_an_unusual_failure_is_a_result_like_any_other(
    run: Run, tool: Any, reported: str, timeout: float | None
) -> None:
    script = Scripted([calls(("c1", tool.__name__, {}), ("c2", "add", {"a": 1, "b": 1})), "ok"])
    run(script, [tool, add], tool_timeout=timeout)
    assert results(script) == [reported, "2"]


def test_a_raised_error_names_the_tool_and_the_model_reads_the_message_alone(run: Run) -> None:
    answers = [calls(("c1", "add", {"a": "one", "b": 1})), "ok"]
    with pytest.raises(stepwell.errors.ToolFailed, match="^add: the arguments do not fit"):
        run(Scripted(answers), [add], on_tool_error="raise")
    script = Scripted(answers)
    run(script, [add])
    assert results(script)[0].startswith("Error: the arguments do not fit")


def test_a_failing_tool_ends_its_span_in_an_error(run: Run) -> None:
    def broken() -> None:
        raise LookupError("no such row")

    events: list[stepwell.events.Event] = []
    unsubscribe = stepwell.events.subscribe(events.append)
    try:
        run(Scripted([calls(("c1", "broken", {})), "ok"]), [broken])
    finally:
        unsubscribe()
    assert [event.phase for event in events if event.name == "tool"] == ["start", "error"]
    assert isinstance(events[2].data["error"], LookupError)


async def test_cancelling_the_loop_cancels_the_tools_in_it() -> None:
    began = asyncio.Event()

    async def slow() -> None:
        began.set()
        await asyncio.sleep(20)

    script = Scripted([calls(("c1", "slow", {})), "never asked"])
    task = asyncio.ensure_future(script.async_client.run_tools(MODEL, "Go.", [slow]))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(script.seen) == 1


def test_an_interrupt_does_not_wait_for_concurrent_tools() -> None:
    done = threading.Event()

    def slow() -> None:
        done.wait(20)

    def interrupted() -> None:
        raise KeyboardInterrupt

    script = Scripted([calls(("c1", "slow", {}), ("c2", "interrupted", {}))])
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_sync(script, [slow, interrupted])
    done.set()
    assert time.monotonic() - began < 10


def test_a_signal_does_not_wait_for_the_tools_either() -> None:
    done = threading.Event()

    def slow(n: int) -> None:
        if n:
            os.kill(os.getpid(), signal.SIGINT)
        done.wait(20)

    script = Scripted([calls(("c1", "slow", {"n": 0}), ("c2", "slow", {"n": 1}))])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a program of its own
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_sync(script, [slow], tool_timeout=20)
    finally:
        done.set()
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - began < 10
