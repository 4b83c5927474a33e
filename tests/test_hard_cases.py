"""Hard cases, as short as a user would write them, with public names only: each sync and async, streamed and not."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import struct
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import httpx
import orjson
import pytest

import stepwell
from stepwell import Reply, Tool, assistant, system, tool_result, user
from stepwell.chunks import Finish, StreamChunk, TextDelta, ToolCallDelta, ToolCallEnd, ToolCallStart
from stepwell.costs import Usage
from stepwell.declare import Wire, declare_provider, openai_chat
from stepwell.errors import DecodeError, StreamTruncated, TotalTimeout, TransportError
from stepwell.llm import CustomLLM
from stepwell.steps import (
    CallNext,
    ChunkReader,
    Emit,
    Flow,
    Request,
    Response,
    Send,
    Sleep,
    Step,
    StepGenerator,
    around,
    gather,
    other_pipeline,
    race,
)

from loopback import LONG, SOON, Hangup, Seen, answer, chunk, event, serving, streaming

MODEL = "groq:any"
END = b"0\r\n\r\n"
Ask = Callable[..., Reply]


@pytest.fixture(params=["sync", "async", "streamed", "async streamed"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Return `ask(settings, model, prompt)`, which makes one call by a new client."""
    streamed = "streamed" in request.param

    def in_sync(settings: dict[str, Any], model: str, prompt: Any, **options: Any) -> Reply:
        with stepwell.Client(**settings) as client:
            if streamed:
                return client.stream_text(model, prompt, **options).reply()
            return client.generate_text(model, prompt, **options)

    async def in_async(settings: dict[str, Any], model: str, prompt: Any, **options: Any) -> Reply:
        async with stepwell.AsyncClient(**settings) as client:
            if streamed:
                return await client.stream_text(model, prompt, **options).reply()
            return await client.generate_text(model, prompt, **options)

    return (lambda *args, **options: asyncio.run(in_async(*args, **options))) if "async" in request.param else in_sync


def at(url: str, *steps: Step) -> dict[str, Any]:
    return {"base_urls": {"groq": url}, "api_keys": {"groq": "k"}, "retries": 0, "pipeline": [*steps]}


def whole(text: str, *calls: str) -> bytes:
    called = [{"id": f"c-{name}", "type": "function", "function": {"name": name, "arguments": "{}"}} for name in calls]
    message = {"role": "assistant", "content": text, **({"tool_calls": called} if calls else {})}
    choice = {"message": message, "finish_reason": "tool_calls" if calls else "stop"}
    return orjson.dumps({"choices": [choice], "usage": USAGE})


USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


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


# Sign the final body.


def test_each_attempt_is_signed_anew_over_the_final_body(ask: Ask, registry: Any) -> None:
    dates = itertools.count(1)

    def signature(method: str, url: str, date: str, body: bytes) -> str:
        signed = "\n".join([method, url, date, hashlib.sha256(body).hexdigest()])
        return hmac.new(b"s3cr3t", signed.encode(), hashlib.sha256).hexdigest()

    def sign(request: Request) -> Request:
        assert request.credential["secret"].reveal() == "s3cr3t"
        date = str(next(dates))
        signed = signature(request.method, request.url, date, request.body)
        return request.with_headers(x_date=date, x_signature=signed)

    registry.register(declare_provider("signed", wire=openai_chat, base_url="https://signed.test/v1", auth=sign))
    seen = []

    def serve(asked: httpx.Request) -> httpx.Response:
        date = asked.headers["x-date"]
        assert asked.headers["x-signature"] == signature(asked.method, str(asked.url), date, asked.content)
        seen.append(date)
        if len(seen) == 1:
            return httpx.Response(503, headers={"retry-after": "0"}, json={})
        return mocked(asked, "hello")

    keys = {"signed": {"access": "AK", "secret": "s3cr3t"}}
    settings = {"transport": httpx.MockTransport(serve), "registry": registry, "api_keys": keys}
    assert ask(settings, "signed:m", "hi", provider_options={"extra": 1}).text == "hello"
    assert seen == ["1", "2"]


