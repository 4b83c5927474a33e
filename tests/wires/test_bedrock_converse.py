"""Bedrock's Converse: streams fold to what botocore reads unstreamed, turns are sent back unchanged, broken frames
fail."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import answers
import orjson
import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.parsers import EventStreamJSONParser
from converse_model import SERVICE, model_faults
from hypothesis import given
from hypothesis import strategies as st

from stepwell import Context, Reply
from stepwell.catalog import Model
from stepwell.messages import Citation, Opaque, Reasoning, ServerToolCall, ServerToolResult, Text, ToolCall
from stepwell.pipeline.stream.decoder import StreamDecoder
from stepwell.providers.wires.anthropic_messages.samples import SAMPLES as ANTHROPIC
from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.bedrock_converse.encode import NAME
from stepwell.providers.wires.bedrock_invoke import bedrock_invoke_anthropic, bedrock_invoke_openai
from stepwell.providers.wires.openai_chat.samples import SAMPLES as OPENAI
from stepwell.providers.wires.protocols.aws_event_stream import encode
from stepwell.schemas import errors
from stepwell.schemas.fold import fold
from stepwell.schemas.message import user

MODEL = Model("amazon_bedrock", "anthropic.claude-9")
USAGE = {
    "inputTokens": 12,
    "outputTokens": 7,
    "totalTokens": 24,
    "cacheReadInputTokens": 3,
    "cacheWriteInputTokens": 2,
}
CITATION = {
    "title": "T",
    "sourceContent": [{"text": "sun"}],
    "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 3}},
}
GROUNDED = {"toolUse": {"toolUseId": "s1", "name": "nova_grounding", "input": {"q": "x"}, "type": "server_tool_use"}}
RESULT = {"toolResult": {"toolUseId": "s1", "content": [{"text": "found"}], "status": "success"}}
REDACTED = {"reasoningContent": {"redactedContent": b64encode(b"blob").decode()}}


def answer(*blocks: dict[str, Any], stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": list(blocks)}
    return {"output": {"message": message}, "stopReason": stop, "usage": USAGE, "metrics": {"latencyMs": 5}, **more}


def frame(kind: str, **data: Any) -> bytes:
    headers = {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}
    return encode(headers, orjson.dumps(data))


def pieces(block: dict[str, Any], cut: int) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Split a block into its start in a stream, if any, and its deltas."""
    match block:
        case {"text": words}:
            return None, [{"text": words[:cut]}, {"text": words[cut:]}]
        case {"citationsContent": cited}:
            words = "".join(each["text"] for each in cited["content"])
            return None, [{"text": words}, *({"citation": each} for each in cited["citations"])]
        case {"reasoningContent": {"reasoningText": thought}}:
            texts = [{"reasoningContent": {"text": each}} for each in (thought["text"][:cut], thought["text"][cut:])]
            signed = [{"reasoningContent": {"signature": thought["signature"]}}] if "signature" in thought else []
            return None, texts + signed
        case {"reasoningContent": redacted}:
            return None, [{"reasoningContent": redacted}]
        case {"toolUse": use}:
            text = orjson.dumps(use["input"]).decode() if use["input"] else ""
            start = {"toolUse": {name: value for name, value in use.items() if name != "input"}}
            return start, [{"toolUse": {"input": each}} for each in (text[:cut], text[cut:])]
        case {"toolResult": result}:
            start = {"toolResult": {name: value for name, value in result.items() if name != "content"}}
            return start, [{"toolResult": result["content"]}]
    raise AssertionError(block)


def frames(*blocks: dict[str, Any], cut: int = 1, stop: str = "end_turn") -> Iterator[bytes]:
    yield frame("messageStart", role="assistant")
    for index, block in enumerate(blocks):
        start, deltas = pieces(block, cut)
        if start:
            yield frame("contentBlockStart", contentBlockIndex=index, start=start)
        for delta in deltas:
            yield frame("contentBlockDelta", contentBlockIndex=index, delta=delta)
        yield frame("contentBlockStop", contentBlockIndex=index)
    yield frame("messageStop", stopReason=stop)
    yield frame("metadata", usage=USAGE, metrics={"latencyMs": 5})


def decode(body: Any) -> Reply:
    reply = bedrock_converse.decode_response(body, MODEL)
    return reply.replace(usage=bedrock_converse.extract_usage(body, MODEL))


def folded(stream: Iterator[bytes]) -> Reply:
    decoder = StreamDecoder(bedrock_converse.stream_steps(), MODEL)
    chunks = [chunk for each in stream for chunk in decoder.feed(each)]
    return fold([*chunks, *decoder.end()])


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
inputs = st.dictionaries(words, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words, max_size=3)
BLOCKS = st.one_of(
    words.map(lambda text: {"text": text}),
    words.map(lambda text: {"citationsContent": {"content": [{"text": text}], "citations": [CITATION]}}),
    words.map(lambda text: {"reasoningContent": {"reasoningText": {"text": text, "signature": "s"}}}),
    words.map(lambda text: {"reasoningContent": {"reasoningText": {"text": text}}}),
    inputs.map(lambda input: {"toolUse": {"toolUseId": "t1", "name": "f", "input": input}}),
    st.sampled_from([REDACTED, GROUNDED, RESULT]),
)


