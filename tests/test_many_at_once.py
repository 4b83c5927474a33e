"""Many items in one call: what a call has found out about them the next one finds, however many they are."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from catalog_hosts import preview

import stepwell
from stepwell import Tool
from stepwell.errors import ConfigError
from stepwell.providers.declare import fit_schemas
from stepwell.schemas.json_schema import safety, usable
from stepwell.schemas.json_schema.dialects import plain, writing
from stepwell.schemas.memo import Memo, Memos
from stepwell.workflows.tools.define import tools_of

from scripted import Scripted

pytestmark = pytest.mark.usefixtures("small_heap")

CHATS = {"openai": "openai:gpt-4o", "google": "google:gemini-2.5-flash"}


def client_of(**settings: Any) -> stepwell.Client:
    """Make a client that gets the same answer to each call."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("generateContent"):
            return httpx.Response(200, json={"candidates": [{"content": {"parts": [{"text": "Hi."}]}}]})
        return Scripted(["Hi."])(request)

    keys = dict.fromkeys(CHATS, "k")
    return stepwell.Client(transport=httpx.MockTransport(answer), api_keys=keys, **settings)


def test_a_memo_holds_as_many_values_as_one_call_needs() -> None:
    made: list[int] = []
    memo = Memo[int, int](10, lambda key: made.append(key) or key)
    for key in range(10):
        assert memo[key] == key
    memo.hold(25)
    memo.hold(5)  # which keeps no fewer
    for _ in range(3):
        assert [memo[key] for key in range(25)] == list(range(25))
    assert sorted(made) == list(range(25))
    for key in range(100, 300):
        assert memo[key] == key
    assert len(memo) == 25


@pytest.mark.parametrize("provider", CHATS)
def test_a_tool_that_needs_no_change_is_looked_at_once_however_many_there_are(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[str] = []
    fit = fit_schemas._fit_tool
    monkeypatch.setattr(fit_schemas, "_fit_tool", lambda tool, *given: (fitted.append(tool.name), fit(tool, *given))[1])
    items = {"type": "array", "items": {"type": "string"}}
    tools = [Tool(f"tool_{n}", parameters={"type": "object", "properties": {f"a{n}": items}}) for n in range(1100)]
    client = client_of()
    for _ in range(3):
        client.generate_text(CHATS[provider], "hi", tools=tools)
    assert len(fitted) == len(tools)
    changed = Tool("tool_7", parameters={"type": "object", "properties": {"b": items}})
    client.generate_text(CHATS[provider], "hi", tools=[changed])
    assert fitted[len(tools) :] == ["tool_7"]


def test_tools_made_at_run_time_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Memo[Any, Any]] = []

    class Noted(Memo[Any, Any]):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            kept.append(self)

    monkeypatch.setattr(fit_schemas, "Memo", Noted)
    client = client_of()
    for n in range(0, 1500, 50):
        client.generate_text(CHATS["openai"], "hi", tools=[Tool(f"tool_{at}") for at in range(n, n + 50)])
    assert [len(each) for each in kept] == [1000]


def test_a_function_that_finds_what_to_hide_is_asked_once_for_each_text_of_a_long_history() -> None:
    asked: list[str] = []

    def find(text: str) -> list[str]:
        asked.append(text)
        return []

    client = client_of(pipeline=[stepwell.steps.redact(find)])
    history = [stepwell.user(f"text {n}") if n % 2 == 0 else stepwell.assistant(f"text {n}") for n in range(2301)]
    for _ in range(3):
        client.generate_text(CHATS["openai"], history)
    assert len(asked) == len(history)


def test_names_of_tools_are_compared_in_proportion_to_the_tools() -> None:
    compared: list[int] = []

    class Name(str):
        def __eq__(self, other: object) -> bool:
            compared.append(1)
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    tools = [Tool(Name(f"tool_{n}")) for n in range(300)]
    compared.clear()
    assert len(tools_of(tools)) == 300
    assert len(compared) <= 600
    with pytest.raises(ConfigError, match="two tools are named 'tool_299'"):
        tools_of([*tools, Tool("tool_299")])


TEXT = {"type": "string", "minLength": 1}
MANY = {**CHATS, "anthropic": "anthropic:claude-sonnet-4-5", "cohere": "cohere:command-a-03-2025"}


@pytest.mark.parametrize("provider", MANY)
def test_the_schemas_of_many_tools_are_read_in_the_first_call_alone(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are more than the tables keep by themselves, strict ones among them, and some that are sent in another
    form."""
    read: list[int] = []
    modernise = safety._modernise
    monkeypatch.setattr(safety, "_modernise", lambda *given: (read.append(1), modernise(*given))[1])
    for memo in memos():
        monkeypatch.setattr(memo, "_most", 100)
        monkeypatch.setattr(memo, "_keys", [])
        memo.clear()
    tools = [
        Tool(f"tool_{n}", parameters={"type": "object", "properties": {f"a{n}": TEXT}}, strict=n % 2 == 0)
        for n in range(1100)
    ]
    preview(MANY[provider], "hi", tools=tools)
    first = len(read)
    assert first >= len(tools) // 2
    preview(MANY[provider], "hi", tools=tools)
    assert len(read) == first


def memos() -> list[Memo[Any, Any]]:
    """Return the tables of schemas."""
    return [each for module in (safety, usable, writing, plain) for each in vars(module).values() if type(each) is Memo]


def test_losses_of_many_tools_are_reported_in_proportion_to_them() -> None:
    tools = [Tool(f"tool_{n}", parameters={"type": "object", "properties": {"a": {}}}, strict=True) for n in range(50)]
    client = client_of()
    warned = client.generate_text(CHATS["openai"], "hi", tools=tools).warnings
    assert [each.subject for each in warned] == ["tools"] * 50 and "tool_49" in warned[-1].why


def test_memos_that_belong_together_hold_the_same_many() -> None:
    several = Memos(5)
    first, second = several.memo(lambda key: [key]), several.memo(lambda key: [key])
    several.hold(20)
    late = several.memo(lambda key: [key])
    for memo in (first, second, late):
        assert [memo[key] for key in range(30)] and len(memo) == 20
