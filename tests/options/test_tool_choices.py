"""A tool_choice in any vendor's form means the same on every wire."""

from __future__ import annotations

from typing import Any

import pytest
from catalog_hosts import sent

from stepwell import Tool
from stepwell.errors import InvalidOption

MODELS = (
    "openai:gpt-4o",
    "openai:gpt-5.4-pro",
    "anthropic:claude-sonnet-4-5",
    "google:gemini-2.5-flash",
    "amazon_bedrock:amazon.nova-pro-v1:0",
    "cohere:command-a-03-2025",
    "mistral:mistral-large-latest",
    "groq:llama-3.3-70b-versatile",
)
TOOLS = [Tool("look", "Look"), Tool("other", "Other")]
NAMED: tuple[Any, ...] = (
    {"type": "tool", "name": "look"},
    {"type": "function", "name": "look"},
    {"type": "function", "function": {"name": "look"}},
    {"function": {"name": "look"}},
    TOOLS[0],
)
NONSENSE: tuple[Any, ...] = (
    {"type": "function"},
    {"type": "tool"},
    {"type": "function", "function": "look"},
    {"name": 3},
    {"any": {}},
    {},
)


def body_of(model: str, choice: object, **options: Any) -> Any:
    return sent(model, tools=TOOLS, tool_choice=choice, **options)[1]


@pytest.mark.parametrize("model", MODELS)
def test_every_vendors_form_of_a_choice_is_sent_in_this_vendors(model):
    for choice in NAMED:
        assert body_of(model, choice) == body_of(model, {"name": "look"}), choice
    for word in ("auto", "any", "none", "required"):
        assert body_of(model, {"type": word}) == body_of(model, word)


@pytest.mark.parametrize("model", MODELS)
def test_one_call_at_a_time_is_the_option_of_that_name(model):
    for choice in ("auto", "any"):
        given = {"type": choice, "disable_parallel_tool_use": True}
        assert body_of(model, given) == body_of(model, choice, parallel_tool_calls=False)
    named = {"type": "tool", "name": "look", "disable_parallel_tool_use": True}
    assert body_of(model, named) == body_of(model, {"name": "look"}, parallel_tool_calls=False)
    assert body_of(model, named, parallel_tool_calls=True) == body_of(model, {"name": "look"}, parallel_tool_calls=True)


@pytest.mark.parametrize("model", MODELS)
def test_an_object_that_names_nothing_is_refused_before_it_is_sent(model):
    for choice in NONSENSE:
        with pytest.raises(InvalidOption, match="tool_choice"):
            body_of(model, choice)


def test_a_providers_own_choice_is_sent_to_it_alone():
    own = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "name": "look"}]}}
    assert body_of("openai:gpt-5.4-pro", own)["tool_choice"] == own
    for model in ("google:gemini-2.5-flash", "amazon_bedrock:amazon.nova-pro-v1:0", "cohere:command-a-03-2025"):
        with pytest.raises(InvalidOption, match="tool_choice"):
            body_of(model, own)
