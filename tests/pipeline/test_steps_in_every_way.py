"""What a step does to an answer is the same in sync, async, streamed and unstreamed calls, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import stepwell
from stepwell import Reply, assistant, on_chunk, on_error, on_request, on_response
from stepwell.chunks import StreamChunk, TextDelta
from stepwell.declare import declare_provider, openai_chat
from stepwell.errors import ServerError
from stepwell.llm import CustomLLM
from stepwell.messages import Reasoning, Text
from stepwell.providers.declare.registry import Registry
from stepwell.schemas.chunks import Warned
from stepwell.schemas.message import Message
from stepwell.schemas.reply import CallWarning
from stepwell.schemas.usage import Usage
from stepwell.steps import (
    CallModel,
    CallNext,
    Emit,
    Flow,
    Halt,
    Request,
    Response,
    Sleep,
    Step,
    StepGenerator,
    always_stream,
    around,
    concurrency,
    gather,
    performing,
    react_tools,
    streamed_response,
)
from stepwell.testing import FakeModel

from every_way import WAYS, Ask, whole

MODEL = "fake:any"
every_way = pytest.mark.parametrize("ask", [pytest.param(ask, id=way) for way, ask in WAYS.items()])


def faked(*turns: Any, **settings: Any) -> dict[str, Any]:
    return {"registry": FakeModel(*turns, repeat=True).registry, "retries": 0, **settings}


# --- answers of a step's own


def raising_halt(request: Request, call: CallNext) -> StepGenerator:
    raise Halt(streamed_response(request, ["one ", "two"]))
    yield


@every_way
@pytest.mark.parametrize(
    ("step", "turn"),
    [
        (on_error("s", lambda request, error: streamed_response(request, ["one ", "two"])), ServerError("down")),
        (on_response("s", lambda response: streamed_response(response.request, ["one ", "two"])), "other"),
        (on_request("s", lambda request: Halt(streamed_response(request, ["one ", "two"]))), "other"),
        (around("s", raising_halt), "other"),
    ],
    ids=["on_error", "on_response", "Halt", "raise Halt"],
)
def test_a_streamed_response_answers_each_form_of_a_step(ask: Ask, step: Step, turn: Any) -> None:
    shout = on_chunk("shout", lambda chunk: TextDelta(chunk.text.upper()) if chunk.type == "text" else None)
    assert ask(faked(turn, pipeline=step), MODEL, "hi").text == "one two"
    if step.kind in ("error", "response"):
        assert ask(faked(turn, pipeline=[shout, step]), MODEL, "hi").text == "ONE TWO"


@every_way
def test_a_halt_within_the_flow_of_an_answer_ends_it(ask: Ask) -> None:
    def halting(outcome: Any) -> Step:
        def chunks() -> Flow:
            yield Emit([TextDelta("begun ")])
            raise Halt(outcome)

        return around("halting", lambda request, call: Response(request, flow=chunks()))  # type: ignore[arg-type,return-value]

    assert ask(faked("x", pipeline=halting(Reply(assistant("halted")))), MODEL, "hi").text.endswith("halted")
    with pytest.raises(ServerError, match="ended"):
        ask(faked("x", pipeline=halting(ServerError("ended"))), MODEL, "hi")


def unstreamed(request: Request, call: CallNext) -> StepGenerator:
    return (yield from call(request.replace(stream=False)))


def unstreamed_reply(request: Request, call: CallNext) -> StepGenerator:
    return (yield from call(request.replace(stream=False))).reply


def another_call(request: Request, call: CallNext) -> StepGenerator:
    if request.context.messages[-1].text == "asked":
        return (yield from call(request))
    return (yield CallModel(request.model, "asked"))


HALTED = Reply(assistant("yes"), "stop", warnings=(CallWarning("limit", "was lowered"),))


@every_way
@pytest.mark.parametrize(
    "outside",
    [
        on_request("s", lambda request: HALTED),
        on_request("s", lambda request: Halt(HALTED)),
        on_error("s", lambda request, error: HALTED),
        around("s", unstreamed),
        around("s", unstreamed_reply),
        around("s", another_call),
    ],
    ids=["on_request", "Halt", "on_error", "unstreamed", "unstreamed_reply", "another_call"],
)
def test_an_answer_that_did_not_come_as_a_stream_keeps_its_warnings_once(ask: Ask, outside: Step) -> None:
    def inside(request: Request, call: CallNext) -> StepGenerator:
        if outside.kind == "error":
            raise ServerError("down")
        return (yield from call(request.warn("limit", "was lowered")))

    reply = ask(faked("yes", pipeline=[outside, around("inside", inside)]), MODEL, "hi")
    assert [(each.subject, each.why) for each in reply.warnings] == [("limit", "was lowered")]


@every_way
def test_a_reply_that_a_step_returns_has_its_headers_and_request_id(ask: Ask) -> None:
    answer = httpx.Response(200, content=whole("yes"), headers={"x-request-id": "r-1", "x-queue": "b7"})
    settings = {"transport": httpx.MockTransport(lambda request: answer), "api_keys": {"groq": "k"}}
    reply = ask({**settings, "pipeline": around(unstreamed_reply)}, "groq:llama-3.3-70b-versatile", "hi")
    assert (reply.request_id, reply.headers["x-queue"]) == ("r-1", "b7")


# --- what chunks say


@every_way
def test_a_chunk_step_can_warn_and_name_the_model(ask: Ask) -> None:
    def change(chunk: StreamChunk) -> Any:
        if chunk.type == "start":
            return [type(chunk)("id-2", "another")]
        return [Warned((CallWarning("length", "shorter than usual"),)), chunk] if chunk.type == "finish" else None

    reply = ask(faked(Reply(assistant("a"), "stop", id="id-1"), pipeline=on_chunk(change)), MODEL, "hi")
    assert [str(each) for each in reply.warnings] == ["length: shorter than usual"]
    assert (reply.id, reply.model) == ("id-2", "another")


@every_way
def test_what_is_read_out_of_a_text_leaves_the_other_parts(ask: Ask) -> None:
    def look_up(word: str) -> str:
        """Look up."""
        return word

    said = 'Thought: need it\nAction: look_up\nAction Input: {"word": "a"}'
    turn = Reply(Message("assistant", [Reasoning("of its own"), Text(said)]), "stop")
    reply = ask(faked(turn), MODEL, "hi", tools=[look_up], pipeline=react_tools())
    kinds = [getattr(part, "name", getattr(part, "text", "")) for part in reply.message.content]
    assert kinds == ["of its own", "need it", "look_up"]


# --- calls of steps count once


def asking_twice(model: str) -> Step:
    def run(request: Request, call: CallNext) -> StepGenerator:
        if request.context.messages[-1].text != "hi":
            return (yield from call(request))
        yield from gather([performing(CallModel(model, "one")), performing(CallModel(model, "two"))])
        return (yield from call(request))

    return around("asking_twice", run)


EVENTS = b"""data: {"choices": [{"delta": {"content": "yes"}, "finish_reason": "stop"}],
data: "usage": {"prompt_tokens": 10, "completion_tokens": 5}}

