"""Streams that a step makes by a flow of its own: what it emits is checked, calls count once, and it is released."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import trio

from stepwell.chunks import Finish, TextDelta
from stepwell.errors import StepError
from stepwell.pipeline.effects import CallModel, CallNext, Cancelled, Emit, Flow, Run, Sleep, StepGenerator
from stepwell.pipeline.http.request import Request
from stepwell.pipeline.http.response import Response
from stepwell.pipeline.tasks import gather, race
from stepwell.steps import Step, around, concurrency

from scripted import MODEL, Scripted


def answering(flow: Callable[[], Any]) -> Step:
    """Answer by a flow, except for prompts that begin with `plain`."""

    def run(request: Request, call: CallNext) -> StepGenerator:
        if request.context.messages[-1].text.startswith("plain"):
            return (yield from call(request))
        return Response(request, flow=flow())

    return around("answering", run)


def passing(name: str) -> Step:
    def run(request: Request, call: CallNext) -> StepGenerator:
        return (yield from call(request))

    return around(name, run)


def emitting(*items: object) -> Callable[[], Flow]:
    def flow() -> Flow:
        for item in items:
            yield Emit(item)

    return flow


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (emitting(5), "emitted a int; emit lists of chunks"),
        (emitting(None), "emitted a NoneType"),
        (emitting(TextDelta("a")), "emitted a TextDelta"),
        (emitting("text"), "emitted a str"),
        (emitting(["text"]), "gave a str instead of a StreamChunk"),
        (lambda: [TextDelta("a"), Finish("stop")], "takes flows, and got a list"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_no_list_of_chunks_is_an_error_that_says_so(flow: Any, message: str, stream: bool) -> None:
    client = Scripted([]).client
    client.pipeline = answering(flow)
    with pytest.raises(StepError, match=message):
        client.stream_text(MODEL, "hi").reply() if stream else client.generate_text(MODEL, "hi")


@pytest.mark.parametrize("together", [gather, race])
def test_an_effect_in_the_place_of_a_flow_is_an_error_that_says_so(together: Any) -> None:
    client = Scripted([]).client
    with pytest.raises(StepError, match="takes flows, and got a Sleep; write performing"):
        client.run_workflow(together([Sleep(0), Sleep(0)]))
    with pytest.raises(StepError, match="takes flows, and got a Sleep"):
        client.run_workflow(Sleep(0))  # type: ignore[arg-type]
    with pytest.raises(StepError, match="takes flows, and got a function"):
        client.read_workflow(emitting())  # type: ignore[arg-type]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("outside", [0, 1, 3])
def test_a_call_that_the_flow_makes_counts_once_however_many_steps_are_outside(outside: int, stream: bool) -> None:
    def asking() -> Flow:
        reply = yield CallModel(MODEL, "plain")
        yield Emit([TextDelta(reply.text), Finish("stop")])

    client = Scripted(["said"]).client
    client.pipeline = [*(passing(f"outside{n}") for n in range(outside)), answering(asking)]
    reply = client.stream_text(MODEL, "hi").reply() if stream else client.generate_text(MODEL, "hi")
    assert (reply.text, len(reply.steps), reply.usage.total_tokens) == ("said", 1, 15)


def test_a_flow_that_fails_to_clean_up_gives_its_place_back() -> None:
    def careless() -> Flow:
        try:
            while True:
                yield Emit([TextDelta("a")])
        except Cancelled:
            raise ValueError("no") from None

    client = Scripted(["said"]).client
    client.pipeline = [concurrency(1), answering(careless)]
    stream = client.stream_text(MODEL, "hi")
    stream.next_chunks()
    with pytest.raises(ValueError, match="no"):
        stream.close()
    assert client.generate_text(MODEL, "plain", timeout=1).text == "said"


@pytest.mark.parametrize("loop", [lambda main: asyncio.run(main()), trio.run], ids=["asyncio", "trio"])
def test_a_flow_that_is_dropped_on_an_event_loop_cleans_up(loop: Any) -> None:
    async def main() -> None:
        cleaned = anyio.Event()

        def careful() -> Flow:
            try:
                while True:
                    yield Emit([TextDelta("a")])
            finally:
                yield Run(cleaned.set)

        async with Scripted([]).async_client as client:
            client.pipeline = answering(careful)
            stream = await client.stream_text(MODEL, "hi")
            await stream.next_chunks()
            del stream
            with anyio.fail_after(5):
                await cleaned.wait()

    loop(main)
