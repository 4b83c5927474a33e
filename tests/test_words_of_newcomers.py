"""What newcomers write for a map, a provider, a conversation and a fake: an error that says what to write."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import stepwell
from stepwell import AsyncClient, Client, Context, Tool, assistant, errors, tool_result, user
from stepwell.declare import declare_provider, openai_chat
from stepwell.errors import ConfigError, InvalidOption, StreamTruncated
from stepwell.messages import ToolCall
from stepwell.testing import FakeModel


def fake_client(*turns: Any) -> Client:
    return Client(registry=FakeModel(*turns or ("hi",), repeat=True).registry)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        *((name, "it is workers=") for name in ("max_workers", "max_concurrency", "batch_size", "concurrency")),
        *((name, "it is key=") for name in ("keys", "id")),
        ("worker", "did you mean 'workers'"),
        ("retry_faild", "did you mean 'retry_failed'"),
    ],
)
def test_a_map_says_what_its_arguments_are_called(name: str, says: str) -> None:
    async_client = AsyncClient(registry=FakeModel("hi").registry)
    for client in (fake_client(), async_client):
        with pytest.raises(InvalidOption, match=f"a map has no argument '{name}'; {says}"):
            client.map(["a"], model="fake:a", prompt="{item}", **{name: 1})  # type: ignore[arg-type]


def test_a_map_is_run_before_it_has_a_summary() -> None:
    with pytest.raises(AttributeError, match=r"call .run\(\)"):
        fake_client().map(["a"], model="fake:a", prompt="{item}").answered  # type: ignore[attr-defined]  # noqa: B018

    async def awaited() -> None:
        await AsyncClient(registry=FakeModel("hi").registry).map(["a"], model="fake:a", prompt="{item}")  # type: ignore[misc]

    with pytest.raises(ConfigError, match=r"await client.map\(...\).run\(\)"):
        asyncio.run(awaited())


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"api_key": "k"}, "env_key="),
        ({"api_key_env": "K"}, "env_key="),
        ({"key_required": False}, "key_optional=True"),
        ({"retry": 3}, "with a call, or with a client"),
        ({"retries": 3}, "with a call, or with a client"),
        ({"models": ["small"]}, "any model can be called"),
        ({"models": {"small": {"context": 8}}}, "model_facts="),
    ],
    ids=str,
)
def test_a_declaration_says_what_its_facts_are_called(facts: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidOption, match=says) as caught:
        declare_provider("acme", wire=openai_chat, base_url="https://acme.test/v1", **facts)
    assert "'k'" not in str(caught.value)


@pytest.mark.parametrize("name", ["APITimeoutError", "Timeout", "ReadTimeout", "TimeoutError"])
def test_each_name_for_a_timeout_leads_to_the_error_of_all_timeouts(name: str) -> None:
    with pytest.raises(AttributeError, match="TransportError, which catches all: (.*) are its kinds") as caught:
        getattr(errors, name)
    kinds = str(caught.value).partition("all: ")[2].partition(" are")[0].split(", ")
    assert len(kinds) == 4 and all(issubclass(getattr(errors, each), errors.TransportError) for each in kinds)


def test_tools_and_prompt_in_each_other_s_place() -> None:
    def look_up(city: str) -> str:
        """Look up a city."""
        return city

    for tools in ([look_up], [Tool("look_up")], []):
        with pytest.raises(ConfigError, match=r"run_tools\(model, prompt, tools\)"):
            fake_client().run_tools("fake:a", tools, "What is there?")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"run_tools\(model, prompt, tools\)"):
        fake_client().generate_text("fake:a", [user("hi"), look_up])  # type: ignore[list-item]


def test_a_reply_is_no_message_and_says_where_its_own_is() -> None:
    reply = fake_client().generate_text("fake:a", "hi")
    for write in (lambda: Context("hi").append(reply), lambda: fake_client().generate_text("fake:a", ["hi", reply])):  # type: ignore[arg-type, list-item]
        with pytest.raises(ConfigError, match="Reply; append reply.message, or go on from reply.context"):
            write()


def test_a_role_and_a_text_are_no_two_messages() -> None:
    for role in ("assistant", "system", "user", "tool"):
        with pytest.raises(ConfigError, match=rf"also '{role}'; write append\("):
            Context("a").append(role, "b")
    assert [each.text for each in Context("a").append("user").append("b", "tool")] == ["a", "user", "b", "tool"]
    assert Context("a").append(assistant("b"), "c")[1].role == "assistant"


def test_a_list_is_one_turn_of_a_fake_and_its_last_error_says_so() -> None:
    client = Client(registry=FakeModel(["one", "two"]).registry)
    assert client.generate_text("fake:a", "hi").text == "onetwo"
    with pytest.raises(AssertionError, match=r"no turn left.*a list is one turn, so write FakeModel\(\*answers\)"):
        client.generate_text("fake:a", "hi")
    client = Client(registry=FakeModel("one").registry)
    client.generate_text("fake:a", "hi")
    with pytest.raises(AssertionError, match=r"no turn left.*repeat=True$"):
        client.generate_text("fake:a", "hi")


def test_a_fake_has_turns_without_a_name_and_no_dicts() -> None:
    with pytest.raises(InvalidOption, match=r"no 'responses'; turns have no name.*FakeModel\(\*answers\)"):
        FakeModel(responses=["one"])  # type: ignore[arg-type]
    for turn in ({"content": "hi"}, ["hi", {"name": "look_up"}]):
        with pytest.raises(ConfigError, match=r"be or hold a dict; it is text .*ToolCall\(id, name, arguments_json\)"):
            fake_client(turn).generate_text("fake:a", "hi")


def test_a_stream_that_was_closed_early_names_what_it_has() -> None:
    stream = fake_client(["Good ", "morning"]).stream_text("fake:a", "hi")
    next(iter(stream.text_deltas()))
    stream.close()
    with pytest.raises(StreamTruncated, match=r"use .usage, and .partial of this error") as caught:
        stream.reply()
    assert caught.value.partial is not None and caught.value.partial.text.startswith("Good")


@pytest.mark.parametrize("value", [42, 1.5, True, None, {"c": 21}, [1, 2], float("nan"), ["a", 1]], ids=str)
def test_a_result_is_written_as_run_tools_writes_it(value: Any) -> None:
    call = ToolCall("1", "look_up", "{}")
    fake = FakeModel(call, "done")
    tool = Tool("look_up", callback=lambda: value)
    Client(registry=fake.registry).run_tools("fake:a", "hi", [tool])
    assert tool_result(call, value).text == fake.requests[1].context[-1].text


def test_a_result_without_a_json_form_is_refused() -> None:
    with pytest.raises(stepwell.StepwellError, match="no JSON form"):
        tool_result(ToolCall("1", "look_up", "{}"), object())
