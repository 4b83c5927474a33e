"""What servers, gateways and proxies were seen to do to answers, on all wires, in pieces of any size."""

from __future__ import annotations

import json
from typing import Any

import httpx
import orjson
import pytest
from answers import events as sse
from odd_blocks import in_blocks

from stepwell import Client, errors
from stepwell.schemas.reply import Reply
from stepwell.testing.conformance import samples_of

from odd_fields import KEYS, SPEAKERS, speaker, wires

SSE = [name for name in SPEAKERS if name not in ("bedrock_converse", "ollama_chat")]
FAULT = {"error": {"message": "boom", "code": 503, "type": "overloaded_error"}}


class Pieces(httpx.SyncByteStream):
    def __init__(self, body: bytes, size: int) -> None:
        self._pieces = [body[at : at + size] for at in range(0, len(body), size)]

    def __iter__(self) -> Any:
        return iter(self._pieces)


def read(name: str, body: bytes, size: int = 1 << 20, *, stream: bool = True, kind: str = "text/event-stream") -> Reply:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": kind}, stream=Pieces(body, size))

    client = Client(transport=httpx.MockTransport(answer), api_keys=KEYS, retries=0)
    model = f"{SPEAKERS[name]}:m"
    if stream:
        return client.stream_text(model, "hi", wire=name).reply()
    return client.generate_text(model, "hi", wire=name)


