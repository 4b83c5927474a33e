"""Instructions are counted: what one more call, citation, message or warning takes does not depend on those before."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import stepwell
from stepwell import Context, around
from stepwell.schemas.reply import CallWarning, joined_warnings

from counted_work import growth
from scripted import MODEL, Scripted

TIMES = 8
MOST = 1.5 * TIMES
"""What is in proportion to the size stays below TIMES, since each run has a part that is always the same."""
KEYS = dict.fromkeys(("openai", "anthropic", "google", "mistral"), "k")


def event(data: dict[str, Any], name: str = "") -> bytes:
    return (f"event: {name}\n" if name else "").encode() + b"data: %s\n\n" % json.dumps(data).encode()


def chat(delta: dict[str, Any], reason: str | None = None) -> bytes:
    return event({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})


def called(at: int) -> dict[str, Any]:
    return {"index": at, "id": f"c{at}", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}


def chat_calls(count: int) -> list[bytes]:
    return [*(chat({"tool_calls": [called(at)]}) for at in range(count)), chat({}, "tool_calls"), b"data: [DONE]\n\n"]


def references(count: int) -> list[bytes]:
    pieces = [
        chat({"content": content})
        for at in range(count)
        for content in ("word ", [{"type": "reference", "reference_ids": [at]}])
    ]
    return [*pieces, chat({}, "stop"), b"data: [DONE]\n\n"]


def responses_items(count: int, kind: str) -> list[bytes]:
    def item(at: int) -> dict[str, Any]:
        if kind == "function_call":
            return {"type": kind, "id": f"i{at}", "call_id": f"c{at}", "name": "f", "arguments": "{}"}
        return {"type": kind, "id": f"i{at}", "summary": [], "encrypted_content": "x"}

    def named(name: str, **fields: Any) -> bytes:
        return event({"type": name, **fields}, name)

    whole = {"id": "r", "status": "completed", "output": [item(at) for at in range(count)], "usage": None}
    return [
        named("response.created", response={"id": "r", "status": "in_progress", "output": []}),
        *(
            named(f"response.output_item.{what}", output_index=at, item=item(at))
            for at in range(count)
            for what in ("added", "done")
        ),
        named("response.completed", response=whole),
    ]


def gemini_calls(count: int) -> list[bytes]:
    def parts(*parts: dict[str, Any], **more: Any) -> bytes:
        return event({"candidates": [{"content": {"role": "model", "parts": list(parts)}, **more}]})

    calls = [{"functionCall": {"id": f"c{at}", "name": "f", "args": {}}} for at in range(count)]
    return [*map(parts, calls), parts(finishReason="STOP")]


def cited_blocks(count: int) -> list[bytes]:
    def named(type: str, **fields: Any) -> bytes:
        return event({"type": type, **fields}, type)

    cited = {"type": "char_location", "cited_text": "x", "document_index": 0, "start_char_index": 0}
    pieces = [
        piece
        for at in range(count)
        for piece in (
            named("content_block_start", index=at, content_block={"type": "text", "text": ""}),
            named("content_block_delta", index=at, delta={"type": "text_delta", "text": "word "}),
            named(
                "content_block_delta",
                index=at,
                delta={"type": "citations_delta", "citation": {**cited, "end_char_index": 1}},
            ),
            named("content_block_stop", index=at),
        )
    ]
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {}}
    end = named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1})
    return [named("message_start", message=message), *pieces, end, named("message_stop")]


RESPONSES = {"wire": "openai_responses"}
STREAMS: dict[str, tuple[str, dict[str, Any], Callable[[int], list[bytes]]]] = {
    "calls of chat": (MODEL, {"wire": "openai_chat"}, chat_calls),
    "calls of responses": ("openai:gpt-5", RESPONSES, lambda count: responses_items(count, "function_call")),
    "items without deltas": ("openai:gpt-5", RESPONSES, lambda count: responses_items(count, "reasoning")),
    "calls of gemini": ("google:gemini-2.5-flash", {}, gemini_calls),
    "cited blocks": ("anthropic:claude-sonnet-4-5", {}, cited_blocks),
    "references between words": ("mistral:mistral-large-latest", {}, references),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_read_in_proportion_to_what_is_in_it(name: str) -> None:
    model, options, events = STREAMS[name]

    def reading(count: int) -> Callable[[], object]:
        body = b"".join(events(count))
        headers = {"content-type": "text/event-stream"}
        transport = httpx.MockTransport(lambda request: httpx.Response(200, content=body, headers=headers))
        client = stepwell.Client(transport=transport, api_keys=KEYS)

        def read() -> None:
            with client.stream_text(model, "hi", **options) as answer:
                reply = answer.reply()
            assert len(reply.message.content) >= count or len(reply.citations) == count

        return read

    assert growth(reading, 60, TIMES) < MOST


def test_a_conversation_is_appended_to_without_a_look_at_all_its_messages() -> None:
    def appending(count: int) -> Callable[[], object]:
        def append() -> None:
            context = Context()
            for _ in range(count):
                context = context.append("hello", stepwell.assistant("there"))
            assert len(context) == 2 * count

        return append

    assert growth(appending, 60, TIMES) < MOST


def test_a_warning_is_added_without_a_look_at_all_before() -> None:
    def warning(count: int) -> Callable[[], object]:
        @around
        def warn(request: Any, call: Any) -> Any:
            response = yield from call(request)
            for at in range(count):
                response.warn("odd", f"{at}")
                response.warn("odd", f"{at // 2}")
            return response

        transport = httpx.MockTransport(Scripted(["fine"]))
        client = stepwell.Client(transport=transport, api_keys=KEYS, pipeline=[warn])

        def call() -> None:
            assert len(client.generate_text(MODEL, "hi").warnings) == count

        return call

    assert growth(warning, 60, TIMES) < MOST


def test_warnings_are_joined_alike_however_many_there_are() -> None:
    few, more = [tuple(CallWarning("s", f"{at}") for at in numbers) for numbers in (range(3), (2, 5, 5))]
    many = tuple(CallWarning("s", f"m{at}") for at in range(40))
    assert joined_warnings(few, more) == (*few, *more[1:])
    for _ in range(2):
        assert joined_warnings(many + few, more) == (*many, *few, *more[1:])
    joined = joined_warnings(many, few)
    assert joined_warnings(joined, few) == joined and joined_warnings(many, more) == (*many, *more)