data: [DONE]

"""


def only_streams() -> dict[str, Any]:
    registry = Registry()
    attach: Any = lambda pipeline, provider: always_stream(pipeline)
    url = "https://acme.test/v1"
    registry.register(declare_provider("acme", wire=openai_chat, base_url=url, key_optional=True, attach=attach))
    answer = httpx.Response(200, content=EVENTS, headers={"content-type": "text/event-stream"})
    return {"registry": registry, "transport": httpx.MockTransport(lambda request: answer)}


def a_fake() -> dict[str, Any]:
    return faked(Reply(assistant("yes"), "stop", usage=Usage(10, 5)))


def in_the_process() -> dict[str, Any]:
    class Saying(CustomLLM):
        def complete(self, prompt: str) -> Reply:
            return Reply(assistant("yes"), "stop", usage=Usage(10, 5))

    registry = Registry()
    registry.register(Saying().provider)
    return {"registry": registry}


@every_way
@pytest.mark.parametrize(
    ("settings", "model"), [(a_fake, MODEL), (only_streams, "acme:m"), (in_the_process, "saying:default")]
)
def test_calls_besides_the_own_one_count_once_each(ask: Ask, settings: Callable[[], Any], model: str) -> None:
    reply = ask({**settings(), "pipeline": asking_twice(model)}, model, "hi")
    assert (len(reply.steps), reply.usage.input_tokens, reply.usage.output_tokens) == (3, 30, 15)
    assert [each.usage.input_tokens for each in reply.steps] == [10, 10, 10]


@every_way
def test_a_call_that_a_fake_answers_has_its_attempt(ask: Ask) -> None:
    assert [each.status for each in ask(faked("yes"), MODEL, "hi").attempts] == [200]


@every_way
@pytest.mark.parametrize(("settings", "model"), [(a_fake, MODEL), (only_streams, "acme:m")])
def test_a_reply_that_a_step_changes_is_no_further_call(ask: Ask, settings: Callable[[], Any], model: str) -> None:
    def noted(request: Request, call: CallNext) -> StepGenerator:
        response = yield from call(request)
        return response if response.reply is None else response.reply.replace(metadata={"noted": True})  # type: ignore[return-value]

    assert ask({**settings(), "pipeline": around("noted", noted)}, model, "hi").steps == ()


# --- ends


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_function_of_an_end_that_fails_leaves_nothing_held(left: bool, asynchronous: bool) -> None:
    """The functions of other steps are called, and the connection is returned, before its error is raised."""

    def fail(reply: object, error: object) -> None:
        raise ZeroDivisionError

    ended: list[str] = []
    places = concurrency(1)
    steps = [
        on_response("outer", lambda response: response.on_end(lambda reply, error: ended.append("outer"))),
        places,
        on_response("failing", lambda response: response.on_end(fail)),
    ]
    closed: list[bool] = []

    class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Any:
            yield from (EVENTS[:9], EVENTS[9:])

        async def __aiter__(self) -> Any:
            for piece in self:
                yield piece

        def close(self) -> None:
            closed.append(True)

        async def aclose(self) -> None:
            closed.append(True)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Body(), headers={"content-type": "text/event-stream"})

    settings: Any = {"transport": httpx.MockTransport(answer), "api_keys": {"groq": "k"}, "pipeline": steps}
    # The total timeout ends a call that waits for its place.
    model, timeout = "groq:llama-3.3-70b-versatile", stepwell.Timeouts(total=5)

    def run() -> None:
        with pytest.raises(ZeroDivisionError):
            with stepwell.Client(**settings).stream_text(model, "hi", timeout=timeout) as stream:
                stream.next_chunks() if left else stream.reply()

    async def arun() -> None:
        with pytest.raises(ZeroDivisionError):
            async with stepwell.AsyncClient(**settings).stream_text(model, "hi", timeout=timeout) as stream:
                await stream.next_chunks() if left else await stream.reply()

    for number in (1, 2):
        asyncio.run(arun()) if asynchronous else run()
        assert (len(ended), len(closed)) == (number, number)


def raising(request: Request, call: CallNext) -> StepGenerator:
    response = yield from call(request)
    raise ZeroDivisionError(response.status)


def raising_beside(request: Request, call: CallNext) -> StepGenerator:
    if request.context.messages[-1].text == "beside":
        return (yield from call(request))
    reader = yield CallModel(request.model, "beside", stream=True)
    yield from reader.next()
    raise ZeroDivisionError


def refusing(response: Response) -> Response:
    raise ZeroDivisionError(response.status)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("step", "stream"),
    [
        (around(raising), True),
        (on_response(refusing), True),
        (on_chunk("make", make=lambda request: 1 // 0), True),  # type: ignore[arg-type,return-value]
        (around(raising_beside), True),
        (around(raising_beside), False),
    ],
    ids=["around", "on_response", "on_chunk", "beside", "beside unstreamed"],
)
def test_an_error_that_is_kept_keeps_no_stream_open(step: Step, stream: bool, asynchronous: bool) -> None:
    fake, places = FakeModel("yes", repeat=True, pieces=1), concurrency(1)
    settings = {"registry": fake.registry, "pipeline": [step, places]}

    async def arun() -> None:
        client = stepwell.AsyncClient(**settings)
        await client.stream_text(MODEL, "hi") if stream else await client.generate_text(MODEL, "hi")

    def run() -> None:
        client = stepwell.Client(**settings)
        client.stream_text(MODEL, "hi") if stream else client.generate_text(MODEL, "hi")

    with pytest.raises(ZeroDivisionError) as kept:
        asyncio.run(arun()) if asynchronous else run()
    assert (fake.open, places.states()) == (0, {}) and kept.value is not None


# --- waits


@pytest.mark.parametrize("seconds", [-0.001, 0, -1e9])
def test_a_sleep_until_a_time_that_is_over_does_not_wait(seconds: float) -> None:
    def late() -> Flow:
        yield Sleep(seconds)
        return "awake"

    async def arun(flow: Flow) -> Any:
        return await stepwell.AsyncClient(**faked("x")).run_workflow(flow)

    client = stepwell.Client(**faked("x"))
    assert client.run_workflow(late()) == asyncio.run(arun(late())) == "awake"
    assert client.run_workflow(gather([late(), late()])) == asyncio.run(arun(gather([late(), late()])))
