"""On every wire: counts never shrink and never lie, usage that did not come is not complete, failed and unfinished
answers are errors, and an end never repeats what its pieces have said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reported import ask
from whole_streams import EVENTS

from stepwell import Client, on_chunk
from stepwell.chunks import TextDelta
from stepwell.embeddings import Embedder
from stepwell.pipeline.outcome import NO_ANSWERS, PENDING
from stepwell.schemas import errors
from stepwell.schemas.usage import PARTS, Usage, later_usage, sound_usage
from stepwell.testing.conformance import samples_of

from every_way import WAYS
from odd_fields import KEYS, SPEAKERS, places, put, speaker, streamed, wires

COUNTED = ("input_tokens", "output_tokens", *PARTS)
COUNTS = st.one_of(st.none(), st.integers(-3, 9))
USAGES = st.builds(
    Usage,
    **dict.fromkeys(COUNTED, COUNTS),
    complete=st.booleans(),
)
_USAGE: dict[str, tuple[str, ...]] = {
    "openai_chat": ("usage",),
    "openai_responses": ("usage",),
    "anthropic_messages": ("usage",),
    "google_generate": ("usageMetadata",),
    "bedrock_converse": ("usage",),
    "cohere_chat": ("usage",),
    "mistral_chat": ("usage",),
}
_REASONS: dict[str, tuple[Any, ...]] = {
    "openai_chat": ("choices", 0, "finish_reason"),
    "openai_responses": ("status",),
    "anthropic_messages": ("stop_reason",),
    "google_generate": ("candidates", 0, "finishReason"),
    "bedrock_converse": ("stopReason",),
    "ollama_chat": ("done_reason",),
    "cohere_chat": ("finish_reason",),
    "mistral_chat": ("choices", 0, "finish_reason"),
}


def body_of(name: str) -> Any:
    return orjson.loads(samples_of(speaker(name)).text.body)


def read(name: str, body: Any, way: str = "sync") -> Any:
    return ask(name, orjson.dumps(body), way)


@given(st.lists(USAGES, min_size=1, max_size=4))
def test_counts_only_grow_and_are_sound(reports: list[Usage]) -> None:
    usage = reports[0]
    for report in reports[1:]:
        merged, lower = later_usage(usage, report)
        for name in COUNTED:
            before, after = getattr(usage, name), getattr(merged, name)
            assert before is None or after >= before
            assert (name in lower) == (None not in (before, getattr(report, name)) and getattr(report, name) < before)
        usage = merged
    sound, why = sound_usage(usage, has_output=True)
    for part, whole in PARTS.items():
        assert None in (getattr(sound, part), getattr(sound, whole)) or getattr(sound, part) <= getattr(sound, whole)
    assert all((getattr(sound, name) or 0) >= 0 for name in COUNTED)
    assert bool(why) == any(getattr(sound, name) != getattr(usage, name) for name in COUNTED)
    assert not sound.complete or None not in (sound.input_tokens, sound.output_tokens)


def numbers(value: Any) -> list[tuple[Any, ...]]:
    return [place for place in places(value) if type(_at(value, place)) is int]


def _at(value: Any, place: tuple[Any, ...]) -> Any:
    for name in place:
        value = value[name]
    return value


@pytest.mark.parametrize("name", _USAGE)
@pytest.mark.parametrize("odd", [-1, -(10**9)])
def test_a_count_below_zero_is_no_count(name: str, odd: int) -> None:
    body, at = body_of(name), _USAGE[name]
    for place in numbers(_at(body, at)):
        for way in ("sync", "streamed"):
            usage = read(name, put(body, (*at, *place), odd), way).usage
            assert min(usage.input_tokens or 0, usage.output_tokens or 0, usage.cached_input_tokens or 0) >= 0


@wires
def test_usage_that_did_not_come_is_not_complete(name: str) -> None:
    body = body_of(name)
    without = {key: value for key, value in body.items() if key not in ("usage", "usageMetadata") and "eval" not in key}
    for reply in (read(name, without), streamed(speaker(name), EVENTS[name](without))):
        assert reply.text and not reply.usage.complete and reply.usage.input_tokens is None
        assert reply.cost.total is None
    for way in WAYS:
        assert read(name, body, way).usage.complete


@pytest.mark.parametrize("zero", [0, -5])
def test_a_later_report_does_not_take_counts_back(zero: int) -> None:
    chat: Callable[..., Any] = lambda reason, text, usage: {
        "id": "1",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}],
        "usage": usage,
    }
    first = {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 50}}
    last = {"prompt_tokens": zero, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": zero}}
    google: Callable[..., Any] = lambda reason, read, wrote: {
        "candidates": [{"index": 0, "content": {"parts": [{"text": "a"}]}, **reason}],
        "usageMetadata": {"promptTokenCount": read, "candidatesTokenCount": wrote, "totalTokenCount": 107},
    }
    start = {"input_tokens": 50, "cache_read_input_tokens": 50, "output_tokens": 1}
    end = {"input_tokens": zero, "cache_read_input_tokens": zero, "output_tokens": 7}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a"}}
    streams: dict[str, list[Any]] = {
        "openai_chat": [chat(None, "a", first), chat("stop", "b", last)],
        "mistral_chat": [chat(None, "a", first), chat("stop", "b", last)],
        "google_generate": [google({}, 100, 5), google({"finishReason": "STOP"}, zero, 7)],
        "anthropic_messages": [
            {"type": "message_start", "message": {"id": "m", "usage": start}},
            block,
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": end},
            {"type": "message_stop"},
        ],
    }
    for name, events in streams.items():
        usage = streamed(speaker(name), [("", orjson.dumps(event)) for event in events]).usage
        assert (usage.input_tokens, usage.output_tokens, usage.complete) == (100, 7, True), name
        assert usage.cached_input_tokens == (None if name == "google_generate" else 50)


def test_a_part_that_is_larger_than_its_whole_is_cut_with_a_warning() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 50}}
    for way in WAYS:
        reply = read("openai_chat", {**body_of("openai_chat"), "usage": usage}, way)
        assert reply.usage.cached_input_tokens == 10
        assert any(each.subject == "usage" and "50" in each.why for each in reply.warnings)


@wires
def test_an_answer_that_failed_or_is_not_finished_is_none(name: str) -> None:
    body, text = body_of(name), samples_of(speaker(name)).text.text
    kept = {}
    for reason in sorted(NO_ANSWERS):
        failed = put(body, _REASONS[name], reason)
        kind = errors.AnswerUnfinished if reason in PENDING else errors.ProviderError
        outcomes = [read(name, failed, way) for way in ("sync", "async", "streamed")]
        for outcome in outcomes:
            if not isinstance(outcome, kind) or outcome.partial.text != text or not outcome.usage.input_tokens:
                kept[reason] = outcome
        if name != "openai_responses":  # whose last event says by its name that it is over
            with pytest.raises(kind):
                streamed(speaker(name), EVENTS[name](failed))
    assert kept == {}


@pytest.mark.parametrize(
    "body",
    [
        {"id": "resp_1", "object": "response", "status": "queued", "output": []},
        {"id": "resp_1", "status": "in_progress", "output": None},
        {"request_id": "resp_1", "output": {"task_status": "PENDING"}},
        {"name": "resp_1", "done": False},
    ],
)
def test_a_job_is_no_answer_and_has_its_id(body: Any) -> None:
    for way in WAYS:
        error = read("openai_responses", body, way)
        assert type(error) is errors.AnswerUnfinished and error.answer_id == "resp_1" and not error.retryable
    accepted = httpx.MockTransport(lambda request: httpx.Response(202, json={"id": "resp_1"}))
    with pytest.raises(errors.AnswerUnfinished):
        Client(transport=accepted, api_keys=KEYS).generate_text("groq:m", "hi")


def chunk(reason: str | None = None, **choice: Any) -> Any:
    return ("", orjson.dumps({"id": "1", "choices": [{"index": 0, **choice, "finish_reason": reason}]}))


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
WHOLE = {"role": "assistant", "content": "Hello", "reasoning_content": "hm", "tool_calls": [{**CALL, "index": 0}]}


@pytest.mark.parametrize("pieces", [["Hel", "lo"], ["Hel"], ["H", "e", "l"], ["Hello"]])
@pytest.mark.parametrize("name", ["openai_chat", "mistral_chat"])
def test_a_message_after_its_deltas_adds_only_what_is_missing(name: str, pieces: list[str]) -> None:
    calls = [{"index": 0, **CALL, "function": {"name": "f", "arguments": '{"a"'}}]
    more = [{"index": 0, "function": {"arguments": ":1}"}}]
    deltas: list[Any] = [{"role": "assistant", "content": ""}, {"reasoning_content": "hm"}]
    deltas += [{"content": each} for each in pieces]
    deltas += [{"tool_calls": calls}, {"tool_calls": more}]
    events = [chunk(delta=delta) for delta in deltas]
    reply = streamed(speaker(name), [*events, chunk("tool_calls", delta={}, message=WHOLE), ("", b"[DONE]")])
    assert (reply.text, reply.reasoning, reply.tool_calls[0].arguments_json) == ("Hello", "hm", '{"a":1}')
    assert not reply.warnings
    other = {**WHOLE, "content": "Goodbye"}
    reply = streamed(speaker(name), [*events, chunk("stop", message=other), ("", b"[DONE]")])
    assert reply.text == "".join(pieces) and [each.subject for each in reply.warnings] == ["output"]


def test_arguments_that_an_end_repeats_are_taken_once() -> None:
    call = {"index": 0, **CALL}
    events = [chunk(delta={"tool_calls": [call]}), chunk(delta={"tool_calls": [call]}), chunk("tool_calls", delta={})]
    reply = streamed(speaker("openai_chat"), events)
    assert reply.tool_calls[0].arguments_json == '{"a":1}' and reply.warnings
    block = {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}
    anthropic: list[Any] = [
        {"type": "message_start", "message": {"id": "m"}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"a":'}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": " 1}"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    ]
    for events_ in (anthropic, [each for each in anthropic if "delta" not in each or "stop_reason" in each["delta"]]):
        reply = streamed(speaker("anthropic_messages"), [("", orjson.dumps(each)) for each in events_])
        assert reply.tool_calls[0].arguments == {"a": 1}


def test_the_last_line_of_a_chat_may_repeat_it() -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    lines = [{"model": "m", "message": {"content": each}, "done": False} for each in ("Hel", "lo")]
    lines.append({"model": "m", "message": {"content": "", "tool_calls": [call]}, "done": False})
    for text, warned in (("Hello", 0), ("", 0), ("Hello!", 0), ("Bye", 1)):
        last = {"model": "m", "message": {"content": text, "tool_calls": [call]}, "done": True, "done_reason": "stop"}
        reply = streamed(speaker("ollama_chat"), [orjson.dumps(each) for each in [*lines, last]])
        assert reply.text == ("Hello!" if text == "Hello!" else "Hello")
        assert len(reply.tool_calls) == 1 and len(reply.warnings) == warned


def test_other_numbers_of_choices_than_requested_are_a_warning() -> None:
    for way in WAYS:
        body = orjson.dumps(body_of("openai_chat"))
        transport = httpx.MockTransport(lambda request, body=body: httpx.Response(200, content=body))
        settings = {"transport": transport, "api_keys": KEYS}
        reply = WAYS[way](settings, "openai:gpt-4o", "hi", n=3, wire="openai_chat")
        assert [each.why for each in reply.warnings if each.subject == "n"] == [
            "1 answers were received, but 3 were requested"
        ]


def test_a_function_that_returns_too_few_vectors_is_a_mistake_and_a_server_that_does_so_a_warning() -> None:
    for count in (0, 1, 4):
        with pytest.raises(errors.StepError, match=f"{count} vectors for 3 texts"):
            Embedder(lambda texts, count=count: [[1.0]] * count).embed(["a", "b", "c"])
    one = {"data": [{"index": 0, "embedding": [1.0]}]}
    client = Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, json=one)), api_keys=KEYS)
    found = Embedder("openai:m", client=client).embed(["a", "b", "c"])
    assert len(found) == 3 and any("1 vectors were received for 3 texts" in each.why for each in found.warnings)


def sse(*events: Any) -> list[bytes]:
    return [b"data: " + (event if isinstance(event, bytes) else orjson.dumps(event)) + b"\n\n" for event in events]


def choices(**fields: Any) -> Any:
    return {"id": "1", "choices": [{"index": 0, "finish_reason": None, **fields}]}


ITEM = {"type": "message", "id": "i", "content": [{"type": "output_text", "text": "Hello!"}]}
REPEATING: dict[str, list[bytes]] = {
    "openai_chat": sse(
        *(choices(delta={"content": each}) for each in ("Hel", "lo")),
        choices(message={"content": "Hello!", "reasoning_content": "hm"}, finish_reason="stop"),
        b"[DONE]",
    ),
    "ollama_chat": [
        orjson.dumps({"model": "m", "message": {"role": "assistant", "content": each}, **end}) + b"\n"
        for each, end in (("Hel", {"done": False}), ("lo", {"done": False}), ("Hello!", {"done": True}))
    ],
    # The deltas number the content as 1, and the item has it as its first.
    "openai_responses": sse(
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**ITEM, "content": []}},
        *(
            {"type": "response.output_text.delta", "output_index": 0, "content_index": 1, "item_id": "i", "delta": each}
            for each in ("Hel", "lo")
        ),
        {"type": "response.output_text.done", "output_index": 0, "content_index": 1, "item_id": "i", "text": "Hello"},
        {"type": "response.output_item.done", "output_index": 0, "item": ITEM},
        {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [ITEM]}},
    ),
}


@pytest.mark.parametrize("name", REPEATING)
def test_a_reader_of_an_end_that_repeats_the_text_gets_what_is_new_also_through_a_step(name: str) -> None:
    kind = "application/x-ndjson" if name == "ollama_chat" else "text/event-stream"
    louder = on_chunk("louder", lambda each: TextDelta(each.text.upper()) if isinstance(each, TextDelta) else each)
    for pieces in (REPEATING[name], [b"".join(REPEATING[name])]):
        for pipeline, expected in ((None, ["Hel", "lo", "!"]), (louder, ["HEL", "LO", "!"])):
            answer = httpx.Response(200, content=iter(pieces), headers={"content-type": kind})
            transport = httpx.MockTransport(lambda request, answer=answer: answer)
            client = Client(transport=transport, api_keys=KEYS, pipeline=pipeline)
            with client.stream_text(f"{SPEAKERS[name]}:m", "hi", wire=name) as stream:
                assert list(stream.text_deltas()) == expected
                assert stream.reply().text == "".join(expected)
                assert [each for each in stream.reply().warnings if each.subject == "output"] == []


def test_an_end_repeats_a_further_choice_too() -> None:
    pieces = [chunk(delta={"content": "a"}), *(chunk(index=1, delta={"content": each}) for each in ("Hel", "lo"))]
    ends = [chunk("stop", index=at, message={"content": text}) for at, text in enumerate(("a", "Hello!"))]
    reply = streamed(speaker("openai_chat"), [*pieces, *ends])
    assert (reply.text, [each.text for each in reply.alternatives]) == ("a", ["Hello!"])


def test_a_lower_count_is_a_warning_also_where_a_step_reads_the_stream() -> None:
    counts = [{"prompt_tokens": read, "completion_tokens": 1} for read in (9, 3)]
    events = sse(*({**choices(delta={"content": "a"}), "usage": each} for each in counts), b"[DONE]")
    events[1] = events[1].replace(b'"finish_reason":null', b'"finish_reason":"stop"')
    for pipeline in (None, on_chunk("look", lambda each: each)):
        answer = httpx.Response(200, content=b"".join(events), headers={"content-type": "text/event-stream"})
        client = Client(
            transport=httpx.MockTransport(lambda _, answer=answer: answer), api_keys=KEYS, pipeline=pipeline
        )
        reply = client.stream_text("groq:m", "hi").reply()
        assert reply.usage.input_tokens == 9 and [each.subject == "usage" for each in reply.warnings].count(True) == 1