def lists_of_blocks(**sizes: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Make lists of blocks in which each call has an id of its own."""
    return st.lists(BLOCKS, **sizes).map(lambda blocks: [numbered(block, at) for at, block in enumerate(blocks)])


def numbered(block: dict[str, Any], at: int) -> dict[str, Any]:
    call = block.get("toolUse", {})
    return block if call.get("type", "toolUseId" not in call) else {"toolUse": {**call, "toolUseId": f"t{at}"}}


@given(lists_of_blocks(max_size=5), st.integers(0, 4))
def test_a_stream_folds_to_the_unstreamed_reply(blocks: list[dict[str, Any]], cut: int) -> None:
    whole, streamed = decode(answer(*blocks)), folded(frames(*blocks, cut=cut))
    for name in ("message", "finish_reason", "finish_reason_raw", "usage", "metadata"):
        assert getattr(streamed, name) == getattr(whole, name), name


@given(lists_of_blocks(max_size=4), st.integers(0, 4))
def test_the_service_model_has_the_events_of_these_tests(blocks: list[dict[str, Any]], cut: int) -> None:
    """Every frame as botocore parses it, and the content as the model of Converse's answers has it."""
    shape = SERVICE.operation_model("ConverseStream").output_shape.members["stream"]
    parser, buffer = EventStreamJSONParser(), EventStreamBuffer()
    for each in frames(*blocks, cut=cut):
        buffer.add_data(each)
    for message in buffer:
        kind = message.headers[":event-type"]
        parsed = parser.parse(message.to_response_dict(200), shape)[kind]
        reported = orjson.loads(message.payload)
        assert parsed.keys() == reported.keys()
        for part in ("delta", "start"):
            assert parsed.get(part, {}).keys() == reported.get(part, {}).keys()
    content = SERVICE.operation_model("Converse").output_shape.members["output"].members["message"]
    assert not model_faults({"role": "assistant", "content": blocks}, content)


@given(lists_of_blocks(max_size=5))
def test_an_answer_is_sent_back_block_by_block(blocks: list[dict[str, Any]]) -> None:
    message = decode(answer(*blocks)).message
    stored = Context.from_json(Context([user("hi"), message]).to_json()).messages
    turns = answers.body_of(bedrock_converse, [*stored, user("more")])["messages"]
    expected = [block for block in map(sent_back, blocks) if block]
    assert (turns[1]["content"] if expected else []) == expected


def sent_back(block: dict[str, Any]) -> dict[str, Any] | None:
    """Return the parts that are sent back: no empty texts or unsigned reasoning."""
    if "citationsContent" in block:
        return block if block["citationsContent"]["content"][0]["text"].strip() else None
    if "text" in block:
        return block if block["text"].strip() else None
    unsigned = "signature" not in block.get("reasoningContent", {}).get("reasoningText", {"signature": ""})
    return None if unsigned else block


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"text": "a"}, Text("a")),
        (
            {"citationsContent": {"content": [{"text": "a"}], "citations": [CITATION]}},
            Text(
                "a",
                {NAME: {"citations": [CITATION]}},
                (Citation("document", None, "T", None, "sun", 0, 1, {"document": 0, "characters": [0, 3]}),),
            ),
        ),
        (
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
            Reasoning("hm", "s", wire=NAME),
        ),
        (REDACTED, Reasoning(encrypted=b64encode(b"blob").decode(), wire=NAME)),
        ({"toolUse": {"toolUseId": "t", "name": "f", "input": {"b": 1, "a": 2}}}, ToolCall("t", "f", '{"b":1,"a":2}')),
        ({"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}, ToolCall("t", "f", "")),
        (GROUNDED, ServerToolCall(NAME, GROUNDED, "web_search", "s1", "nova_grounding", {"q": "x"})),
        (RESULT, ServerToolResult(NAME, RESULT, "", "s1", "found")),
    ],
)
def test_each_block_has_its_part_streamed_and_not(block: dict[str, Any], part: Any) -> None:
    for reply in (decode(answer(block)), folded(frames(block))):
        assert reply.message.content == (part,)


def test_unknown_future_blocks_are_kept_complete() -> None:
    block = {"ofTomorrow": {"x": 1, "y": 2}}
    start = frame("contentBlockStart", contentBlockIndex=0, start={"ofTomorrow": {"x": 1}})
    delta = frame("contentBlockDelta", contentBlockIndex=0, delta={"ofTomorrow": {"y": 2}})
    first, *rest = frames()
    stream = [first, start, delta, frame("contentBlockStop", contentBlockIndex=0), frame("news", z=1), *rest]
    for reply in (decode(answer(block)), folded(iter(stream))):
        assert reply.message.content == (Opaque(NAME, block),)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_tool_use", "malformed_tool_use"),
    ],
)
def test_each_finish_reason_is_decoded(raw: str, reason: str) -> None:
    for reply in (decode(answer({"text": "a"}, stop=raw)), folded(frames({"text": "a"}, stop=raw))):
        assert (reply.finish_reason, reply.finish_reason_raw) == (reason, raw)


