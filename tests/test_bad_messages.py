"""Malformed messages, conversations and tools are refused with a clear message before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stepwell import Client, Context, Image, Message, Tool, system, user
from stepwell.messages import Text, ToolCall
from stepwell.schemas import errors
from stepwell.testing import FakeModel

from recording_network import PROMPT, RecordingNetwork, failing


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "   ",
        [],
        Context(),
        42,
        b"hi",
        user(""),
        [user("hi"), user(" ")],
        {"role": "user", "content": ""},
        {"role": "user", "content": []},
        {"role": "user", "content": [{"type": "text", "text": ""}]},
        {"role": "user"},
    ],
    ids=repr,
)
def test_an_empty_prompt_is_refused(prompt: Any) -> None:
    failing(
        errors.ConfigError,
        lambda: RecordingNetwork().client().generate_text("openai:gpt", prompt),
        says="prompt|no content",
    )


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"role": "user", "contnet": PROMPT}, "no 'contnet'; did you mean 'content'"),
        ({"role": "user", "content": 5}, "content cannot be a int"),
        ({"role": "user", "content": [{"type": "text"}]}, "no 'text'"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "no 'url'"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": 5}]}, "no 'url'"),
        ({"role": "user", "content": [{"type": "hologram"}]}, "'hologram' is not a part"),
        ({"role": "user", "content": [5]}, "cannot hold a int"),
        ({"role": "user", "content": PROMPT, "name": 5}, "'name' of a message is a int"),
        ({"role": "assistant"}, "role assistant has no content"),
        ({"role": "assistant", "tool_calls": [{"id": "1"}]}, "tool call of a message has no name"),
        ({"role": "assistant", "tool_calls": ["f"]}, "tool call of a message has no name"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"a": {1}}}}]}, "not JSON"),
        ({"role": "tool", "tool_call_id": "1"}, "no content"),
        ({"role": "tool", "tool_call_id": 1, "content": "x"}, "'tool_call_id'"),
        ({"role": ["user"], "content": PROMPT}, "not a role"),
        ({"content": PROMPT}, "a dict without a role"),
        (5, "cannot be a int"),
    ],
    ids=str,
)
def test_a_malformed_message_is_refused_at_every_place(message: Any, says: str) -> None:
    tap = RecordingNetwork()
    for prompt in ([message, "hi"], [system("s"), message]):
        failing(errors.ConfigError, lambda prompt=prompt: tap.client().generate_text("openai:gpt", prompt), says=says)  # type: ignore[misc]
    with pytest.raises(errors.ConfigError, match=says):
        Context([message])
    with pytest.raises(errors.ConfigError, match=says):
        Context().append(message)
    assert tap.sent == []


@pytest.mark.parametrize("make", [lambda: Message("wizard", "x"), lambda: Message("user", 5), lambda: user({"a": 1})])  # type: ignore[arg-type]
def test_an_invalid_message_is_refused_when_it_is_made(make: Callable[[], Any]) -> None:
    with pytest.raises(errors.ConfigError, match="role|content cannot be"):
        make()


@pytest.mark.parametrize(
    ("tools", "says"),
    [
        ("x", "tools cannot be a str"),
        (7, "tools cannot be a int"),
        (Tool("f"), "tools cannot be a Tool"),
        ([5], "cannot be made of a int"),
        ([{"type": "web_search"}], "'web_search' is the provider's own; pass Tool"),
        ([{"type": "function"}], "needs its name"),
        ([{"type": "function", "function": {"name": "f", "parameters": "x"}}], "JSON Schema"),
        ([{"type": "function", "function": {"name": "not a name"}}], "not a tool name"),
    ],
    ids=str,
)
def test_an_invalid_tool_is_refused(tools: Any, says: str) -> None:
    tap = RecordingNetwork()
    failing(errors.ConfigError, lambda: tap.client().generate_text("openai:gpt", PROMPT, tools=tools), says=says)
    if isinstance(tools, list):
        with pytest.raises(errors.ConfigError):
            Context([], tools)
    assert tap.sent == []


def test_a_tool_name_that_no_provider_accepts_is_refused() -> None:
    failing(errors.ConfigError, lambda: Tool("not a name"), says="not a tool name")


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (ToolCall("1", "look_up", {"city": PROMPT}), "arguments_json of a ToolCall is a dict; pass json.dumps"),  # type: ignore[arg-type]
        (ToolCall(1, "look_up"), "id of a ToolCall is a int; pass a string"),  # type: ignore[arg-type]
        (Text(5), "text of a Text is a int"),  # type: ignore[arg-type]
    ],
    ids=["arguments", "id", "text"],
)
def test_a_part_that_is_not_made_of_text_is_named_on_every_wire(part: Any, says: str) -> None:
    client = Client(api_keys=dict.fromkeys(("openai", "anthropic", "google", "mistral", "cohere"), "k"))
    for model in ("openai:m", "anthropic:m", "google:m", "mistral:m", "cohere:m", "ollama:m"):
        with pytest.raises(errors.ConfigError, match=says):
            client.preview(model, ["hi", Message("assistant", part), "go"])
    with pytest.raises(errors.ConfigError, match=says):
        Client(registry=FakeModel([part]).registry).generate_text("fake:m", "hi")


def test_a_file_says_what_its_content_has_to_be() -> None:
    with pytest.raises(errors.ConfigError, match="data of Image is text, not bytes; pass base64.b64decode"):
        Image(data="iVBORw0KGgo=")  # type: ignore[arg-type]
    with pytest.raises(errors.ConfigError, match="url of a Image is a int"):
        Image(url=5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"role": "user", "content": [{"type": "image", "source": {}}]}, "'image_url'"),
        ({"role": "user", "content": [{"type": "tool_result", "content": "x"}]}, "'role': 'tool'"),
        ({"role": "assistant", "content": [{"type": "tool_use", "id": "1"}]}, "'tool_calls'"),
        ({"role": "assistant", "content": [{"type": "thinking", "thinking": "x"}]}, "'reasoning_content'"),
        ({"role": "model", "parts": [{"text": "x"}]}, "no 'parts'; pass 'content'"),
        ({"type": "function_call", "name": "f"}, "'tool_calls'"),
        ({"type": "function_call_output", "output": "x"}, "'role': 'tool'"),
    ],
    ids=str,
)
def test_messages_in_another_form_are_refused_with_the_way_to_write_them(message: Any, says: str) -> None:
    with pytest.raises(errors.ConfigError, match=says):
        Context([message])
