"""Something else in place of a stream: a complete answer, an error, a page. The result is the same as without
streaming. Streams with a wrong content type are decoded as streams."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import orjson
import pytest
from chat_wires import CHAT_WIRES
from in_turn import in_turn

from stepwell import AsyncClient, Client, Reply
from stepwell.providers.declare.wire import Wire
from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.bedrock_invoke import bedrock_invoke_anthropic, bedrock_invoke_openai
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.schemas.errors import DecodeError, Overloaded, ProviderError, QuotaError, RateLimitError, StepwellError

from recordings import Chunks, Recording, by_id, recordings, registry_of, replay

pytestmark = pytest.mark.usefixtures("no_sleep")

WIRES = {**CHAT_WIRES, **{wire.name: wire for wire in (bedrock_invoke_anthropic, bedrock_invoke_openai)}}
WHOLE = [each for each in recordings(*WIRES, streaming=False) if each.status == 200]
EVENTS = [
    each
    for each in recordings("openai_chat", "anthropic_messages", "google_generate", "bedrock_converse", streaming=True)
    if each.status == 200 and "error" not in each.expected and len(each.body) < 20_000
]
# Both drivers run the same steps; that they do is shown on a wire of text and on one of frames.
BY_BOTH_DRIVERS = {"openai_chat", "bedrock_converse"}
PAGE = b"<!DOCTYPE html><html><title>Sign in</title>" + b"<p>to go on</p>" * 50
REPORTED = orjson.dumps({"error": {"message": "Insufficient credits", "code": 402}})


def reported(outcome: Any) -> Any:
    """Summarise an outcome without what only an unstreamed body has."""
    if isinstance(outcome, StepwellError):
        return type(outcome), outcome.message, getattr(outcome, "status", None)
    return outcome.replace(raw=None, warnings=())


def drivers_of(wire: str) -> tuple[str, ...]:
    return ("sync", "async") if wire in BY_BOTH_DRIVERS else ("sync",)


driven_wires = pytest.mark.parametrize(
    ("wire", "driver"),
    [pytest.param(wire, driver, id=f"{name}-{driver}") for name, wire in WIRES.items() for driver in drivers_of(name)],
)


@pytest.mark.parametrize(
    ("recording", "driver"),
    [pytest.param(each, driver, id=f"{each.id}-{driver}") for each in WHOLE for driver in drivers_of(each.api)],
)
def test_an_unstreamed_answer_is_given_as_a_stream(recording: Recording, driver: str) -> None:
    wire = WIRES[recording.api]
    streamed = replay(recording, wire, driver=driver, stream=True)
    assert reported(streamed) == reported(replay(recording, wire))


def test_an_unstreamed_answer_in_place_of_a_stream_is_reported() -> None:
    recording = next(each for each in WHOLE if each.api == "openai_chat" and "error" not in each.expected)
    warning, *_ = replay(recording, openai_chat, stream=True).warnings
    assert (warning.subject, "unstreamed" in warning.why) == ("stream", True)


def ask(wire: Wire, body: bytes, kind: str | None, driver: str, *, stream: bool = True, pieces: int = 0) -> Any:
    """Return the outcome and the number of requests."""
    asked: list[Chunks] = []

    def handler(request: httpx.Request) -> httpx.Response:
        size = pieces or len(body) or 1
        asked.append(Chunks(tuple(body[at : at + size] for at in range(0, len(body), size))))
        return httpx.Response(200, stream=asked[-1], headers={"content-type": kind} if kind else {})

    settings: dict[str, Any] = {"transport": httpx.MockTransport(handler), "registry": registry_of(wire)}
    settings["retries"] = 2

    async def main() -> Reply:
        async with AsyncClient(**settings) as client:
            return await client.stream_text("recorded:m", "hi").reply()

    try:
        if driver == "async":
            return asyncio.run(main()), len(asked)
        with Client(**settings) as client:
            if stream:
                return client.stream_text("recorded:m", "hi").reply(), len(asked)
            return client.generate_text("recorded:m", "hi"), len(asked)
    except StepwellError as error:
        assert all(body.closed for body in asked)
        return error, len(asked)


@pytest.mark.parametrize("pieces", [0, 1])
@driven_wires
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", None])
def test_an_error_in_place_of_a_stream_is_typed_and_not_sent_again(
    wire: Wire, kind: str | None, driver: str, pieces: int
) -> None:
    error, requests = ask(wire, b" \n" + REPORTED, kind, driver, pieces=pieces)
    assert type(error) is QuotaError and "Insufficient credits" in str(error)
    assert requests == 1


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES.keys())
@pytest.mark.parametrize("code", [402, 429, 503])
def test_the_error_is_that_of_an_unstreamed_call(wire: Wire, code: int) -> None:
    body = orjson.dumps({"error": {"message": "no", "code": code, "retry_after": 0}}, option=orjson.OPT_INDENT_2)
    whole, _ = ask(wire, body, "application/json", "sync", stream=False)
    streamed, _ = ask(wire, body, "application/json", "sync")
    assert type(streamed) is type(whole) and isinstance(whole, ProviderError)


@pytest.mark.parametrize(("code", "kind"), [(429, RateLimitError), (503, Overloaded)])
def test_temporary_errors_are_sent_again(code: int, kind: type) -> None:
    body = orjson.dumps({"error": {"message": "wait", "code": code}})
    error, requests = ask(openai_chat, body, "application/json", "sync")
    assert (type(error), requests) == (kind, 3)


@driven_wires
@pytest.mark.parametrize("kind", ["text/html", "text/event-stream", None])
def test_a_page_in_place_of_a_stream_is_an_error_with_its_text_and_no_retry(
    wire: Wire, kind: str | None, driver: str
) -> None:
    error, requests = ask(wire, PAGE, kind, driver)
    assert type(error) is DecodeError and requests == 1
    assert PAGE[:200].decode() in str(error) and error.payload == PAGE


def test_a_plain_text_is_not_a_stream_either() -> None:
    error, requests = ask(openai_chat, b"upstream gone", "text/plain", "sync")
    assert type(error) is DecodeError and "upstream gone" in str(error) and requests == 1


@in_turn("size", [1, 1000])
@in_turn("start", [b"", b"\n\n", b": hello\n\n", b"\xef\xbb\xbf"])
@in_turn("kind", ["text/plain", "application/octet-stream", "application/json", None])
@pytest.mark.parametrize("recording", [each for each in EVENTS if each.body[:1] in (b"d", b"e")][::4], ids=by_id)
def test_a_stream_with_a_wrong_content_type_loses_nothing(
    recording: Recording, kind: str | None, start: bytes, size: int
) -> None:
    wire, body = WIRES[recording.api], start + recording.body
    shown_to_model = replay(recording, wire)
    found, requests = ask(wire, body, kind, "sync", pieces=size)
    assert (found.message, found.finish_reason, requests) == (shown_to_model.message, shown_to_model.finish_reason, 1)


@pytest.mark.parametrize("recording", [each for each in EVENTS if each.api == "bedrock_converse"], ids=by_id)
def test_frames_with_a_wrong_content_type_lose_nothing(recording: Recording) -> None:
    found, _ = ask(bedrock_converse, recording.body, "application/octet-stream", "async", pieces=7)
    assert found.message == replay(recording, bedrock_converse).message


def test_an_empty_body_is_still_a_stream_that_was_cut() -> None:
    error, _ = ask(openai_chat, b"", "text/event-stream", "sync")
    assert error.retryable
