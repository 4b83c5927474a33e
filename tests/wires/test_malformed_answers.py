"""Answers with one value replaced by a value of another type: what cannot be decoded is a typed error, never another
exception, streamed, unstreamed and refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from stepwell import Client
from stepwell.schemas import errors
from stepwell.schemas.chunks import Finish, PartDone, TextDelta, ToolCallDelta, ToolCallStart
from stepwell.schemas.fold import Fold
from stepwell.schemas.parts import Text
from stepwell.testing.chat_checks import TOOL
from stepwell.testing.conformance import samples_of

from odd_fields import KEYS, SPEAKERS, places, put, speaker

OTHERS = (5, "abc", [5], {"a": 1}, None, -1.5)
wires = pytest.mark.parametrize("wire", SPEAKERS)


def malformed_variants(value: Any) -> Iterator[Any]:
    """Yield the value with each place in it replaced by each of the malformed values."""
    for place in ((), *places(value)):
        for other in OTHERS:
            yield put(value, place, other)


class Server:
    """A server with a set answer, and a client of its own."""

    def __init__(self, provider: str) -> None:
        self._said = httpx.Response(200)
        transport = httpx.MockTransport(lambda request: self._said)
        self._client = Client(transport=transport, api_keys=KEYS, retries=0)
        self._model = f"{provider}:some-model"

    def read(self, body: bytes, *, stream: bool = False, status: int = 200, kind: str = "application/json") -> None:
        """Ask, and look at all there is to an answer; a StepwellError is an answer, too."""
        self._said = httpx.Response(status, content=body, headers={"content-type": kind})
        try:
            if stream:
                reply = self._client.stream_text(self._model, "hi", tools=[TOOL]).reply()
            else:
                reply = self._client.generate_text(self._model, "hi", tools=[TOOL])
            assert isinstance(reply.text + reply.reasoning + repr(reply) + str(reply.cost.total), str)
            assert all(call.arguments is None or call.error is None for call in reply.tool_calls)
        except errors.StepwellError as error:
            assert str(error)


def scenes(wire: str) -> Any:
    return samples_of(speaker(wire))


@wires
def test_an_unstreamed_answer_is_decoded_or_a_typed_error(wire: str) -> None:
    server, samples = Server(SPEAKERS[wire]), scenes(wire)
    for sample in (samples.text, samples.tools):
        for body in malformed_variants(orjson.loads(sample.body)):
            server.read(orjson.dumps(body))


@wires
def test_an_event_of_a_stream(wire: str) -> None:
    server, samples = Server(SPEAKERS[wire]), scenes(wire)
    for sample in (samples.text, samples.tools):
        lines = sample.stream.split(b"\n")
        for at, line in enumerate(lines):
            head = b"data: " if line.startswith(b"data: ") else b""
            if not line.removeprefix(head).startswith((b"{", b"[{")):
                continue
            try:
                event = orjson.loads(line.removeprefix(head))
            except orjson.JSONDecodeError:
                continue  # frames of AWS, which no line ends
            for other in malformed_variants(event):
                stream = b"\n".join([*lines[:at], head + orjson.dumps(other), *lines[at + 1 :]])
                server.read(stream, stream=True, kind=sample.stream_type)


@wires
def test_an_error_answer_is_a_typed_error(wire: str) -> None:
    server = Server(SPEAKERS[wire])
    google = {"message": "m", "details": [{"@type": "t", "reason": "r", "retryDelay": "3.4.5s"}]}
    for error in (orjson.loads(scenes(wire).error), {"error": google}, {"errors": [{"message": "m", "code": 1}]}):
        for body in (error, *malformed_variants(error)):
            for status in (200, 429, 500):
                server.read(orjson.dumps(body), status=status)


def answer_with(body: Any, **more: Any) -> Any:
    handler = lambda request: httpx.Response(200, json=body, **more)
    return Client(transport=httpx.MockTransport(handler), api_keys=KEYS, retries=0).generate_text("groq:m", "hi")


def test_usage_that_cannot_be_read_is_a_warning_on_the_answer() -> None:
    body = {"choices": [{"index": 0, "message": {"content": "hello"}, "finish_reason": "stop"}], "usage": "abc"}
    reply = answer_with(body)
    assert reply.text == "hello" and reply.raw == body and reply.usage.input_tokens is None
    assert "usage" in [warning.subject for warning in reply.warnings]


def test_text_that_is_none_is_an_error_and_no_surprise_for_the_one_who_reads_it() -> None:
    with pytest.raises(errors.DecodeError, match="shape"):
        answer_with({"choices": [{"index": 0, "message": {"content": "", "refusal": 7}, "finish_reason": "stop"}]})


def test_a_fold_keeps_what_came_before_a_malformed_chunk() -> None:
    fold = Fold()
    for malformed in (TextDelta(5, 0), TextDelta(5, 1), ToolCallDelta(2, 5)):  # type: ignore[arg-type]
        with pytest.raises(errors.DecodeError):
            fold.feed([TextDelta("go", 0), TextDelta("od", 0), ToolCallStart(2, "c", "f"), malformed])
        assert fold.reply().text == "good"
        fold = Fold()
    fold.feed([TextDelta("good", 0), Finish("stop")])
    with pytest.raises(errors.DecodeError):
        fold.feed([TextDelta("lost", "0")])  # type: ignore[arg-type]
    with pytest.raises(errors.DecodeError):
        fold.feed([PartDone(Text(5), 1)])  # type: ignore[arg-type]
    assert fold.reply().text == "good"
