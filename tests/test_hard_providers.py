"""Providers that are unlike others, as short as a user would declare them, with public names only."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import struct
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import orjson
import pytest

import stepwell
from stepwell import Reply, Tool, assistant, system, user
from stepwell.chunks import Finish, StreamChunk, TextDelta, ToolCallDelta, ToolCallEnd, ToolCallStart
from stepwell.costs import Usage
from stepwell.declare import Wire, declare_provider, openai_chat
from stepwell.errors import DecodeError, StreamTruncated, TotalTimeout
from stepwell.llm import CustomLLM
from stepwell.steps import (
    CallNext,
    Request,
    Send,
    Sleep,
    StepGenerator,
    around,
)

from every_way import WAYS, Ask, whole
from loopback import LONG, SOON, event


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Ask:
    return WAYS[request.param]


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


CLOCK = Tool(name="now", description="the time", parameters={"type": "object", "properties": {}})
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
