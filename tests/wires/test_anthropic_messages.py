"""Anthropic's messages: streams fold to what the SDK collects, answers are sent back unchanged, finish reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import answers
import httpx
import orjson
import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from stepwell import Client, Context, Reply
from stepwell.catalog import Model
from stepwell.messages import Citation, Opaque, Reasoning, ServerToolResult, Text, ToolCall
from stepwell.pipeline.stream.decoder import StreamDecoder
from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.providers.wires.anthropic_messages.encode import NAME
from stepwell.schemas import errors
from stepwell.schemas.fold import fold
from stepwell.schemas.message import user

from recordings import registry_of

EVENT: Any = TypeAdapter(RawMessageStreamEvent)
MODEL = Model("anthropic", "claude-9")
USAGE = {"input_tokens": 12, "output_tokens": 7, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2}
CITATION = {
    "type": "char_location",
    "cited_text": "sun",
    "document_index": 0,
    "document_title": "a",
    "start_char_index": 0,
    "end_char_index": 3,
}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "title": "T", "url": "https://x.test", "encrypted_content": "e"}],
}


def message(*blocks: dict[str, Any], stop: str | None = "end_turn", **more: Any) -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-9"}
    return {**head, "content": list(blocks), "stop_reason": stop, "stop_sequence": None, "usage": USAGE, **more}


def spread(block: dict[str, Any], cut: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Split a block into its start and its deltas, as a stream sends it."""
    match block["type"]:
        case "text":
            text = block["text"]
            deltas = [{"type": "text_delta", "text": piece} for piece in (text[:cut], text[cut:])]
            cited = [{"type": "citations_delta", "citation": each} for each in block.get("citations") or ()]
            return {**block, "text": "", **({"citations": []} if cited else {})}, [*deltas, *cited]
        case "thinking":
            thought = [{"type": "thinking_delta", "thinking": block["thinking"][:cut]}]
            thought.append({"type": "thinking_delta", "thinking": block["thinking"][cut:]})
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {**block, "thinking": "", "signature": ""}, [*thought, signed]
        case "tool_use" | "server_tool_use":
            text = orjson.dumps(block["input"]).decode() if block["input"] else ""
            pieces = ("", text[:cut], text[cut:])
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return block, []


def events(blocks: list[dict[str, Any]], cut: int = 1, stop: str = "end_turn") -> Iterator[dict[str, Any]]:
    first = {**USAGE, "output_tokens": 1}
    yield {"type": "message_start", "message": message(stop=None, usage=first)}
    yield {"type": "ping"}
    for index, block in enumerate(blocks):
        start, deltas = spread(block, cut)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": stop, "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": USAGE["output_tokens"]}}
    yield {"type": "message_stop"}


def decode(body: Any) -> Reply:
    return anthropic_messages.decode_response(body, MODEL).replace(usage=anthropic_messages.extract_usage(body, MODEL))


