"""Answers of chat completions: streams fold to unstreamed replies, all faults of a stream, all spellings of fields."""

from __future__ import annotations

from typing import Any

import answers
import httpx
import orjson
import pytest
from faults import LOSSLESS, changed, cuts
from in_turn import in_turn

from stepwell import Client, Reply
from stepwell.messages import TokenLogprob
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.schemas import errors
from stepwell.schemas.fold import fold
from stepwell.schemas.reply_chunks import chunks_of

from loopback import DONE, completion, event
from recordings import Recording, by_id, recordings, replay, with_body

STREAMS = [
    each for each in recordings("openai_chat", streaming=True) if each.status == 200 and "error" not in each.expected
]
WHOLE = [
    each for each in recordings("openai_chat", streaming=False) if each.status == 200 and "error" not in each.expected
]


@in_turn("fault", LOSSLESS)
@pytest.mark.parametrize("recording", STREAMS, ids=by_id)
def test_a_lossless_fault_does_not_change_the_outcome(recording: Recording, fault: str) -> None:
    if len(recording.body) > 50_000 and "one byte" in fault:
        recording = with_body(recording, recording.body[: recording.body.index(b"\n\n", 50_000) + 2])
    plain, faulty = replay(recording, openai_chat), replay(changed(recording, fault), openai_chat)
    if isinstance(plain, Reply):
        assert faulty == plain
    else:
        assert type(faulty) is type(plain) and faulty.partial.message == plain.partial.message


@pytest.mark.parametrize("recording", STREAMS, ids=by_id)
def test_a_cut_is_an_error_with_the_partial_answer(recording: Recording) -> None:
    whole = replay(recording, openai_chat)
    ended = 0
    for at, cut in list(cuts(recording))[:: max(1, recording.body.count(b"\n\n") // 60)]:
        outcome = replay(cut, openai_chat)
        if isinstance(outcome, Reply):
            assert outcome.message == whole.message, "whole only after the finishing event"
            ended += 1
        else:
            assert isinstance(outcome, errors.StreamTruncated), at
            partial = outcome.partial
            assert partial is None or (whole.text.startswith(partial.text) and not partial.tool_calls)
            assert partial is None or partial.usage.complete is False
    assert ended <= 3


@pytest.mark.parametrize("recording", WHOLE, ids=by_id)
def test_a_reply_streams_and_folds_to_itself(recording: Recording) -> None:
    reply = replay(recording, openai_chat)
    again = fold(chunks_of(reply))
    assert (again.message, again.finish_reason, again.usage) == (reply.message, reply.finish_reason, reply.usage)


def streamed(*blocks: bytes) -> Any:
    return answers.answered(openai_chat, b"".join(blocks), stream=True)


def decoded(body: dict[str, Any]) -> Any:
    return answers.decoded(openai_chat, body)


USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


@pytest.mark.parametrize(
    "blocks",
    [
        [event("hi"), event(None, "stop"), b'data: {"choices": [], "usage": %s}\n\n' % orjson.dumps(USAGE), DONE],
        [event("hi"), event(None, "stop"), b'data: {"choices": null, "usage": %s}\n\n' % orjson.dumps(USAGE), DONE],
        [event("hi"), event(None, "stop", usage=USAGE), DONE],
        [event("hi", usage={**USAGE, "completion_tokens": 1}), event(None, "stop", usage=USAGE)],
        [b'data: {"choices": [], "prompt_filter_results": []}\n\n', event("hi"), event("", "stop", usage=USAGE), DONE],
        [event("hi"), event(None, "stop", usage=USAGE), event(None, None, usage=None), DONE],
        [event("hi"), event(None, "stop", x_groq={"usage": USAGE}), DONE],
        [event("hi"), event(None, "stop", usage=USAGE), DONE, event("junk after the end")],
    ],
    ids=[
        "empty choices",
        "null choices",
        "with the finish",
        "cumulative",
        "a first empty chunk",
        "then null",
        "x_groq",
        "junk",
    ],
)
def test_usage_is_found_at_every_place(blocks: list[bytes]) -> None:
    reply = streamed(*blocks)
    assert (reply.text, reply.usage.input_tokens, reply.usage.output_tokens) == ("hi", 5, 3)
    assert reply.usage.complete and reply.finish_reason == "stop"


@pytest.mark.parametrize(
    ("delta", "field"),
    [
        ({"reasoning_content": "hmm"}, None),
        ({"reasoning": "hmm"}, None),
        ({"reasoning": "hmm", "reasoning_content": "hmm"}, None),
        ({"reasoning": "hmm", "reasoning_details": [{"type": "reasoning.text", "text": "hmm", "signature": "s"}]}, "s"),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "hmm", "signature": "s"}]}, "s"),
    ],
)
def test_reasoning_in_each_of_its_spellings(delta: dict[str, Any], field: str | None) -> None:
    chunk = b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": delta}]}) + b"\n\n"
    folded = streamed(chunk, event("yes", "stop"))
    whole = decoded({"choices": [{"finish_reason": "stop", "message": {"content": "yes", **delta}}]})
    for reply in (folded, whole):
        (part, text) = reply.message.content
        assert (part.text, part.signature, text.text) == ("hmm", field, "yes")
    assert folded.message == whole.message