def mocked(asked: httpx.Request, text: str) -> httpx.Response:
    if b'"stream":true' not in asked.content:
        return httpx.Response(200, content=whole(text))
    body = event(text) + event(None, "stop")
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)


@pytest.fixture
def registry() -> Any:
    from stepwell.providers.declare.registry import Registry

    return Registry()


# Submit a job, ask for its state, fetch its result.


def polled(request: Request, call: CallNext) -> StepGenerator:
    response = yield from call(request)
    job = f"{request.base_url}/jobs/{orjson.loads(response.body)['id']}"
    while response.status == 202 or orjson.loads(response.body)["state"] != "done":
        yield Sleep(0.001)
        response = yield Send(request.replace(method="GET", url=job, body=b""))
    return (yield Send(request.replace(method="GET", url=f"{job}/result", body=b"")))


def in_one_piece(request: Request, call: CallNext) -> StepGenerator:
    response = yield from call(request.replace(stream=False))
    return response.reply if request.stream else response


JOBS = declare_provider(
    "jobs",
    wire=Wire(
        name="jobs",
        path="/jobs",
        build_body=lambda request: {"prompt": "\n".join(message.text for message in request.context)},
        decode_response=lambda data, model: Reply(assistant(data["result"]), "stop"),
        extract_usage=lambda data, model: Usage(input_tokens=data["in"], output_tokens=data["out"]),
    ),
    base_url="https://jobs.test",
    attach=lambda pipeline, provider: pipeline.prepend(around("in_one_piece", in_one_piece)).after(
        "authenticate", around("polled", polled)
    ),
)


def test_a_job_service_stands_behind_an_ordinary_call(ask: Ask, registry: Any) -> None:
    registry.register(JOBS)
    states = iter(["waiting", "running", "done"])

    def serve(asked: httpx.Request) -> httpx.Response:
        assert asked.headers["authorization"] == "Bearer k"
        if asked.method == "POST":
            return httpx.Response(202, json={"id": "j1"})
        if asked.url.path == "/jobs/j1":
            return httpx.Response(200, json={"state": next(states)})
        return httpx.Response(200, json={"result": "done it", "in": 3, "out": 2})

    settings = {"transport": httpx.MockTransport(serve), "registry": registry, "api_keys": {"jobs": "k"}}
    reply = ask(settings, "jobs:m", "Do it.")
    assert (reply.text, reply.usage.total_tokens) == ("done it", 5)


# Binary frames, with the usage in headers.


def frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BI", kind, len(payload)) + payload + struct.pack(">I", zlib.crc32(payload))