def folded(stream: Iterator[dict[str, Any]]) -> Reply:
    decoder = StreamDecoder(anthropic_messages.stream_steps(), MODEL)
    chunks = [chunk for each in stream for chunk in decoder.feed(answers.events(each))]
    return fold([*chunks, *decoder.end()])


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
inputs = st.dictionaries(words, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words, max_size=3)
BLOCKS = st.one_of(
    words.map(lambda text: {"type": "text", "text": text}),
    words.map(lambda text: {"type": "text", "text": text, "citations": [CITATION, CITATION]}),
    st.tuples(words, words).map(lambda two: {"type": "thinking", "thinking": two[0], "signature": f"s{two[1]}"}),
    words.map(lambda data: {"type": "redacted_thinking", "data": data}),
    inputs.map(lambda input: {"type": "tool_use", "id": "toolu_1", "name": "f", "input": input}),
    inputs.map(lambda input: {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": input}),
    st.just(FOUND),
)


def lists_of_blocks(**sizes: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Make lists of blocks in which each call has an id of its own."""
    return st.lists(BLOCKS, **sizes).map(
        lambda blocks: [
            {**block, "id": f"toolu_{at}"} if block["type"] == "tool_use" else block for at, block in enumerate(blocks)
        ]
    )


@given(lists_of_blocks(max_size=5), st.integers(0, 4))
def test_a_stream_folds_to_the_unstreamed_reply(blocks: list[dict[str, Any]], cut: int) -> None:
    whole, streamed = decode(message(*blocks)), folded(events(blocks, cut))
    for name in ("message", "finish_reason", "finish_reason_raw", "usage", "id", "model", "metadata"):
        assert getattr(streamed, name) == getattr(whole, name), name


@given(lists_of_blocks(min_size=1, max_size=4), st.integers(0, 4))
def test_the_sdk_collects_our_streams_to_the_same_blocks(blocks: list[dict[str, Any]], cut: int) -> None:
    """The oracle's own check: what the other tests stream is what Anthropic's SDK takes for this message."""
    snapshot, buffers = None, {}
    for event in events(blocks, cut):
        if event["type"] != "ping":
            snapshot = accumulate_event(
                event=EVENT.validate_python(event), current_snapshot=snapshot, json_bufs=buffers
            )
    gathered = [block.model_dump(exclude_none=True) for block in snapshot.content]
    known = [{k: v for k, v in block.items() if k in wanted} for block, wanted in zip(gathered, blocks, strict=True)]
    assert known == blocks


@given(lists_of_blocks(max_size=5))
def test_an_answer_is_sent_back_block_by_block(blocks: list[dict[str, Any]]) -> None:
    answer = decode(message(*blocks)).message
    stored = Context.from_json(Context([user("hi"), answer]).to_json()).messages
    turns = answers.body_of(anthropic_messages, [*stored, user("more")])["messages"]
    # Texts without a word are what the vendor refuses to take back.
    expected = [block for block in blocks if block["type"] != "text" or block["text"].strip()]
    assert (turns[1]["content"] if expected else []) == expected


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        ({"type": "text", "text": "a", "citations": None}, Text("a")),
        (
            {"type": "text", "text": "a", "citations": [CITATION]},
            Text(
                "a",
                {NAME: {"citations": [CITATION]}},
                (Citation("document", None, "a", None, "sun", 0, 1, {"document": 0, "characters": [0, 3]}),),
            ),
        ),
        ({"type": "thinking", "thinking": "hm", "signature": "s"}, Reasoning("hm", "s", wire=NAME)),
        ({"type": "thinking", "thinking": "", "signature": "s"}, Reasoning("", "s", wire=NAME)),
        ({"type": "redacted_thinking", "data": "blob"}, Reasoning(encrypted="blob", wire=NAME)),
        (
            {"type": "tool_use", "id": "t", "name": "f", "input": {"b": 1, "a": 2}},
            ToolCall("t", "f", '{"b":1,"a":2}'),
        ),
        (
            {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}},
            ToolCall("t", "f", "", {NAME: {"caller": {"type": "direct"}}}),
        ),
        (
            FOUND,
            ServerToolResult(
                NAME, FOUND, "web_search", "srvtoolu_1", sources=(Citation(url="https://x.test", title="T"),)
            ),
        ),
        ({"type": "of_tomorrow", "x": 1}, Opaque(NAME, {"type": "of_tomorrow", "x": 1})),
    ],
)
def test_each_block_has_its_part_streamed_and_not(block: dict[str, Any], part: Any) -> None:
    for reply in (decode(message(block)), folded(events([block]))):
        assert reply.message.content == (part,)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause"),
        ("of_tomorrow", "of_tomorrow"),
    ],
)
def test_each_finish_reason_is_decoded(raw: str, reason: str) -> None:
    block = {"type": "text", "text": "a"}
    for reply in (decode(message(block, stop=raw)), folded(events([block], stop=raw))):
        assert (reply.finish_reason, reply.finish_reason_raw) == (reason, raw)


def test_a_paused_turn_continues_when_it_is_sent_back() -> None:
    """https://docs.claude.com/en/docs/agents-and-tools/tool-use/web-search-tool: the turn goes back as it is."""
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "sun"}}
    bodies: list[Any] = []
    answers = [
        message({"type": "text", "text": "Let me look."}, search, FOUND, stop="pause_turn"),
        message({"type": "text", "text": "It shines.", "citations": [CITATION]}),
    ]

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(orjson.loads(request.content))
        return httpx.Response(200, json=answers[len(bodies) - 1])

    with Client(transport=httpx.MockTransport(handler), registry=registry_of(anthropic_messages)) as client:
        paused = client.generate_text("recorded:m", "weather?")
        assert paused.finish_reason == "pause" and paused.tool_calls == ()
        assert client.generate_text("recorded:m", paused.context).text == "It shines."
    assert bodies[1]["messages"][1] == {"role": "assistant", "content": answers[0]["content"]}


def test_other_fields_of_a_message_are_kept_as_metadata() -> None:
    reported = {
        "stop_sequence": "END",
        "stop_details": {"type": "refusal", "category": "cyber"},
        "container": {"id": "c1", "expires_at": "2026-12-01T00:00:00Z"},
        "context_management": {"applied_edits": []},
    }
    block = {"type": "text", "text": "a"}
    assert decode(message(block, **reported)).metadata == reported
    stream = list(events([block]))
    stream[-2] = {**stream[-2], "context_management": reported["context_management"]}
    stream[-2]["delta"] = {"stop_reason": "end_turn", **reported, "context_management": None}
    assert folded(iter(stream)).metadata == reported


def test_usage_counts_the_cache_as_input_and_grows_with_the_stream() -> None:
    usage = decode(message()).usage
    assert (usage.input_tokens, usage.cached_input_tokens, usage.cache_write_tokens) == (17, 3, 2)
    hour = {**USAGE, "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 2}}
    assert decode(message(usage=hour)).usage.cache_write_1h_tokens == 2
    stream = list(events([{"type": "text", "text": "a"}]))
    stream[-2]["usage"] = {"input_tokens": 20, "cache_read_input_tokens": None, "output_tokens": 9}
    grown = folded(iter(stream)).usage
    assert (grown.input_tokens, grown.cached_input_tokens, grown.output_tokens) == (25, 3, 9)
    assert grown.complete


def streamed(*each: dict[str, Any] | bytes) -> Any:
    body = b"".join(item if isinstance(item, bytes) else answers.events(item) for item in each)
    return answers.answered(anthropic_messages, body, stream=True)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", errors.Overloaded),
        ("api_error", errors.ServerError),
        ("rate_limit_error", errors.RateLimitError),
        ("authentication_error", errors.AuthError),
        ("permission_error", errors.AuthError),
        ("invalid_request_error", errors.InvalidRequest),
        ("billing_error", errors.QuotaError),
        ("of_tomorrow", errors.ProviderError),
    ],
)
def test_an_error_event_is_the_error_that_a_status_would_be(kind: str, expected: type) -> None:
    begun = list(events([{"type": "text", "text": "so far"}]))[:5]
    error = {"type": "error", "error": {"type": kind, "message": "no"}, "request_id": "req_1"}
    outcome = streamed(*begun, b"event: error\n" + answers.events(error))
    assert type(outcome) is expected and outcome.partial.text == "so far"
    assert outcome.usage.input_tokens == 17 and not outcome.usage.complete
    whole = answers.decoded(anthropic_messages, error)
    assert type(whole) is expected, "an error may come as a 200, too"


