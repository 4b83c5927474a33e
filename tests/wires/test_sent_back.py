"""An answer that was read can be sent back, whatever of it is missing; media that come in pieces come whole."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import httpx
import orjson
import pytest
from odd_blocks import BLOCKS, LISTS, in_blocks

from stepwell import Client, StepwellError, tool_result, user
from stepwell.messages import Text, ToolCall
from stepwell.providers.wires.media import from_base64, join_base64
from stepwell.testing.conformance import samples_of

from odd_fields import ABSENT, KEYS, SPEAKERS, at, places, put, speaker, streamed, wires

SIZES = (1, 2, 3, 100)


def answers_of(name: str) -> list[Any]:
    """Return the bodies of a wire with all blocks around the text, and with a call."""
    body = in_blocks(name)
    if name in LISTS:
        body = put(body, LISTS[name], [*BLOCKS[name], *at(body, LISTS[name]), *BLOCKS[name]])
    return [body, orjson.loads(samples_of(speaker(name)).tools.body)]


@wires
def test_an_answer_that_lacks_a_field_can_be_sent_back(name: str) -> None:
    received: list[bytes] = []
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=received[-1]))
    client, model = Client(transport=transport, api_keys=KEYS, retries=0), f"{SPEAKERS[name]}:m"
    for body in answers_of(name):
        for place in places(body):
            for missing in (ABSENT, None):
                received.append(orjson.dumps(put(body, place, missing)))
                try:
                    reply = client.generate_text(model, "hi", wire=name)
                except StepwellError:
                    continue  # it lacks what cannot be done without
                results = [tool_result(call, "ok") for call in reply.tool_calls]
                sent = client.preview(model, reply.context.append(*results, "more"), wire=name).json
                texts = [part.text for part in reply.message.content if isinstance(part, Text)]
                assert all(text in str(sent) for text in (*texts, "more")), place


def test_messages_without_an_id_are_sent_back_one_by_one() -> None:
    client = Client(api_keys=KEYS)
    message = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    body = {"id": "r", "status": "completed", "output": [message, message]}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
    reply = Client(transport=transport, api_keys=KEYS).generate_text("openai:m", "hi", wire="openai_responses")
    sent = client.preview("openai:m", reply.context.append("more"), wire="openai_responses").json
    assert [len(item["content"]) for item in sent["input"] if item["role"] == "assistant"] == [1, 1]


def test_a_call_with_half_a_character_in_its_id_can_be_sent_back() -> None:
    talk = [user("hi"), {"role": "assistant", "tool_calls": [{"id": "\ud83d", "function": {"name": "f"}}]}]
    sent = Client(api_keys=KEYS).preview("mistral:m", [*talk, tool_result(ToolCall("\ud83d", "f"), "ok")]).json
    assert sent["messages"][1]["tool_calls"][0]["id"] == sent["messages"][2]["tool_call_id"]


def chunk(delta: Any, reason: str | None = None) -> tuple[str, bytes]:
    return "", orjson.dumps({"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("reason", ["stop", None], ids=["with a reason", "with the time of its expiry alone"])
def test_a_spoken_answer_in_pieces_is_whole(size: int, reason: str | None) -> None:
    """Each piece is base64 of its own, with padding. Without a reason: https://github.com/openai/openai-node/pull/1991."""
    sound = bytes(range(256))
    pieces = [sound[at : at + size] for at in range(0, len(sound), size)]
    events = [
        chunk({"audio": {"id": "audio_1", "transcript": "Hi"}}),
        *(chunk({"audio": {"data": b64encode(piece).decode()}}) for piece in pieces),
        chunk({"audio": {"transcript": "!", "expires_at": 5}}, reason),
        ("", b"[DONE]"),
    ]
    reply = streamed(speaker("openai_chat"), events)
    assert (reply.audio.data, reply.audio.transcript, reply.finish_reason) == (sound, "Hi!", "stop")


@pytest.mark.parametrize("size", SIZES)
def test_base64_may_be_joined_of_pieces(size: int) -> None:
    data = bytes(range(250))
    pieces = [b64encode(data[at : at + size]).decode() for at in range(0, len(data), size)]
    joined = ""
    for piece in pieces:
        joined = join_base64(joined, piece)
    assert joined == b64encode(data).decode() and from_base64("".join(pieces)) == data
    assert from_base64("data:audio/wav;base64," + "".join(pieces)) == data


def test_redacted_reasoning_in_pieces_is_sent_back_as_one() -> None:
    wire = speaker("bedrock_converse")
    deltas = [{"reasoningContent": {"redactedContent": b64encode(piece).decode()}} for piece in (b"a", b"bcde", b"f")]
    kinds: list[tuple[str, Any]] = [("messageStart", {"role": "assistant"})]
    kinds += [("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}) for delta in deltas]
    kinds += [("contentBlockStop", {"contentBlockIndex": 0}), ("messageStop", {"stopReason": "end_turn"})]
    frames = [({":message-type": "event", ":event-type": kind}, orjson.dumps(data)) for kind, data in kinds]
    (part,) = streamed(wire, frames).message.content
    assert part.encrypted == b64encode(b"abcdef").decode()
