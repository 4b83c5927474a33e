"""The chat completion wire: what is sent, the many spellings of what comes back, and every fault a stream can have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from faults import LOSSLESS, cuts

from stepwell import Audio, Client, Context, File, Image, Message, Model, Reasoning, Reply, Text, Tool, ToolCall, Video
from stepwell.pipeline.request import Request
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.schemas import errors
from stepwell.schemas.fold import chunks_of, fold
from stepwell.schemas.message import assistant, system, tool_result, user

from loopback import DONE, event
from recordings import Recording, recordings, registry_of, replay, respelt

STREAMS = [
    each for each in recordings("openai_chat", streaming=True) if each.status == 200 and "error" not in each.expected
]
WHOLE = [
    each for each in recordings("openai_chat", streaming=False) if each.status == 200 and "error" not in each.expected
]


def by_id(recording: Recording) -> str:
    return recording.id


@pytest.mark.parametrize("fault", LOSSLESS, ids=str)
@pytest.mark.parametrize("recording", STREAMS, ids=by_id)
def test_a_lossless_fault_changes_nothing(recording: Recording, fault: str) -> None:
    if len(recording.body) > 50_000 and "one byte" in fault:
        recording = respelt(recording, recording.body[: recording.body.index(b"\n\n", 50_000) + 2])
    plain, faulty = replay(recording, openai_chat), replay(LOSSLESS[fault](recording), openai_chat)
    if isinstance(plain, Reply):
        assert faulty == plain
    else:
        assert type(faulty) is type(plain) and faulty.partial.message == plain.partial.message


@pytest.mark.parametrize("recording", STREAMS, ids=by_id)
def test_a_cut_is_an_error_that_keeps_what_came(recording: Recording) -> None:
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


def streamed(*blocks: bytes, tools: Iterable[Tool] = ()) -> Any:
    recording = Recording("made", "openai_chat", "p", "m", True, (), {}, 200, {}, (b"".join(blocks),), {})
    return replay(recording, openai_chat)


def calls(*deltas: dict[str, Any] | list[dict[str, Any]], finish: str = "tool_calls") -> Any:
    """A stream of these tool call deltas."""
    blocks = []
    for delta in deltas:
        choice = {
            "index": 0,
            "delta": {"tool_calls": delta if isinstance(delta, list) else [delta]},
            "finish_reason": None,
        }
        blocks.append(b"data: " + orjson.dumps({"id": "r-1", "choices": [choice]}) + b"\n\n")
    return streamed(*blocks, event(None, finish), DONE)


def piece(
    arguments: str | None = None, *, name: str | None = None, id: str | None = None, index: int | None = None
) -> dict[str, Any]:
    made: dict[str, Any] = {"function": {}}
    if index is not None:
        made["index"] = index
    if id is not None:
        made["id"] = id
    if name is not None:
        made["function"]["name"] = name
    if arguments is not None:
        made["function"]["arguments"] = arguments
    return made


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        ([piece('{"a":1}', name="f", id="a"), piece('{"b":2}', name="g", id="b")], [("f", {"a": 1}), ("g", {"b": 2})]),
        (
            [piece('{"a":1}', name="f", id="a", index=0), piece('{"b":2}', name="g", id="b", index=0)],
            [("f", {"a": 1}), ("g", {"b": 2})],
        ),
        (
            [
                piece("", name="f", id="a", index=0),
                piece("", name="g", id="b", index=1),
                piece('{"a"', index=0),
                piece('{"b"', index=1),
                piece(":1}", index=0),
                piece(":2}", index=1),
            ],
            [("f", {"a": 1}), ("g", {"b": 2})],
        ),
        ([piece("{}", name="f", id="a", index=5)], [("f", {})]),
        ([piece('{"a"', name="f", id="a"), piece(":1}")], [("f", {"a": 1})]),
        ([piece('{"a"', name="f", id="a", index=0), piece(":1}", id="a", index=3)], [("f", {"a": 1})]),
        ([piece("", name="f", id="a", index=0), piece('{"a":1}', id="", index=0)], [("f", {"a": 1})]),
        ([piece(None, name="f", id="a", index=0)], [("f", {})]),
        (
            [piece("", name="get_", id="a", index=0), piece(None, name="x", index=0), piece("{}", index=0)],
            [("get_x", {})],
        ),
        ([piece('{"a"', name="f", id="a", index=0), piece(":1}", name="f", id="a", index=0)], [("f", {"a": 1})]),
        ([piece("{}", id="a", index=0), piece(None, name="late", index=0)], [("late", {})]),
        (
            [piece('{"a":1}', name="f", index=0), piece('{"b":2}', name="g", index=1)],
            [("f", {"a": 1}), ("g", {"b": 2})],
        ),
        ([piece('{"a":1}', name="f", index=0), piece(" ", id="late", index=0)], [("f", {"a": 1})]),
    ],
    ids=[
        "no index",
        "one index for two",
        "interleaved",
        "first index 5",
        "neither id nor index",
        "right id, wrong index",
        "empty id",
        "null arguments",
        "a name in pieces",
        "a name in every piece",
        "a late name",
        "no ids",
        "a late id",
    ],
)
def test_tool_calls_are_put_together_however_they_are_labelled(deltas: Any, expected: list[Any]) -> None:
    reply = calls(*deltas)
    assert [(call.name, call.arguments) for call in reply.tool_calls] == expected
    assert len({call.id for call in reply.tool_calls}) == len(expected) and all(call.id for call in reply.tool_calls)


def test_a_fragment_that_fits_no_call_is_told_and_never_glued_on() -> None:
    reply = calls(piece("{}", name="f", id="a", index=0), piece('{"x":1}', index=7))
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("f", {})]
    assert reply.metadata["orphaned_tool_arguments"] == [{"index": 7, "arguments": '{"x":1}'}]


def test_a_prefix_that_parses_is_not_a_call() -> None:
    cut = streamed(
        b"data: "
        + orjson.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [piece('{"n":1}', name="f", id="a")]}}]})
        + b"\n\n"
    )
    assert isinstance(cut, errors.StreamTruncated) and cut.partial.tool_calls == ()


def test_a_call_cut_by_the_token_limit_is_kept_with_its_fault() -> None:
    (call,) = calls(piece('{"a":', name="f", id="a"), finish="length").tool_calls
    assert call.arguments is None and call.error and call.arguments_json == '{"a":'


def test_synthesised_ids_are_the_same_streamed_and_unstreamed() -> None:
    streamed_call = calls(piece("{}", name="f", index=0)).tool_calls[0]
    body = {
        "id": "r-1",
        "choices": [{"finish_reason": "tool_calls", "message": {"tool_calls": [piece("{}", name="f")]}}],
    }
    assert decoded(body).tool_calls[0] == streamed_call


def decoded(body: dict[str, Any]) -> Any:
    recording = Recording("made", "openai_chat", "p", "m", False, (), {}, 200, {}, (orjson.dumps(body),), {})
    return replay(recording, openai_chat)


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
def test_usage_is_found_wherever_it_stands(blocks: list[bytes]) -> None:
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


def test_refusals_logprobs_and_several_choices() -> None:
    body = {
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"content": None, "refusal": "no"},
                "logprobs": {"content": [{"token": "n"}]},
            },
            {"index": 1, "finish_reason": "stop", "message": {"content": "maybe"}},
        ]
    }
    reply = decoded(body)
    assert (reply.refusal, reply.text, reply.logprobs, reply.alternatives[0].text) == (
        "no",
        "",
        [{"token": "n"}],
        "maybe",
    )
    blocks = []
    for choice, delta, probabilities in ((0, {"refusal": "no"}, [{"token": "n"}]), (1, {"content": "maybe"}, None)):
        body = {"index": choice, "delta": delta, "logprobs": {"content": probabilities}, "finish_reason": "stop"}
        blocks.append(b"data: " + orjson.dumps({"choices": [body]}) + b"\n\n")
    folded = streamed(*blocks, DONE)
    assert (folded.refusal, folded.logprobs, folded.alternatives) == (reply.refusal, reply.logprobs, reply.alternatives)


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


def body_of(*messages: Message, tools: Iterable[Tool] = (), stream: bool = False, **options: Any) -> dict[str, Any]:
    asked = Request("chat", Model("p", "m"), Context(messages, tools), options=options, stream=stream)
    body: dict[str, Any] = orjson.loads(openai_chat.encode_body(openai_chat.build_body(asked)))
    return body


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        (user("hi"), {"role": "user", "content": "hi"}),
        (system("be kind"), {"role": "system", "content": "be kind"}),
        (
            user(["see", Image(url="https://x/y.png", detail="low")]),
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "see"},
                    {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
                ],
            },
        ),
        (
            user(Image(data=b"\x89PNG")),
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}],
            },
        ),
        (
            user(Audio(data=b"ID3", media_type="audio/mpeg")),
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}}]},
        ),
        (
            user(File(data=b"%PDF", filename="a.pdf")),
            {
                "role": "user",
                "content": [
                    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}}
                ],
            },
        ),
        (user(File(file_id="f-1")), {"role": "user", "content": [{"type": "file", "file": {"file_id": "f-1"}}]}),
        (
            user(Video(url="https://x/y.mp4")),
            {"role": "user", "content": [{"type": "video_url", "video_url": {"url": "https://x/y.mp4"}}]},
        ),
        (assistant("yes"), {"role": "assistant", "content": "yes"}),
        (
            assistant([Reasoning("hmm", "sig", wire="anthropic_messages"), Text("yes")]),
            {"role": "assistant", "content": "yes"},
        ),
        (
            assistant([Text("let me look"), ToolCall("1", "f", "")]),
            {
                "role": "assistant",
                "content": "let me look",
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
        ),
        (tool_result("1", "42"), {"role": "tool", "tool_call_id": "1", "content": "42"}),
    ],
)
def test_each_kind_of_turn_is_encoded(message: Message, encoded: dict[str, Any]) -> None:
    assert body_of(message)["messages"] == [encoded]


def test_pictures_in_a_tool_result_follow_it() -> None:
    turns = [tool_result("1", ["see", Image(url="https://x/1.png")]), tool_result("2", "ok"), user("so?")]
    roles = [turn["role"] for turn in body_of(*turns)["messages"]]
    assert roles == ["tool", "tool", "user", "user"]


def test_options_and_tools_are_encoded() -> None:
    tool = Tool("f", "does", {"type": "object", "properties": {"x": {"type": "string"}}}, strict=True)
    body = body_of(
        user("hi"), tools=[tool], stream=True, temperature=0, tool_choice={"name": "f"}, response_format="json"
    )
    assert body["temperature"] == 0 and body["stream_options"] == {"include_usage": True}
    assert body["tools"][0]["function"] == {
        "name": "f",
        "description": "does",
        "strict": True,
        "parameters": tool.parameters,
    }
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert body["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize("value", [0, 0.0, False, "", []])
def test_what_is_set_explicitly_is_sent(value: Any) -> None:
    name = {bool: "store", int: "seed", float: "temperature", str: "user", list: "stop"}[type(value)]
    sent: list[Any] = []

    def spy(request: Request, call: Any) -> Any:
        sent.append(orjson.loads(request.body))
        return call(request)

    from stepwell import around

    from recordings import answering

    client = Client(
        transport=answering(WHOLE[0]),
        registry=registry_of(openai_chat),
        pipeline=lambda pipeline: pipeline.before("send", around("spy", spy)),
    )
    client.generate_text("recorded:m", "hi", **{name: value}, top_p=None)
    assert sent[0][name] == value and "top_p" not in sent[0]


def test_the_beginning_of_a_conversation_is_encoded_alike_every_turn() -> None:
    turns = [
        system("s"),
        user("a"),
        assistant([Text("b"), ToolCall("1", "f", '{"z":1,"a":2}')]),
        tool_result("1", "r"),
        user("c"),
    ]
    whole = orjson.dumps(body_of(*turns)["messages"])
    for n in range(1, len(turns)):
        assert whole.startswith(orjson.dumps(body_of(*turns[:n])["messages"])[:-1])