def test_a_call_with_an_error_before_the_first_chunk_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    busy = answers.events({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
    start = answers.events(next(events([])))
    good = answers.events(*events([{"type": "text", "text": "hello"}]))
    bodies = [busy, start + busy, good]
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=bodies.pop(0)))
    with Client(transport=transport, registry=registry_of(anthropic_messages), retries=2) as client:
        assert client.stream_text("recorded:m", "hi").reply().text == "hello"


def test_unknown_events_blocks_and_deltas_change_nothing() -> None:
    stream = list(events([{"type": "text", "text": "hello"}]))
    foreign = [
        {"type": "of_tomorrow", "x": 1},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "of_tomorrow_delta", "x": 1}},
        {"no": "type"},
    ]
    reply = streamed(*stream[:4], *foreign, *stream[4:])
    assert reply.text == "hello" and reply.finish_reason == "stop"


def test_a_call_cut_by_the_token_limit_is_returned_as_invalid() -> None:
    stream = list(events([{"type": "tool_use", "id": "t", "name": "f", "input": {"city": "Pune"}}], stop="max_tokens"))
    del stream[5]
    (call,) = folded(iter(stream)).tool_calls
    assert call.arguments is None and call.error


def test_a_search_cut_by_the_token_limit_is_kept_with_the_text_before_it() -> None:
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "ab"}}
    stream = list(events([{"type": "text", "text": "hello"}, search], stop="max_tokens", cut=12))
    reply = folded(each for each in stream if (each.get("delta") or {}).get("partial_json") != '"}')
    assert (reply.text, reply.finish_reason) == ("hello", "length")
    assert reply.message.content[1].data["input"] == {"invalid_arguments": '{"query":"ab'}


def test_a_prefix_that_parses_is_not_a_call() -> None:
    stream = list(events([{"type": "tool_use", "id": "t", "name": "f", "input": {"n": 1}}], cut=9))
    cut = streamed(*stream[:5])
    assert isinstance(cut, errors.StreamTruncated) and cut.partial.tool_calls == ()


def test_an_event_that_is_not_json_is_reported() -> None:
    outcome = streamed(next(events([])), b"data: {nonsense\n\n")
    assert isinstance(outcome, errors.DecodeError) and b"nonsense" in outcome.payload
