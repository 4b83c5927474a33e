"""Streams of jobs whose chunks a step makes: its calls and tasks go on as they did, and what is emitted is the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from stepwell import AsyncClient, Client
from stepwell.chunks import Finish, TextDelta
from stepwell.steps import (
    CallModel,
    CallNext,
    Emit,
    Flow,
    Request,
    Response,
    Sleep,
    Step,
    StepGenerator,
    around,
    gather,
    race,
)

from loopback import completion

MODEL = "groq:llama-3.3-70b-versatile"


class Asked(list[str]):
    """Answers each question with itself, and keeps what it was asked."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        text = orjson.loads(request.content)["messages"][-1]["content"]
        self.append(text)
        return httpx.Response(200, content=completion(text))


def ask(text: str, seconds: float = 0.0) -> Flow:
    if seconds:
        yield Sleep(seconds)
    return (yield CallModel(MODEL, text)).text


def together() -> Step:
    """Answer by the winner of a race, and then by two calls at once."""

    def chunks() -> Flow:
        winner = yield from race([ask("late", 60), ask("winner")])
        yield Emit([TextDelta(f"{winner} ")])
        both = yield from gather([ask("first"), ask("second")])
        yield Emit([TextDelta(" ".join(both)), Finish("stop")])

    def run(request: Request, call: CallNext) -> StepGenerator:
        return (
            (yield from call(request))
            if request.context.messages[-1].text != "hi"
            else Response(request, flow=chunks())
        )

    return around("together", run)


def settings(asked: Asked, path: Path, step: Step) -> Any:
    return {
        "transport": httpx.MockTransport(asked),
        "api_keys": {"groq": "k"},
        "journal": path / "work.sqlite",
        "pipeline": step,
    }


def run_stream(given: Any, *, left: bool = False) -> str:
    with Client(**given) as client, client.stream_text(MODEL, "hi", job="j") as stream:
        return str(stream.next_chunks()) if left else stream.reply().text


def run_async_stream(given: Any, *, left: bool = False) -> str:
    async def run() -> str:
        async with AsyncClient(**given) as client, client.stream_text(MODEL, "hi", job="j") as stream:
            return str(await stream.next_chunks()) if left else (await stream.reply()).text

    return asyncio.run(run())


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("read", [run_stream, run_async_stream])
def test_tasks_of_a_streamed_answer_go_on_as_they_did(read: Any, left: bool, tmp_path: Path) -> None:
    asked = Asked()
    given = settings(asked, tmp_path, together())
    if left:
        assert "winner" in read(given, left=True)
    assert read(given) == "winner first second"
    assert sorted(asked) == ["first", "second", "winner"]
    asked.clear()
    assert read(given) == "winner first second" and asked == [], "nothing is sent for a job that is over"


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_step_of_a_call_emits_is_nobody_s_in_a_job_as_without_one(stream: bool, tmp_path: Path) -> None:
    def emitting(request: Request, call: CallNext) -> StepGenerator:
        yield Emit("of a step")
        return (yield from call(request))

    def flow() -> Flow:
        yield Emit("begun")
        answer = yield CallModel(MODEL, "hi", stream=stream)
        yield Emit("over")
        return answer and None

    def items(**job: str) -> Iterator[str]:
        with Client(**settings(Asked(), tmp_path, around("emitting", emitting))) as client:
            with client.read_workflow(flow(), **job) as reading:
                yield from reading

    assert [*items()] == [*items(job="j")] == [*items(job="j")] == ["begun", "over"]
