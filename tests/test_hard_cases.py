"""Steps that do hard things, as short as a user would write them, with public names only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import pytest

import stepwell
from stepwell import Reply, Tool, assistant, tool_result, user
from stepwell.chunks import Finish
from stepwell.errors import TransportError
from stepwell.steps import (
    CallNext,
    ChunkReader,
    Emit,
    Flow,
    Request,
    Response,
    Step,
    StepGenerator,
    around,
    gather,
    other_pipeline,
    race,
)

from every_way import USAGE, WAYS, Ask, whole
from loopback import LONG, SOON, Hangup, Seen, answer, chunk, event, serving, streaming

MODEL = "groq:any"
END = b"0\r\n\r\n"


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Ask:
    return WAYS[request.param]


def at(url: str, *steps: Step) -> dict[str, Any]:
    return {"base_urls": {"groq": url}, "api_keys": {"groq": "k"}, "retries": 0, "pipeline": [*steps]}


def says(seen: Seen, *words: str) -> Iterable[bytes]:
    """Answer with these words, streamed or not as the request says."""
    if "stream" not in seen.json:
        return [answer(whole("".join(words)))]
    events = [*map(event, words), event(None, "stop", usage=USAGE)]
    return [streaming() + b"".join(map(chunk, events)) + END]


# Race two models.


def racing(*models: str) -> Step:
    def run(request: Request, call: CallNext) -> StepGenerator:
        def one(model: str) -> Flow:
            pipeline, other = other_pipeline(request, model, {}, inside="race")
            return (yield from pipeline.flow(other))

        return (yield from race([one(model) for model in models]))

    return around("race", run)


def test_the_model_that_is_first_answers_and_the_other_is_cut(ask: Ask) -> None:
    def serve(seen: Seen) -> Iterable[bytes | float]:
        return [LONG] if seen.json["model"] == "slow" else says(seen, "I am ", "first")

    with serving(serve) as server:
        reply = ask(at(server.url, racing("groq:slow", "groq:quick")), MODEL, "hi")
        assert reply.text == "I am first"
        assert server.wait_until_free()


def gated(gate: threading.Event) -> Callable[[Seen], Iterable[bytes | float]]:
    """Serve a stream whose second half comes once the first was read."""

    def serve(seen: Seen) -> Iterable[bytes | float]:
        if seen.json["model"] == "slow":
            yield LONG
        yield streaming() + chunk(event("first "))
        assert gate.wait(SOON)
        yield chunk(event("second") + event(None, "stop")) + END

    return serve


def test_the_winners_pieces_are_read_as_they_come() -> None:
    gate = threading.Event()
    with (
        serving(gated(gate)) as server,
        stepwell.Client(**at(server.url, racing("groq:slow", "groq:quick"))) as client,
    ):
        texts = client.stream_text(MODEL, "hi").text_deltas()
        assert next(texts) == "first "
        gate.set()
        assert list(texts) == ["second"]


async def test_the_winners_pieces_are_read_as_they_come_async() -> None:
    gate = threading.Event()
    with serving(gated(gate)) as server:
        async with stepwell.AsyncClient(**at(server.url, racing("groq:slow", "groq:quick"))) as client:
            texts = client.stream_text(MODEL, "hi").text_deltas()
            assert await anext(texts) == "first "
            gate.set()
            assert [text async for text in texts] == ["second"]


# Fail over in the middle of a stream.


def continued_by(model: str) -> Step:
    def run(request: Request, call: CallNext) -> StepGenerator:
        response = yield from call(request)
        return Response(request, flow=chunks(request, response)) if request.stream else response

    def chunks(request: Request, response: Response) -> Flow:
        reader, said = ChunkReader(response), ""
        try:
            while (batch := (yield from reader.next())) is not None:
                said += "".join(each.text for each in batch if each.type == "text")
                yield Emit(batch)
            return
        except TransportError:
            context = request.context.append(assistant(said), user("Go on."))
        pipeline, other = other_pipeline(request.replace(context=context), model, {}, inside="continued")
        reader = ChunkReader((yield from pipeline.flow(other)))
        while (batch := (yield from reader.next())) is not None:
            yield Emit(batch)

    return around("continued", run)


def test_another_model_goes_on_where_a_stream_broke(ask: Ask) -> None:
    def serve(seen: Seen) -> Iterable[bytes]:
        if seen.json["model"] == "breaks" and "stream" in seen.json:
            yield streaming() + chunk(event("One, two, "))
            raise Hangup
        yield from says(seen, "three.")

    with serving(serve) as server:
        reply = ask(at(server.url, continued_by("groq:steady")), "groq:breaks", "Count.")
        streamed = len(server.seen) == 2
        assert reply.text == ("One, two, three." if streamed else "three.")
        if streamed:
            assert [each["content"] for each in server.seen[1].json["messages"]] == [  # type: ignore[attr-defined]
                "Count.",
                "One, two, ",
                "Go on.",
            ]


# Add a tool and answer it, unseen by the caller.

CLOCK = Tool(name="now", description="the time", parameters={"type": "object", "properties": {}})


def with_clock(request: Request, call: CallNext) -> StepGenerator:
    asked = request.replace(context=request.context.with_tools(*request.context.tools, CLOCK))
    if request.stream:
        return Response(request, flow=streamed_with_clock(asked, call))
    while True:
        response = yield from call(asked)
        if not (calls := own_calls(response.reply)):
            return response
        asked = answered(asked, response.reply, calls)


def streamed_with_clock(asked: Request, call: CallNext) -> Flow:
    while True:
        reader = ChunkReader((yield from call(asked)))
        while (batch := (yield from reader.next())) is not None:
            yield Emit([each for each in batch if each.type == "text"])
        reply = reader.whole_reply()
        if not (calls := own_calls(reply)):
            yield Emit([Finish(reply.finish_reason or "stop")])
            return
        asked = answered(asked, reply, calls)


def own_calls(reply: Reply) -> list[Any]:
    return [call for call in reply.tool_calls if call.name == "now"]


def answered(asked: Request, reply: Reply, calls: list[Any]) -> Request:
    results = [tool_result(call, "12:00") for call in calls]
    return asked.replace(context=asked.context.append(reply.message, *results))


def test_a_step_answers_a_tool_of_its_own_inside_the_answer(ask: Ask) -> None:
    def serve(seen: Seen) -> Iterable[bytes]:
        messages: Any = seen.json["messages"]
        if messages[-1]["role"] == "tool":
            return says(seen, "It is ", messages[-1]["content"])
        if "stream" not in seen.json:
            return [answer(whole("Wait. ", "now"))]
        call = {"index": 0, "id": "c", "type": "function", "function": {"name": "now", "arguments": "{}"}}
        called = b"data: " + orjson.dumps({"choices": [{"delta": {"tool_calls": [call]}}]}) + b"\n\n"
        events = [event("Wait. "), called, event(None, "tool_calls", usage=USAGE)]
        return [streaming() + b"".join(map(chunk, events)) + END]

    with serving(serve) as server:
        reply = ask(at(server.url, around("clock", with_clock)), MODEL, "What time is it?")
    assert reply.text in ("It is 12:00", "Wait. It is 12:00") and reply.tool_calls == ()
    assert reply.usage.total_tokens == 14 and len(reply.steps) == 2


# Ask three models at once, and let another judge.


def judging(*models: str) -> Step:
    def run(request: Request, call: CallNext) -> StepGenerator:
        def draft(model: str) -> Flow:
            pipeline, other = other_pipeline(request.replace(stream=False), model, {}, inside="judging")
            response = yield from pipeline.flow(other)
            return response.reply.text

        drafts = yield from gather([draft(model) for model in models])
        return (yield from call(request.replace(context=request.context.append("Drafts: " + ", ".join(drafts)))))

    return around("judging", run)


def test_three_drafts_are_made_at_once_and_judged(ask: Ask) -> None:
    together = threading.Barrier(3)

    def serve(seen: Seen) -> Iterable[bytes]:
        if seen.json["model"] == "any":
            return says(seen, seen.json["messages"][-1]["content"])  # type: ignore[index]
        together.wait(SOON)  # breaks, and fails the call, unless all three are under way
        return says(seen, str(seen.json["model"]))

    with serving(serve) as server:
        reply = ask(at(server.url, judging("groq:a", "groq:b", "groq:c")), MODEL, "Write.")
    assert reply.text == "Drafts: a, b, c"
    assert reply.usage.total_tokens == 4 * 7