def test_refusals_logprobs_and_several_choices_are_decoded() -> None:
    body = {
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"content": None, "refusal": "no"},
                "logprobs": {"refusal": [{"token": "n", "logprob": -1}]},
            },
            {"index": 1, "finish_reason": "stop", "message": {"content": "maybe"}},
        ]
    }
    reply = decoded(body)
    assert (reply.refusal, reply.text, reply.logprobs, reply.alternatives[0].text) == (
        "no",
        "",
        (TokenLogprob("n", -1.0),),
        "maybe",
    )
    blocks = []
    for choice, delta, probabilities in (
        (0, {"refusal": "no"}, [{"token": "n", "logprob": -1}]),
        (1, {"content": "maybe"}, None),
    ):
        body = {"index": choice, "delta": delta, "logprobs": {"content": probabilities}, "finish_reason": "stop"}
        blocks.append(b"data: " + orjson.dumps({"choices": [body]}) + b"\n\n")
    folded = streamed(*blocks, DONE)
    assert (folded.refusal, folded.logprobs, folded.alternatives) == (reply.refusal, reply.logprobs, reply.alternatives)
    for each in (reply, folded):
        assert (each.finish_reason, each.finish_reason_raw) == ("content_filter", "stop")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "overloaded", "type": "overloaded_error"}, errors.Overloaded),
        ({"message": "slow down", "code": 429}, errors.RateLimitError),
        ({"message": "This model's maximum context length is 8192 tokens"}, errors.ContextOverflow),
        ({"message": "bad gateway", "code": 502}, errors.ServerError),
        ("just words", errors.ProviderError),
    ],
)
def test_an_error_inside_a_stream_is_the_error_that_a_status_would_be(error: Any, kind: type) -> None:
    outcome = streamed(event("so far", usage=USAGE), b"data: " + orjson.dumps({"error": error}) + b"\n\n")
    assert type(outcome) is kind
    assert (outcome.partial.text, outcome.usage.output_tokens, outcome.usage.complete) == ("so far", 3, False)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"code":502,"message":"bad gateway"}}',
        b'{\n  "error" : {"code": 502, "message": "bad gateway"}}',
        b'\n\n   {"id": "gen-1", "provider": "X", "error": {"code": 502, "message": "bad gateway"}}',
        b'{"id": "gen-1", "choices": [], "error": {"code": 502, "message": "bad gateway"}}',
    ],
)
def test_a_call_with_an_error_in_place_of_the_answer_is_sent_again(body: bytes) -> None:
    bodies = [body, completion("hello")]
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=bodies.pop(0)))
    with Client(transport=transport, api_keys={"groq": "k"}, retries=1) as client:
        assert client.generate_text("groq:m", "hi").text == "hello"


@pytest.mark.parametrize(
    "more",
    [{"error": None}, {"error": ""}, {"note": {"error": {"code": 502}}}],
    ids=["null", "empty", "deeper down"],
)
def test_an_answer_about_an_error_is_not_an_error(more: dict[str, Any]) -> None:
    bodies = [completion('of an "error": {"code": 502}', **more)]
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=bodies.pop(0)))
    with Client(transport=transport, api_keys={"groq": "k"}, retries=1) as client:
        assert "502" in client.generate_text("groq:m", "hi").text
