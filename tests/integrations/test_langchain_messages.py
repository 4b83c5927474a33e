"""Messages between LangChain and stepwell: every form is read, and an answer round-trips without a loss."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models._utils import _normalize_messages
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from stepwell.integrations.langchain.chunks import ChunkWriter
from stepwell.integrations.langchain.incoming import messages_from_langchain
from stepwell.integrations.langchain.outgoing import response_metadata, result_of, usage_metadata
from stepwell.schemas.chunks import StreamChunk, ToolCallDelta, ToolCallStart
from stepwell.schemas.errors import ConfigError
from stepwell.schemas.fold import fold
from stepwell.schemas.message import Message
from stepwell.schemas.parts import Audio, File, Image, Opaque, Reasoning, Refusal, Text, ToolCall, Video
from stepwell.schemas.reply import CallWarning, Reply
from stepwell.schemas.reply_chunks import chunks_of
from stepwell.schemas.usage import Usage

pytestmark = pytest.mark.usefixtures("framework")

JSON = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=5)
PICTURE = b"\x89PNG\r\n"
BASE64 = b64encode(PICTURE).decode()
CALL = {"name": "add", "args": {"a": 1}, "id": "1", "type": "tool_call"}


def content_of(block: Any) -> Any:
    """Convert a user's block to a part by way of a LangChain message."""
    (message,) = messages_from_langchain(_normalize_messages([HumanMessage([block])]))
    (part,) = message.content
    return part


@pytest.mark.parametrize(
    ("given", "role"),
    [
        (SystemMessage("hi"), "system"),
        (HumanMessage("hi"), "user"),
        (AIMessage("hi"), "assistant"),
        (AIMessageChunk("hi"), "assistant"),
        (ChatMessage("hi", role="developer"), "system"),
        (ChatMessage("hi", role="assistant"), "assistant"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_each_role_is_converted(given: Any, role: str) -> None:
    assert messages_from_langchain([given]) == [Message(role, "hi")]  # type: ignore[arg-type]


def test_a_name_is_sent() -> None:
    assert messages_from_langchain([HumanMessage("hi", name="ann")])[0].name == "ann"


@pytest.mark.parametrize("given", [ChatMessage("hi", role="narrator"), FunctionMessage("hi", name="f")])
def test_a_role_that_no_model_has_is_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match="cannot be sent"):
        messages_from_langchain([given])


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "base64": BASE64, "mime_type": "image/png"},
        {"type": "image", "source_type": "base64", "data": BASE64, "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}},
    ],
    ids=["standard", "older standard", "OpenAI's", "Anthropic's"],
)
def test_an_image_is_accepted_in_every_form(block: Any) -> None:
    assert content_of(block) == Image(data=PICTURE, media_type="image/png")


def test_an_image_by_address_or_id_is_never_fetched() -> None:
    address = "https://example.org/a.png"
    assert content_of({"type": "image", "url": address}) == Image(url=address)
    assert content_of({"type": "image_url", "image_url": {"url": address, "detail": "low"}}) == Image(
        url=address, detail="low"
    )
    assert content_of({"type": "image", "file_id": "file-1"}) == Image(file_id="file-1")


@pytest.mark.parametrize(
    "block",
    [
        {"type": "file", "base64": BASE64, "mime_type": "application/pdf", "filename": "a.pdf"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{BASE64}"}},
    ],
    ids=["standard", "OpenAI's"],
)
def test_a_file_in_any_form(block: Any) -> None:
    assert content_of(block) == File(data=PICTURE, media_type="application/pdf", filename="a.pdf")


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "input_image", "image_url": f"data:image/png;base64,{BASE64}"}, Image(data=PICTURE)),
        ({"type": "input_image", "file_id": "f", "detail": "low"}, Image(file_id="f", detail="low")),
        ({"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{BASE64}"}, None),
        ({"type": "media", "mime_type": "image/png", "data": BASE64}, Image(data=PICTURE)),
        ({"type": "media", "mime_type": "video/mp4", "file_uri": "https://e.org/v"}, Video(url="https://e.org/v")),
    ],
)
def test_media_in_the_forms_of_other_integrations(block: Any, part: Any) -> None:
    read = content_of(block)
    if part is None:
        assert (type(read), read.data, read.filename) == (File, PICTURE, "a.pdf")
    else:
        assert (type(read), read.data, read.url, read.file_id) == (type(part), part.data, part.url, part.file_id)