def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def fragment(name: str | None, arguments: str, **marks: Any) -> dict[str, Any]:
    return {**marks, "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize("name", SSE)
def test_an_error_in_many_lines_or_with_no_field_is_that_error_with_what_had_arrived(name: str) -> None:
    stream = samples_of(speaker(name)).text.stream.replace(b"\r\n", b"\n")
    start = stream[: stream.index(b"\n\n") + 2]
    for size in (1, 7, 1 << 20):
        for indent in (None, 2):
            for head in (b"", b"data: "):
                for end in (b"\n\n", b"\n", b""):
                    with pytest.raises(errors.Overloaded, match="boom") as caught:
                        read(name, start + head + json.dumps(FAULT, indent=indent).encode() + end, size)
                    assert caught.value.partial is not None


def test_an_error_in_many_lines_of_a_stream_of_lines() -> None:
    sample = samples_of(speaker("ollama_chat")).text
    for start in (b"", sample.stream[: sample.stream.index(b"\n") + 1]):
        for size in (1, 7, 1 << 20):
            with pytest.raises(errors.Overloaded, match="boom"):
                read("ollama_chat", start + json.dumps(FAULT, indent=2).encode() + b"\n", size, kind="application/json")


@pytest.mark.parametrize("name", SSE)
def test_frames_that_are_slightly_off_cost_nothing(name: str) -> None:
    sample = samples_of(speaker(name)).text
    stream = sample.stream.replace(b"\r\n", b"\n")
    ping = b"event: ping\ndata: still here\n\n"
    for changed in (
        stream.replace(b"data: ", b"data: data: "),
        stream + b"data: [DONE]\n\n",
        ping + stream,
        stream.replace(b"\n\n", b"\n\n" + ping, 1),
    ):
        assert read(name, changed).text == sample.text
    if b"event:" not in stream:
        assert read(name, stream.replace(b"\n\n", b"\n") + b"\n").text == sample.text


def test_an_error_beside_an_empty_list_of_answers() -> None:
    for name, field in (("openai_chat", "choices"), ("google_generate", "candidates")):
        with pytest.raises(errors.Overloaded, match="boom"):
            read(name, sse({"code": "503", "message": "boom", field: []}))
    line = {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "error": "boom"}
    with pytest.raises(errors.ProviderError, match="boom"):
        read("ollama_chat", orjson.dumps(line) + b"\n", kind="application/x-ndjson")
    with pytest.raises(errors.Overloaded):
        read("openai_chat", sse({"error": 503}))


def test_whole_calls_of_one_index_and_id_are_several() -> None:
    one, two = '{"a":1}', '{"a":2}'
    for marks in ({"index": 0}, {"index": 0, "id": "x"}, {}):
        together = [[fragment("f", one, **marks), fragment("f", two, **marks)]]
        apart = [[each] for each in together[0]]
        for calls in (together, apart):
            reply = read("openai_chat", sse(*[chunk({"tool_calls": each}) for each in calls], chunk({}, "tool_calls")))
            assert [call.arguments for call in reply.tool_calls] == [{"a": 1}, {"a": 2}]
            assert len({call.id for call in reply.tool_calls}) == 2
    grown = [fragment("f", '{"a":', index=0, id="x"), fragment("f", "{}", index=0, id="x"), fragment("f", "}", index=0)]
    reply = read("openai_chat", sse(*[chunk({"tool_calls": [each]}) for each in grown], chunk({}, "tool_calls")))
    assert [call.arguments for call in reply.tool_calls] == [{"a": {}}]


def test_answers_without_an_index_are_distinguished_by_their_order() -> None:
    reply = read(
        "openai_chat", sse({"choices": [{"delta": {"content": each}, "finish_reason": "stop"} for each in "AB"]})
    )
    assert (reply.text, [each.text for each in reply.alternatives]) == ("A", ["B"])
    candidates = [{"content": {"parts": [{"text": each}]}, "finishReason": "STOP"} for each in "AB"]
    for body, stream in ((sse({"candidates": candidates}), True), (orjson.dumps({"candidates": candidates}), False)):
        reply = read("google_generate", body, stream=stream)
        assert (reply.text, [each.text for each in reply.alternatives]) == ("A", ["B"])


def test_content_that_is_no_text_beside_calls_is_left_out() -> None:
    call = {"id": "a", "type": "function", **fragment("f", "{}")}
    for odd in (7, True, {"a": 1}):
        message = {"role": "assistant", "content": odd, "tool_calls": [call]}
        body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
        line = {"model": "m", "message": message, "done": True, "done_reason": "stop"}
        for name, answer, stream in (
            ("openai_chat", body, False),
            ("ollama_chat", line, False),
            ("ollama_chat", line, True),
        ):
            reply = read(name, orjson.dumps(answer), stream=stream, kind="application/json")
            assert len(reply.tool_calls) == 1 and not reply.text
            assert any(each.subject.endswith("message.content") for each in reply.warnings)
            alone = {**message, "tool_calls": None}
            answer = {**line, "message": alone} if name == "ollama_chat" else {"choices": [{"message": alone}]}
            with pytest.raises((errors.DecodeError, errors.StreamTruncated)):
                read(name, orjson.dumps(answer), stream=stream, kind="application/json")


def test_a_part_that_comes_at_the_place_of_an_open_call_does_not_cost_the_call() -> None:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "u", "name": "f"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    reply = read("anthropic_messages", sse(*events))
    assert (reply.text, [call.arguments for call in reply.tool_calls]) == ("Hi", [{"a": 1}])


def responses(*events: dict[str, Any], output: Any = None, **response: Any) -> Reply:
    begin = {"type": "response.created", "response": {"id": "r", "model": "m", "status": "in_progress"}}
    end = {"type": "response.completed", "response": {"id": "r", "output": output, **response}}
    return read("openai_responses", sse(begin, *events, end))


def test_calls_of_a_response_have_ids_of_their_own() -> None:
    for given, expected in (({"call_id": "x"}, ["x", "call_r_1"]), ({}, ["call_r_0", "call_r_1"])):
        items = [{"type": "function_call", "name": "f", "arguments": f'{{"a":{at}}}', **given} for at in (1, 2)]
        body = orjson.dumps({"id": "r", "status": "completed", "output": items})
        ends = [
            {"type": "response.output_item.done", "output_index": at, "item": item} for at, item in enumerate(items)
        ]
        begins = [{**end, "type": "response.output_item.added"} for end in ends]
        for reply in (
            read("openai_responses", body, stream=False),
            responses(output=items),
            responses(*ends, output=items),
            responses(*begins, *ends, output=items),
            responses(*begins),
        ):
            assert [call.id for call in reply.tool_calls] == expected
            assert [call.arguments for call in reply.tool_calls] == [{"a": 1}, {"a": 2}]


def test_an_item_of_a_response_that_only_its_beginning_holds_is_not_lost() -> None:
    message = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hi"}]}
    added = {"type": "response.output_item.added", "output_index": 0, "item": message}
    delta = {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": "Ho"}
    assert responses(added).text == "Hi"
    assert responses(added, delta).text == "Ho"
    assert responses(delta, status=None).finish_reason == "stop"


def test_a_text_of_a_response_that_has_ended_does_not_grow() -> None:
    events: list[dict[str, Any]] = []
    for text in "AB":
        item = {"type": "message", "content": [{"type": "output_text", "text": text}]}
        events.append({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text})
        events.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    assert [part.text for part in responses(*events).message.content if part.type == "text"] == ["A", "B"]


def test_reasoning_without_indexes_is_kept_part_by_part() -> None:
    kinds = "response.reasoning_text.delta", "response.reasoning_text.done"
    for used in (kinds, kinds[1:], kinds[:1]):
        events = [
            {"type": kind, "item_id": "i", "delta" if kind.endswith("delta") else "text": text}
            for text in "AB"
            for kind in used
        ]
        assert responses(*events).reasoning == ("AB" if used == kinds[:1] else "A\nB")


def test_arguments_that_are_text_in_the_place_of_json_are_read() -> None:
    use = {"type": "tool_use", "id": "a", "name": "f", "input": '{"a":1}'}
    body = {"id": "m", "content": [use], "stop_reason": "tool_use"}
    assert read("anthropic_messages", orjson.dumps(body), stream=False).tool_calls[0].arguments_json == '{"a":1}'
    content = [{"toolUse": {"toolUseId": "a", "name": "f", "input": '{"a":1}'}}]
    answer = {"output": {"message": {"content": content}}, "stopReason": "tool_use"}
    assert read("bedrock_converse", orjson.dumps(answer), stream=False).tool_calls[0].arguments_json == '{"a":1}'


def test_other_operations() -> None:
    def client(body: Any, kind: str = "application/json") -> Client:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        answer = httpx.Response(200, content=content, headers={"content-type": kind})
        return Client(
            transport=httpx.MockTransport(lambda request: answer), api_keys={**KEYS, "mistral": "k"}, retries=0
        )

    for number in ("5", 5.0, 5):
        counted = client({"input_tokens": number}).count_tokens("anthropic:claude-sonnet-4-5", "hi")
        assert counted.usage.input_tokens == 5
    image = client({"data": [{"b64_json": "data:image/png;base64,aGk="}]}).generate_image("openai:gpt-image-1", "hi")
    assert image.images[0].data == b"hi"
    pages = [{"index": at, "markdown": str(at)} for at in (1, 0)]
    assert client({"pages": pages}).ocr("mistral:mistral-ocr-latest", "https://a/b.pdf").text == "0\n\n1"
    with pytest.raises(errors.DecodeError):
        client(b"<html>busy</html>", "audio/mpeg").speak("openai:tts-1", "hi")


@wires
def test_the_sample_with_all_blocks_is_still_read(name: str) -> None:
    assert read(name, orjson.dumps(in_blocks(name)), stream=False, kind="application/json").message.content