def parse(data: bytes, buffer: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    frames, rest = [], buffer + data
    while len(rest) >= 5:
        kind, size = struct.unpack(">BI", rest[:5])
        if len(rest) < size + 9:
            break
        payload, rest = rest[5 : size + 5], rest[size + 5 :]
        if struct.unpack(">I", rest[:4])[0] != zlib.crc32(payload):
            raise DecodeError("a frame has another checksum")
        frames.append((kind, payload))
        rest = rest[4:]
    return frames, rest


def decode_frame(frame: tuple[int, bytes], model: Any, state: Any) -> tuple[list[StreamChunk], Any]:
    kind, payload = frame
    return ([TextDelta(payload.decode())] if kind == 1 else [Finish("stop")]), state


FRAMES = declare_provider(
    "frames",
    wire=Wire(
        name="frames",
        path="/chat",
        binary=True,
        content_type="application/octet-stream",
        build_body=lambda request: request.context.messages[-1].text,
        encode_body=lambda text: frame(1, text.encode()),
        decode_response=lambda body, model: Reply(
            assistant("".join(payload.decode() for _, payload in parse(body.data, b"")[0])), "stop"
        ),
        counted_in_headers={"input_tokens": "x-tokens-in", "output_tokens": "x-tokens-out"},
        parse_stream_protocol=parse,
        decode_stream_event=decode_frame,
    ),
    base_url="https://frames.test",
)


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, data: bytes) -> None:
        self.pieces = [data[at : at + 3] for at in range(0, len(data), 3)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


def serve_frames(data: bytes) -> httpx.MockTransport:
    def serve(asked: httpx.Request) -> httpx.Response:
        assert asked.content == frame(1, "hé".encode())
        return httpx.Response(200, headers={"x-tokens-in": "3", "x-tokens-out": "2"}, stream=Pieces(data))

    return httpx.MockTransport(serve)


def test_binary_frames_are_read_and_their_usage_comes_from_headers(ask: Ask, registry: Any) -> None:
    registry.register(FRAMES)
    data = frame(1, b"hello ") + frame(1, b"world") + frame(2, b"")
    settings = {"transport": serve_frames(data), "registry": registry, "api_keys": {"frames": "k"}}
    reply = ask(settings, "frames:m", "hé")
    assert (reply.text, reply.usage.input_tokens, reply.usage.output_tokens) == ("hello world", 3, 2)


def test_a_stream_that_is_cut_in_a_frame_is_an_error_with_what_has_come(registry: Any) -> None:
    registry.register(FRAMES)
    transport = serve_frames(frame(1, b"hello") + frame(2, b"")[:-3])
    with stepwell.Client(transport=transport, registry=registry, api_keys={"frames": "k"}, retries=0) as client:
        with pytest.raises(StreamTruncated) as caught:
            client.stream_text("frames:m", "hé").reply()
        assert caught.value.partial is not None and caught.value.partial.text == "hello"


# A model in this process.


class Mine(CustomLLM):
    def __init__(self, gate: threading.Event | None = None) -> None:
        super().__init__()
        self.gate = gate or threading.Event()
        self.got: list[Any] = []

    def stream_complete(self, messages: Any, *, tools: Any = None) -> Iterator[str | StreamChunk]:
        self.got = [[message.role for message in messages], [tool["name"] for tool in tools or ()]]
        yield "first "
        assert self.gate.wait(SOON)
        yield TextDelta("second")
        if tools:
            yield from (ToolCallStart(1, "c1", "now"), ToolCallDelta(1, "{}"), ToolCallEnd(1))


CONVERSATION = [system("S"), user("a"), assistant("b"), user("c")]


@pytest.mark.parametrize("way", ["chat", "stream_chat", "achat", "astream_chat"])
def test_a_model_in_the_process_gets_messages_and_tools_whole(way: str) -> None:
    llm = Mine()
    llm.gate.set()

    async def in_async() -> Reply:
        if way == "achat":
            return await llm.achat(CONVERSATION, tools=[CLOCK])
        return await llm.astream_chat(CONVERSATION, tools=[CLOCK]).reply()

    if way.startswith("a"):
        reply = asyncio.run(in_async())
    else:
        reply = (
            llm.chat(CONVERSATION, tools=[CLOCK])
            if way == "chat"
            else llm.stream_chat(CONVERSATION, tools=[CLOCK]).reply()
        )
    assert llm.got == [["system", "user", "assistant", "user"], ["now"]]
    assert reply.text == "first second" and reply.tool_calls[0].name == "now"


def test_its_pieces_are_read_as_they_come() -> None:
    llm = Mine()
    texts = llm.stream_chat("hi").text_deltas()
    assert next(texts) == "first "
    llm.gate.set()
    assert list(texts) == ["second"]


async def test_its_pieces_are_read_as_they_come_async_and_leaving_ends_it() -> None:
    ended = []

    class Endless(CustomLLM):
        async def astream_complete(self, messages: Any) -> AsyncIterator[str]:
            try:
                for number in itertools.count():
                    yield str(number)
            finally:
                ended.append(messages[0].text)

    async with Endless().astream_chat("hi") as stream:
        assert await anext(stream.text_deltas()) == "0"
    assert ended == ["hi"]


async def test_a_timeout_cancels_it() -> None:
    class Slow(CustomLLM):
        async def acomplete(self, messages: Any) -> str:
            await asyncio.sleep(LONG)
            return "never"

    with pytest.raises(TotalTimeout):
        await Slow().achat("hi", timeout=0.01)