def test_text_that_is_not_base64_is_read_as_text() -> None:
    text = content_of({"type": "document", "title": "t", "source": {"type": "text", "data": "four"}})
    assert (text.data, text.filename) == (b"four", "t")
    drawing = content_of({"type": "image_url", "image_url": {"url": "data:image/svg+xml,%3Csvg/%3E"}})
    assert (drawing.data, drawing.media_type) == (b"<svg/>", "image/svg+xml")
    assert (
        content_of({"type": "image", "base64": f"{BASE64[:4]}\n{BASE64[4:]}", "mime_type": "image/png"}).data == PICTURE
    )


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ({"type": "image", "base64": "not base64!", "mime_type": "image/png"}, "is not base64"),
        ({"type": "image_url", "image_url": {}}, "has no 'url'"),
        ({"type": "media", "data": BASE64}, "has no 'mime_type'"),
    ],
)
def test_a_broken_block_is_reported(block: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        content_of(block)


def test_audio_and_video() -> None:
    sound = Audio(data=PICTURE, media_type="audio/wav")
    assert content_of({"type": "audio", "base64": BASE64, "mime_type": "audio/wav"}) == sound
    assert content_of({"type": "input_audio", "input_audio": {"data": BASE64, "format": "wav"}}) == sound
    video = {"type": "video", "url": "https://example.org/a.mp4", "mime_type": "video/mp4"}
    assert content_of(video) == Video(url="https://example.org/a.mp4", media_type="video/mp4")


def test_text_with_anthropics_cache_mark_keeps_it() -> None:
    part = content_of({"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}})
    assert part == Text("hi") or part.extra == {"anthropic_messages": {"cache_control": {"type": "ephemeral"}}}
    assert part.extra


def test_a_users_unknown_block_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="hologram"):
        content_of({"type": "hologram"})


def test_a_tool_message_is_the_result_of_its_call() -> None:
    given = ToolMessage([{"type": "text", "text": "no"}], tool_call_id="1", name="add", status="error")
    assert messages_from_langchain([given]) == [Message("tool", "no", "1", "add", is_error=True)]


def test_calls_inside_and_outside_the_content_are_read_once() -> None:
    block = {"type": "tool_use", "id": "1", "name": "add", "input": {"a": 1}}
    (message,) = messages_from_langchain([AIMessage([{"type": "text", "text": "So:"}, block], tool_calls=[CALL])])
    assert message.content == (Text("So:"), ToolCall("1", "add", '{"a":1}'))
    (beside,) = messages_from_langchain([AIMessage("So:", tool_calls=[CALL])])
    assert beside == message


def test_thinking_of_other_integrations_is_read() -> None:
    blocks: list[Any] = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "redacted_thinking", "data": "e"},
        {"type": "reasoning", "reasoning": "Well."},
    ]
    (message,) = messages_from_langchain([AIMessage(blocks)])
    assert message.content == (
        Reasoning("Hm.", signature="s", wire="anthropic_messages"),
        Reasoning(encrypted="e", wire="anthropic_messages"),
        Reasoning("Well."),
    )


def test_a_summary_of_openais_is_read_as_the_reasoning() -> None:
    summary = [{"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": "Then."}]
    (said,) = messages_from_langchain([AIMessage([{"type": "reasoning", "id": "rs_1", "summary": summary}])])
    assert said.reasoning == "First.\n\nThen."


def test_an_answers_unknown_block_becomes_an_opaque_part() -> None:
    block = {"type": "server_tool_call", "id": "s1", "name": "search", "args": {}}
    (message,) = messages_from_langchain([AIMessage([block])])  # type: ignore[list-item]
    assert message.content == (Opaque("langchain", block),)


ANSWERS = {
    "text": Message("assistant", "Hello"),
    "calls": Message("assistant", [Text("So:"), ToolCall("1", "add", '{"a":1}'), ToolCall("2", "add", "{}")]),
    "incomplete call": Message("assistant", [ToolCall("1", "add", '{"a":')]),
    "refusal": Message("assistant", [Refusal("I cannot.")]),
    "signed thinking, a search and calls in between": Message(
        "assistant",
        [
            Reasoning("Hm.", signature="s", wire="anthropic_messages", extra={"w": {"x": 1}}),
            Text("Let me look.", {"anthropic_messages": {"citations": [1]}}),
            ToolCall("1", "add", '{"a":1}', {"google_generate": {"thoughtSignature": "t"}}),
            Reasoning(encrypted="e", id="rs_2", wire="openai_responses"),
            Opaque("openai_responses", {"type": "web_search_call", "id": "ws"}),
            ToolCall("2", "add", '{"a":2}'),
        ],
    ),
    "pictures": Message("assistant", [Text("Here:"), Image(data=PICTURE, media_type="image/png")]),
}