def test_usage_counts_the_cache_as_input() -> None:
    usage = decode(answer()).usage
    assert (usage.input_tokens, usage.cached_input_tokens, usage.cache_write_tokens) == (17, 3, 2)
    hour = {**USAGE, "cacheDetails": [{"ttl": "5m", "inputTokens": 1}, {"ttl": "1h", "inputTokens": 2}]}
    assert decode(answer(usage=hour)).usage.cache_write_1h_tokens == 2


def test_other_fields_of_the_answer_are_kept_as_metadata() -> None:
    reported = {
        "trace": {"guardrail": {}, "x": 1},
        "performanceConfig": {"latency": "optimized"},
        "additionalModelResponseFields": {"stop_sequence": "END"},
    }
    assert decode(answer({"text": "a"}, **reported)).metadata == {**reported, "metrics": {"latencyMs": 5}}
    extra = {"stopReason": "end_turn", "additionalModelResponseFields": reported["additionalModelResponseFields"]}
    beside = {"trace": reported["trace"], "performanceConfig": reported["performanceConfig"]}
    stream = [*list(frames({"text": "a"}))[:-2], frame("messageStop", **extra)]
    stream.append(frame("metadata", usage=USAGE, metrics={"latencyMs": 5}, **beside))
    assert folded(iter(stream)).metadata == {**reported, "metrics": {"latencyMs": 5}}


def streamed(*each: bytes) -> Any:
    return answers.answered(bedrock_converse, b"".join(each), stream=True)


EXCEPTIONS = {
    "throttlingException": errors.RateLimitError,
    "modelStreamErrorException": errors.ServerError,
    "internalServerException": errors.ServerError,
    "serviceUnavailableException": errors.Overloaded,
    "validationException": errors.InvalidRequest,
}


@pytest.mark.parametrize(("kind", "expected"), EXCEPTIONS.items())
def test_every_exception_that_is_modelled_is_the_error_that_a_status_would_be(kind: str, expected: type) -> None:
    modelled = SERVICE.operation_model("ConverseStream").output_shape.members["stream"].members
    assert {name for name in modelled if name.endswith("Exception")} == EXCEPTIONS.keys()
    failing = encode({":message-type": "exception", ":exception-type": kind}, b'{"message":"it broke"}')
    outcome = streamed(*list(frames({"text": "so far"}))[:3], failing)
    assert type(outcome) is expected and "it broke" in str(outcome) and outcome.partial.text == "so far"


def test_a_failure_that_is_not_modelled_is_reported_by_its_code() -> None:
    headers = {":message-type": "error", ":error-code": "InternalError", ":error-message": "it broke"}
    outcome = streamed(*list(frames({"text": "so far"}))[:3], encode(headers, b""))
    assert isinstance(outcome, errors.ProviderError) and "it broke" in str(outcome)
    assert outcome.code == "InternalError" and outcome.partial.text == "so far"


def test_an_input_that_is_too_long_is_recognised_by_the_message() -> None:
    failing = encode(
        {":message-type": "exception", ":exception-type": "validationException"},
        b'{"message":"Input is too long for requested model."}',
    )
    assert isinstance(streamed(failing), errors.ContextOverflow)


def test_a_prefix_that_parses_is_not_a_call() -> None:
    cut = streamed(*list(frames({"toolUse": {"toolUseId": "t", "name": "f", "input": {"n": 1}}}, cut=7))[:3])
    assert isinstance(cut, errors.StreamTruncated) and cut.partial.tool_calls == ()


def test_a_search_cut_by_the_token_limit_affects_nothing_else() -> None:
    stream = list(frames({"text": "so far"}, GROUNDED, stop="max_tokens"))
    del stream[6]
    reply = folded(iter(stream))
    assert reply.text == "so far" and reply.finish_reason == "length"
    assert reply.message.content[1].data["toolUse"]["input"] == {"invalid_arguments": "{"}


@pytest.mark.parametrize("wire", [bedrock_invoke_anthropic, bedrock_invoke_openai], ids=lambda wire: wire.name)
def test_invoke_streams_the_models_own_format_in_frames(wire: Any) -> None:
    """The stream of the format itself, each event in base64 within a frame, folds to the same reply."""
    samples = {"anthropic_messages": ANTHROPIC, "openai_chat": OPENAI}[wire.history_format]
    for sample in (samples.text, samples.tools):
        datas = [line[6:] for line in sample.stream.split(b"\n") if line.startswith(b"data: ")]
        body = b"".join(frame("chunk", bytes=b64encode(each).decode()) for each in datas if each != b"[DONE]")
        whole, stream = answers.answered(wire, sample.body), answers.answered(wire, body, stream=True)
        assert stream == whole and stream.text == sample.text
        assert [(call.name, call.arguments) for call in stream.tool_calls] == list(sample.tool_calls)
