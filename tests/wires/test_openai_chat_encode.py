"""Requests for chat completions: each kind of turn, options, tools, and explicit values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import answers
import orjson
import pytest

from stepwell import Client, File, Image, Message, Tool, around
from stepwell.messages import Audio, Reasoning, Text, ToolCall, Video
from stepwell.pipeline.http.request import Request
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.schemas.message import assistant, system, tool_result, user

from recordings import answering, recordings, registry_of

WHOLE = next(each for each in recordings("openai_chat", streaming=False) if each.status == 200)


def body_of(*messages: Message, tools: Iterable[Tool] = (), stream: bool = False, **options: Any) -> dict[str, Any]:
    return answers.body_of(openai_chat, messages, tools, stream=stream, **options)


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


def test_images_in_a_tool_result_follow_it() -> None:
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


@pytest.mark.parametrize("value", [0, 0.0, False, "", ["END"]])
def test_explicit_values_are_sent(value: Any) -> None:
    name = {bool: "store", int: "seed", float: "temperature", str: "user", list: "stop"}[type(value)]
    sent: list[Any] = []

    def spy(request: Request, call: Any) -> Any:
        sent.append(orjson.loads(request.body))
        return call(request)

    client = Client(
        transport=answering(WHOLE),
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