@pytest.mark.parametrize("said", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_round_trips(said: Message) -> None:
    (generation,) = result_of(Reply(said, "stop")).generations
    again = AIMessage.model_validate(generation.message.model_dump())
    assert messages_from_langchain([again]) == [said]


@pytest.mark.parametrize("said", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("listed", [False, True], ids=["v0", "v1"])
def test_a_streamed_answer_is_the_same_answer(said: Message, listed: bool) -> None:
    reply = Reply(said, "stop", usage=Usage(3, 2), id="r1")
    whole = streamed(reply, listed=listed)
    assert messages_from_langchain([whole]) == [said]
    assert whole.usage_metadata == usage_metadata(reply.usage)
    assert whole.response_metadata == response_metadata(reply)
    (generation,) = result_of(reply).generations
    assert isinstance(generation.message, AIMessage)
    assert whole.tool_calls == generation.message.tool_calls
    assert whole.text == generation.message.text


def streamed(reply: Reply, *, listed: bool) -> AIMessageChunk:
    """Stream the reply in the pieces of chunks_of and let LangChain join them."""
    return written(chunks_of(reply), fold(chunks_of(reply)), listed=listed)


def written(chunks: Iterable[StreamChunk], reply: Reply, *, listed: bool = False) -> AIMessageChunk:
    """Join these chunks as LangChain does."""
    writer = ChunkWriter(listed=listed)
    pieces = [said for chunk in chunks if (said := writer.feed(chunk)) is not None]
    first, *rest = [piece.message for piece in (*pieces, writer.last(reply))]
    assert isinstance(first, AIMessageChunk)
    whole = first + rest if rest else first
    assert isinstance(whole, AIMessageChunk)
    return whole


@pytest.mark.parametrize("text", ["", "{", '{"a":', '{"a": [1', '{"a": "b', '{"a": "b\\', '{"a": {"b": "[', '{"a": 1}'])
def test_a_truncated_call_can_never_be_run(text: str) -> None:
    whole = written((ToolCallStart(0, "1", "add"), ToolCallDelta(0, text)), Reply(finish_reason="length"))
    assert not whole.tool_calls and len(whole.invalid_tool_calls) == 1
    assert messages_from_langchain([whole]) == [Message("assistant", [ToolCall("1", "add", text)])]


@given(st.dictionaries(st.text(), JSON), st.integers(0, 200))
def test_a_cut_at_any_place_keeps_the_partial_answer(arguments: dict[str, Any], length: int) -> None:
    text = json.dumps(arguments, ensure_ascii=False)[:length]
    assert not written((ToolCallStart(0, "1", "add"), ToolCallDelta(0, text)), Reply()).tool_calls


def test_arguments_that_do_not_parse_are_an_invalid_call() -> None:
    (generation,) = result_of(Reply(ANSWERS["incomplete call"])).generations
    assert isinstance(generation.message, AIMessage)
    assert not generation.message.tool_calls
    (call,) = generation.message.invalid_tool_calls
    assert call["args"] == '{"a":' and "JSON" in (call["error"] or "")


def test_plain_text_is_a_plain_string() -> None:
    (generation,) = result_of(Reply(ANSWERS["text"])).generations
    assert generation.message.content == "Hello" and generation.message.additional_kwargs == {}
    assert streamed(Reply(ANSWERS["text"]), listed=False).content == "Hello"


def test_usage_has_the_reported_details_only() -> None:
    reported = Usage(10, 5, cached_input_tokens=4, cache_write_tokens=1, reasoning_tokens=2, input_audio_tokens=3)
    assert usage_metadata(reported) == {
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 15,
        "input_token_details": {"cache_read": 4, "cache_creation": 1, "audio": 3},
        "output_token_details": {"reasoning": 2},
    }
    assert usage_metadata(Usage()) is None


def test_every_choice_is_a_generation() -> None:
    result = result_of(Reply(Message("assistant", "a"), usage=Usage(1, 1), alternatives=(Message("assistant", "b"),)))
    assert [generation.text for generation in result.generations] == ["a", "b"]


def test_the_metadata_equals_the_replys_fields() -> None:
    reply = Reply(
        Message("assistant", "a"),
        "stop",
        id="r1",
        model="m-2026",
        provider="fake",
        request_id="q1",
        warnings=(CallWarning("seed", "Acme has no seeds"),),
        metadata={"logprobs": [1]},
    )
    assert response_metadata(reply) == {
        "model_name": "fake:m-2026",
        "served_model": "m-2026",
        "finish_reason": "stop",
        "id": "r1",
        "request_id": "q1",
        "warnings": ["seed: Acme has no seeds"],
        "logprobs": [1],
    }
