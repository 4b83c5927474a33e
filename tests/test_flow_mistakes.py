"""What is easily passed in the place of a flow, or returned in that of an answer, is an error that names the remedy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import httpx
import pytest
from in_turn import in_turn

import stepwell
from stepwell.chunks import Finish, ToolCallDelta, ToolCallEnd, ToolCallStart, UsageUpdate
from stepwell.costs import Usage
from stepwell.errors import ConfigError, StepError
from stepwell.llm.custom import CustomLLM
from stepwell.steps import (
    CallModel,
    CallNext,
    ChunkReader,
    Emit,
    Flow,
    Request,
    Response,
    StepGenerator,
    around,
    gather,
    race,
    streamed_response,
)
from stepwell.testing import FakeModel, ServerAnswer, SimulatedWorld, conformance

MODEL = "fake:any"


def ask() -> Flow:
    return (yield CallModel(MODEL, "hi"))


async def awaiting() -> None: ...


def ended() -> Flow:
    flow = ask()
    flow.close()
    return flow


MISTAKES = [
    pytest.param(lambda: CallModel(MODEL, "hi"), r"got a CallModel; write performing\(CallModel", id="an effect"),
    pytest.param(lambda: ask, r"got a function; call it: ask\(", id="a function"),
    pytest.param(awaiting, "got a coroutine; write `def` for `async def`", id="a coroutine"),
    pytest.param(lambda: "hi", "got a str; a flow is what a function with `yield`", id="a text"),
    pytest.param(ended, "has ended; a flow runs once", id="a flow that has ended"),
]


def run_async(make: Callable[[], Any]) -> Any:
    async def main() -> Any:
        async with stepwell.AsyncClient(registry=FakeModel("a").registry) as client:
            return await client.run_workflow(make())

    return asyncio.run(main())


def client(*answers: str, **settings: Any) -> stepwell.Client:
    return stepwell.Client(registry=FakeModel(*answers).registry, **settings)


TAKERS = {
    "run_workflow": lambda make: client("a").run_workflow(make()),
    "async run_workflow": run_async,
    "read_workflow": lambda make: client("a").read_workflow(make()),
    "gather": lambda make: client("a").run_workflow(gather([make()])),
    "race": lambda make: client("a").run_workflow(race([make()])),
    "simulation": lambda make: SimulatedWorld(1, lambda request, chance: ServerAnswer()).run(client(), [make()]),
}


@in_turn("taker", TAKERS)
@pytest.mark.parametrize(("make", "message"), MISTAKES)
def test_what_is_no_flow_is_an_error_with_its_remedy(taker: str, make: Callable[[], Any], message: str) -> None:
    with pytest.raises(StepError, match=message):
        TAKERS[taker](make)


def yielding_a_flow() -> Flow:
    return (yield ask())


def test_a_flow_that_is_yielded_is_an_error_that_names_yield_from() -> None:
    with pytest.raises(StepError, match="write `yield from`"):
        client("a").run_workflow(yielding_a_flow())


@pytest.mark.parametrize("stream", [False, True], ids=["unstreamed", "streamed"])
@pytest.mark.parametrize(
    ("items", "message"),
    [(["a text"], r"emitted a str; emit lists of chunks"), (None, "got a function; call it")],
    ids=["no list of chunks", "no flow"],
)
def test_a_flow_of_a_response_that_is_none_or_emits_something_else_is_an_error(
    items: list[Any] | None, message: str, stream: bool
) -> None:
    def flow() -> Flow:
        for item in items or ():
            yield Emit(item)

    def step(request: Request, call: CallNext) -> Response:
        return Response(request, flow=flow if items is None else flow())  # type: ignore[arg-type]

    mine = client("a", pipeline=around("mine", step))
    with pytest.raises(StepError, match=message):
        mine.stream_text(MODEL, "hi").reply() if stream else mine.generate_text(MODEL, "hi")


def test_a_step_that_calls_itself_without_end_is_stopped_after_a_few_calls() -> None:
    def asking(request: Request, call: CallNext) -> StepGenerator:
        yield from call(request)
        yield CallModel(MODEL, "again")
        return (yield from call(request))

    fake = FakeModel(*["a"] * 100)
    mine = stepwell.Client(registry=fake.registry, pipeline=around("asking", asking))
    with pytest.raises(StepError, match="nested 16 deep.*passes the step that yields it"):
        mine.generate_text(MODEL, "hi")
    assert len(fake.requests) < 20


def test_a_step_that_goes_on_to_another_model_without_end_is_stopped_too() -> None:
    def asking(request: Request, call: CallNext) -> StepGenerator:
        assert request.request_for_model is not None
        pipeline, other = request.request_for_model(request, "fake:other", {})
        yield from pipeline.flow(other)  # and not `pipeline.inside("asking")`
        return (yield from call(request))

    fake = FakeModel(*["a"] * 100)
    mine = stepwell.Client(registry=fake.registry, pipeline=around("asking", asking))
    with pytest.raises(StepError, match=r"nested 16 deep.*inside=name\) leaves out the step itself"):
        mine.generate_text(MODEL, "hi")
    assert fake.requests == []


USAGE = {"prompt_tokens": 10, "completion_tokens": 2}
WHOLE = {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}], "usage": USAGE}


def openai(**settings: Any) -> stepwell.Client:
    def answer(request: httpx.Request) -> httpx.Response:
        assert not json.loads(request.content).get("stream")
        return httpx.Response(200, json=WHOLE)

    return stepwell.Client(transport=httpx.MockTransport(answer), api_keys={"openai": "k"}, **settings)


def whole(request: Request, call: CallNext) -> StepGenerator:
    return (yield from call(request.replace(stream=False)))


def read(request: Request, call: CallNext) -> StepGenerator:
    reader, chunks = ChunkReader((yield from call(request.replace(stream=False)))), []
    while (batch := (yield from reader.next())) is not None:
        chunks += batch
    assert reader.whole_reply().text == "hello"
    return streamed_response(request, chunks)


@pytest.mark.parametrize("step", [whole, read], ids=["returned", "read and given again"])
def test_an_unstreamed_answer_within_a_streamed_call_is_its_stream_and_counts_once(step: Any) -> None:
    stream = openai(pipeline=around("step", step)).stream_text("openai:gpt-4o-mini", "hi")
    assert list(stream.text_deltas()) == ["hello"]
    assert stream.reply().usage.total_tokens == 12


@pytest.mark.parametrize("answer", [httpx.Response(200), ServerAnswer(body="{}")])  # type: ignore[arg-type]
def test_another_answer_of_a_simulated_network_is_an_error_that_says_what_to_return(answer: Any) -> None:
    world = SimulatedWorld(1, lambda request, chance: answer)
    (error,) = world.run(world.client(api_keys={"openai": "k"}), [_ask_openai()])
    assert isinstance(error, StepError) and "return ServerAnswer(" in str(error)


def _ask_openai() -> Flow:
    return (yield CallModel("openai:gpt-4o-mini", "hi"))


def test_conformance_of_a_name_is_an_error_that_names_the_way_to_the_provider() -> None:
    with pytest.raises(ConfigError, match=r"not a str; pass stepwell\.provider"):
        conformance("groq")  # type: ignore[arg-type]


CALL = [ToolCallStart(0, "c1", "look"), ToolCallDelta(0, "{}"), ToolCallEnd(0)]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("place", ["a step", "a model of one's own"])
@pytest.mark.parametrize(
    ("items", "reason"),
    [
        (["text", ""], "stop"),
        (["text", Finish("length")], "length"),
        ([*CALL, UsageUpdate(Usage(1, 2))], "tool_calls"),
    ],
    ids=["without a Finish", "with a Finish", "a call that is not the last"],
)
def test_an_answer_of_own_chunks_ends_as_they_say(items: list[Any], reason: str, place: str, stream: bool) -> None:
    class Mine(CustomLLM):
        def stream_complete(self, prompt: str) -> Any:
            yield from deepcopy(items)

    def step(request: Request, call: CallNext) -> Response:
        return streamed_response(request, deepcopy(items))

    if place == "a step":
        mine = client("a", pipeline=around("mine", step))
        reply = mine.stream_text(MODEL, "hi").reply() if stream else mine.generate_text(MODEL, "hi")
    else:
        reply = Mine().stream_chat([stepwell.user("hi")]).reply() if stream else Mine().chat([stepwell.user("hi")])
    assert reply.finish_reason == reason
