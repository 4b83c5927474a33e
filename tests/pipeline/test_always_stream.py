"""A service that only streams, called without streaming: the reply and any error are those of the stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from stepwell import AsyncClient, Client, Reply, assistant, on_chunk, on_request, on_response
from stepwell.declare import declare_provider
from stepwell.pipeline.steps.always_stream import always_stream
from stepwell.providers.declare.registry import Registry
from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.schemas import errors
from stepwell.schemas.chunks import TextDelta
from stepwell.steps import Halt

from loopback import DONE, event
from recordings import Chunks, Recording, recordings

WIRES = {wire.name: wire for wire in (openai_chat, openai_responses, anthropic_messages)}
STREAMS = [each for each in recordings(*WIRES, streaming=True) if len(each.body) < 60_000]
WHOLE = b"".join((event("hel"), event("lo"), event(None, "stop"), DONE))
BROKEN = Chunks((event("hel"), event("lo")), httpx.ReadError("gone"))


def registry(wire: Any = openai_chat) -> Registry:
    made = Registry()
    made.register(
        declare_provider(
            "streamer",
            wire=wire,
            base_url="https://streamer.test",
            key_optional=True,
            attach=lambda pipeline, provider: always_stream(pipeline),
        )
    )
    return made


class Server:
    """A server that gives these bodies in turn, and records the requests and which bodies were released."""

    def __init__(self, *bodies: Chunks | bytes, status: int = 200) -> None:
        self.bodies = [body if isinstance(body, Chunks) else Chunks((body,)) for body in bodies]
        self.status = status
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return httpx.Response(self.status, stream=self.bodies[len(self.seen) - 1])


def ask(server: Server, driver: str = "sync", *, wire: Any = openai_chat, stream: bool = False, **settings: Any) -> Any:
    """Return the reply, or the error that was raised."""
    settings = {"transport": httpx.MockTransport(server), "registry": registry(wire), "retries": 0, **settings}

    async def aask() -> Any:
        async with AsyncClient(**settings) as client:
            if stream:
                return await client.stream_text("streamer:m", "hi").reply()
            return await client.generate_text("streamer:m", "hi")

    try:
        if driver == "async":
            return asyncio.run(aask())
        with Client(**settings) as client:
            if stream:
                return client.stream_text("streamer:m", "hi").reply()
            return client.generate_text("streamer:m", "hi")
    except errors.StepwellError as error:
        return error


def chunks_of(recording: Recording) -> Chunks:
    return Chunks(recording.chunks)


@pytest.mark.parametrize("driver", ["sync", "async"])
@pytest.mark.parametrize("recording", STREAMS, ids=lambda recording: recording.id)
def test_the_collected_reply_equals_the_streams(recording: Recording, driver: str) -> None:
    wire = WIRES[recording.api]
    streamed = ask(Server(chunks_of(recording), status=recording.status), wire=wire, stream=True)
    server = Server(chunks_of(recording), status=recording.status)
    gathered = ask(server, driver, wire=wire)
    if isinstance(streamed, Reply):
        assert gathered == streamed and gathered.context == streamed.context
    else:
        assert (type(gathered), str(gathered)) == (type(streamed), str(streamed))
        partial, expected = getattr(gathered, "partial", None), getattr(streamed, "partial", None)
        assert (partial and partial.message) == (expected and expected.message)
    assert b'"stream":true' in server.seen[0].content and server.bodies[0].closed


@pytest.mark.parametrize("driver", ["sync", "async"])
def test_a_broken_stream_is_an_error_with_the_chunks_so_far(driver: str) -> None:
    server = Server(Chunks((event("hel"), event("lo")), httpx.ReadError("gone")))
    error = ask(server, driver)
    assert isinstance(error, errors.StreamTruncated)
    assert error.partial.text == "hello" and not error.usage.complete and server.bodies[0].closed
    assert (error.provider, error.model) == ("streamer", "m")


@pytest.mark.parametrize("broken", [lambda: Chunks((event("hel"),), httpx.ReadError("gone")), lambda: Chunks((b"",))])
def test_a_call_that_broke_halfway_is_requested_again(
    broken: Callable[[], Chunks], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    server = Server(broken(), WHOLE)
    assert ask(server, retries=1).text == "hello" and len(server.seen) == 2


def test_a_connection_that_breaks_after_the_end_is_not_an_error() -> None:
    assert ask(Server(Chunks((WHOLE,), httpx.ReadError("gone")))).text == "hello"


def test_steps_see_a_whole_answer_outside_and_a_stream_inside() -> None:
    seen: list[Any] = []

    def shout(chunk: Any) -> Any:
        return TextDelta(chunk.text.upper(), chunk.index) if type(chunk) is TextDelta else None

    def note(response: Any) -> Any:
        seen.append(response.reply and response.reply.text)
        return response

    pipeline = [on_response("outside", note), on_chunk("dots", lambda chunk: None)]
    reply = ask(
        Server(WHOLE),
        pipeline=lambda made: made.prepend(*pipeline).before("open_stream", on_chunk("shout", shout)),
    )
    assert reply.text == "HELLO" and seen == ["HELLO"]


@pytest.mark.parametrize("place", ["check_options", "encode_body", "send"])
def test_a_step_may_answer_instead_of_the_service(place: str) -> None:
    canned = Reply(assistant("canned"), "stop", "stop")
    for result in (canned, Halt(canned)):
        step = on_request("cache", lambda request, result=result: result)
        reply = ask(Server(), pipeline=lambda made, step=step: made.before(place, step))
        assert isinstance(reply, Reply) and reply.text == "canned"


def test_every_on_end_is_called_once() -> None:
    reported: list[Any] = []

    def listen(response: Any) -> Any:
        return response.on_end(lambda reply, error: reported.append((reply and reply.text, type(error).__name__)))

    inside = lambda made: made.before("open_stream", on_response("listen", listen))
    ask(Server(WHOLE), pipeline=inside)
    ask(Server(BROKEN), pipeline=inside)
    assert reported == [("hello", "NoneType"), ("hello", "StreamTruncated")]
