"""Malformed messages, conversations and tools are refused with a clear message before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from stepwell import Client, Context, Image, Message, Tool, system, tool_result, user
from stepwell.embeddings import Embedder
from stepwell.llm import LLM
from stepwell.messages import Text, ToolCall
from stepwell.retrieval import VectorRetriever
from stepwell.schemas import errors
from stepwell.testing import FakeModel

from recording_network import PROMPT, RecordingNetwork, failing


class Dumps:
    """An object as other libraries make of pydantic: it has a model_dump, and iterates over its fields."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __repr__(self) -> str:
        return f"Dumps({', '.join(self.__dict__)})"

    def model_dump(self) -> dict[str, Any]:
        return self.__dict__

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self.__dict__.items())


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
        ({"role": "assistant", "tool_calls": ["f"]}, "tool call of a message cannot be a str"),
        ({"role": "assistant", "tool_calls": [Dumps(name="f")]}, r"cannot be a Dumps; pass its model_dump\(\)"),
        ({"role": "tool", "tool_call_id": "1", "content": {"a": 1}}, "without a 'type'; json.dumps"),
        ({"role": "user", "content": Dumps(text="x")}, "content cannot be a Dumps"),
        ({"type": "ai", "content": PROMPT}, 'pass {"role": "assistant"'),
        (Dumps(role="user", content="x"), r"cannot be a Dumps; pass its model_dump\(\)"),
        (Dumps(role="assistant", content="x", model="m"), 'cannot be a Dumps; pass {"role": "assistant"'),
        (Dumps(type="human", content="x"), 'cannot be a Dumps; pass {"role": "user"'),
        (SimpleNamespace(role="system", content="x"), 'cannot be a SimpleNamespace; pass {"role": "system"'),
        ([user("x"), user("y")], r"cannot be a list; .* append\(\*messages\)"),
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


@pytest.mark.parametrize(
    ("give", "says"),
    [
        (lambda one: Client().preview("openai:gpt-4o", one), "a prompt cannot be a Dumps"),
        (lambda one: Context(one), "a conversation cannot be a Dumps"),
        (lambda one: Context(["hi"], one), "the tools of a Context cannot be a Dumps"),
        (lambda one: user(one), "content cannot be a Dumps"),
        (lambda one: Client().run_tools("openai:gpt-4o", "hi", one), "tools cannot be a Dumps"),
        (lambda one: Client().embed("openai:text-embedding-3-small", one, api_key="any"), "text 0 of embed"),
        (lambda one: Embedder("openai:text-embedding-3-small").embed(one), "a Dumps cannot be embedded"),
        (lambda one: VectorRetriever(len).add(one), "a Dumps cannot be searched"),  # type: ignore[arg-type]
        (lambda one: VectorRetriever(len).add([one]), "a Dumps cannot be searched"),  # type: ignore[arg-type]
        (lambda one: LLM("openai:gpt-4o").predict(one), "a template cannot be a Dumps"),
    ],
)
def test_an_object_that_iterates_over_its_fields_is_no_list_of_them(give: Callable[[Any], Any], says: str) -> None:
    with pytest.raises(errors.ConfigError, match=says):
        give(Dumps(text="x"))


def test_messages_side_by_side_are_no_conversation_with_tools() -> None:
    with pytest.raises(errors.ConfigError, match=r"one list: Context\(\["):
        Context(user("a"), user("b"))  # type: ignore[arg-type]


def test_a_reply_is_no_prompt() -> None:
    client = Client(registry=FakeModel("hi").registry)
    reply = client.generate_text("fake:any", "hi")
    failing(errors.ConfigError, lambda: client.generate_text("fake:any", reply), says="reply.context.append")


def test_calls_of_an_answer_may_be_kept_in_a_message_in_dict_form() -> None:
    call = ToolCall("1", "f", "{}")
    assert Context([{"role": "assistant", "tool_calls": (call,)}])[0].tool_calls == (call,)


@pytest.mark.parametrize("arguments", [("result", ToolCall("1", "f", "{}")), (1, "result"), (None, "result")])
def test_a_tool_result_takes_the_call_first(arguments: tuple[Any, Any]) -> None:
    failing(errors.ConfigError, lambda: tool_result(*arguments), says=r"tool_result\(call, result\)")
