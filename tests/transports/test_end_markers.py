"""A stream ends with its wire's end marker, whatever its server does with the connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import httpx
import orjson
import pytest
from carriers import (
    MODEL,
    aclient_of,
    all_carriers,
    ask,
    carriers,
    client_of,
    is_async,
    name_of,
    own_client,
    saying,
)

from stepwell import Client, Timeouts
from stepwell.pipeline.stream import source
from stepwell.schemas import errors

from loopback import DONE, END, LONG, SOON, Hangup, chunk, event, serving, streaming, whole_stream

USAGE = event(None, usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})


@all_carriers
def test_the_end_does_not_wait_for_a_server_that_keeps_the_connection(carrier: str) -> None:
    acts = [streaming(), chunk(event("a", "stop")), chunk(USAGE + DONE), LONG]
    with serving(saying(*acts)) as server:
        began = time.monotonic()
        reply = ask(server, carrier)
        assert time.monotonic() - began < SOON
        assert (reply.text, reply.finish_reason, reply.usage.total_tokens) == ("a", "stop", 5)
        assert server.wait_until_free()


@carriers
def test_the_end_does_not_wait_for_a_server_that_keeps_sending(carrier: str) -> None:
    acts = [streaming(), chunk(event("a", "stop") + DONE), *[chunk(b": ping\n\n"), 0.02] * 3000]
    with serving(saying(*acts)) as server:
        began = time.monotonic()
        assert ask(server, carrier).text == "a"
        assert time.monotonic() - began < SOON


@carriers
def test_late_usage_is_read_until_the_end_marker(carrier: str) -> None:
    acts = [streaming(), chunk(event("a", "stop")), 0.4, chunk(USAGE), 0.4, chunk(DONE), END]
    with serving(saying(*acts)) as server:
        assert ask(server, carrier).usage.total_tokens == 5


@carriers
def test_a_server_without_an_end_marker_is_read_to_the_end(carrier: str) -> None:
    acts = [streaming(), chunk(event("a", "stop")), 0.4, chunk(USAGE), 0.4, END]
    with serving(saying(*acts)) as server:
        assert ask(server, carrier).usage.total_tokens == 5


@carriers
@pytest.mark.parametrize("junk", [b"data: {not json\n\n", b'data: {"error": {"message": "late"}}\n\n', b"\xff"])
@pytest.mark.parametrize("apart", [False, True], ids=["in one read", "in the next"])
def test_junk_after_the_end_marker_is_no_error(carrier: str, junk: bytes, apart: bool) -> None:
    last = event("a", "stop") + DONE
    acts = [streaming(), chunk(last), chunk(junk), END] if apart else [streaming(), chunk(last + junk), END]
    with serving(saying(*acts)) as server:
        assert ask(server, carrier).text == "a"


@all_carriers
@pytest.mark.parametrize("gap", [0.0, 0.03], ids=["with it", "a moment later"])
def test_a_connection_is_reused_after_a_body_that_ends_behind_the_end_marker(
    carrier: str, gap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "DRAIN_TIMEOUT", SOON)  # on a busy machine the end comes later than it is waited for

    def script(request: Any) -> Iterable[bytes | float]:
        return [streaming(), chunk(event("a", "stop") + DONE), *([gap] if gap else []), END]

    async def run(server: Any) -> None:
        async with own_client(carrier) as http:
            async with aclient_of(server, http=http, transport=name_of(carrier)) as client:
                for _ in range(3):
                    assert (await client.stream_text(MODEL, "hi").reply()).text == "a"

    with serving(script) as server:
        if is_async(carrier):
            asyncio.run(run(server))
        else:
            with own_client(carrier) as http, client_of(server, http=http, transport=name_of(carrier)) as client:
                for _ in range(3):
                    assert client.stream_text(MODEL, "hi").reply().text == "a"
        assert server.connections == 1


def test_the_last_chunks_are_handed_out_before_the_body_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "DRAIN_TIMEOUT", LONG)
    acts = [streaming(), chunk(event("a", "stop") + DONE), LONG]
    with serving(saying(*acts)) as server, client_of(server) as client:
        began = time.monotonic()
        with client.stream_text(MODEL, "hi") as stream:
            assert [next(chunks).type for chunks in [iter(stream)] for _ in range(3)] == ["start", "text", "finish"]
        assert time.monotonic() - began < SOON


def jsons(*events: dict[str, Any], ending: bytes = b"\n\n", prefix: bytes = b"data: ") -> bytes:
    return b"".join(prefix + orjson.dumps(each) + ending for each in events)


ANTHROPIC = jsons(
    {"type": "message_start", "message": {"id": "m", "model": "m", "usage": {"input_tokens": 3, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
)
RESPONSES = jsons(
    {"type": "response.created", "response": {"id": "r", "model": "m"}},
    {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "a"},
    {
        "type": "response.completed",
        "response": {
            "id": "r",
            "status": "completed",
            "output": [],
            "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
        },
    },
)
COHERE = jsons(
    {"type": "message-start", "id": "m"},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "a"}}}},
    {
        "type": "message-end",
        "delta": {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 3, "output_tokens": 2}}},
    },
)
OLLAMA = jsons(
    {"model": "m", "created_at": "t", "message": {"role": "assistant", "content": "a"}, "done": False},
    {
        "model": "m",
        "created_at": "t",
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 3,
        "eval_count": 2,
    },
    ending=b"\n",
    prefix=b"",
)


class Lingering(httpx.SyncByteStream):
    """A body that fails a reader who reads on after the end marker."""

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.closed = False

    def __iter__(self) -> Any:
        yield self.said
        raise AssertionError("the end marker has been read")

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("groq:m", event("a", "stop") + USAGE + DONE),
        ("anthropic:m", ANTHROPIC),
        ("openai:m", RESPONSES),
        ("cohere:m", COHERE),
        ("ollama:m", OLLAMA),
    ],
    ids=["openai_chat", "anthropic_messages", "openai_responses", "cohere_chat", "ollama_chat"],
)
def test_every_wire_with_an_end_marker_ends_with_it(model: str, said: bytes) -> None:
    body = Lingering(said)
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=body))
    wire = {"wire": "openai_responses"} if model == "openai:m" else {}
    with Client(transport=transport, api_keys={model.partition(":")[0]: "k"}, retries=0) as client:
        reply = client.stream_text(model, "hi", **wire).reply()
    assert (reply.text, reply.finish_reason, reply.usage.input_tokens) == ("a", "stop", 3) and body.closed


@carriers
def test_a_stream_cut_before_its_end_marker_and_finish_is_still_an_error(carrier: str) -> None:
    def script(request: Any) -> Iterable[bytes]:
        yield streaming() + chunk(event("a"))
        raise Hangup

    with serving(script) as server, pytest.raises(errors.StreamTruncated):
        ask(server, carrier)


def test_a_stream_read_to_its_end_works_50_times_over_one_connection() -> None:
    with serving(lambda request: [whole_stream()]) as server, client_of(server) as client:
        for _ in range(50):
            assert client.stream_text(MODEL, "hi").reply().text == "hello"
        assert server.connections == 1


@all_carriers
@pytest.mark.parametrize("total", [None, LONG], ids=["no total", "total"])
def test_an_end_marker_without_a_finish_reason_is_a_cut_stream_also_where_the_connection_stays(
    carrier: str, total: float | None
) -> None:
    with serving(saying(streaming(), chunk(event("a")), chunk(DONE), LONG)) as server:
        with pytest.raises(errors.StreamTruncated, match="before its terminal event") as caught:
            ask(server, carrier, timeout=Timeouts(total=total))
        assert caught.value.partial.text == "a" and caught.value.retryable
        assert server.wait_until_free()
