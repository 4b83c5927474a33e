"""JSON without a schema: on every wire the prompt asks for it, since OpenAI and others refuse others."""

from __future__ import annotations

from typing import Any

import pytest
from catalog_hosts import sent

from stepwell import Context, user
from stepwell.errors import InvalidOption
from stepwell.messages import Message, Text

JSON_MODE = (
    "openai:gpt-4o",
    "openai:gpt-5.4-pro",
    "cohere:command-a-03-2025",
    "mistral:mistral-large-latest",
    "ollama:llama3.2",
    "groq:llama-3.3-70b-versatile",
    "deepseek:deepseek-chat",
    "xai:grok-4.3",
)
NONE = (
    "anthropic:claude-sonnet-4-5",
    "amazon_bedrock:amazon.nova-pro-v1:0",
    "perplexity:sonar-pro",
)
ALL = (*JSON_MODE, *NONE, "google:gemini-2.5-flash")
FORMATS: tuple[Any, ...] = ("json", {"type": "json_object"})
FIELDS = {"response_format", "format", "text", "generationConfig"}


def words(body: dict[str, Any]) -> str:
    """Return the texts that the model reads, of all messages and instructions of a body."""
    return _words({name: value for name, value in body.items() if name not in FIELDS})


def _words(value: object) -> str:
    if isinstance(value, dict | list):
        return " ".join(map(_words, value.values() if isinstance(value, dict) else value))
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize("model", JSON_MODE)
def test_a_prompt_without_the_word_is_given_an_instruction_with_a_warning(model):
    for response_format in FORMATS:
        _, body, warned = sent(model, response_format=response_format)
        assert "json" in words(body).lower() and not FIELDS.isdisjoint(body)
        assert warned.count("response_format") == 1


@pytest.mark.parametrize("model", ALL)
def test_a_prompt_that_asks_for_json_stays_as_it_is(model):
    for conversation in (Context([user("List towns as Json.")]), Context([Message("system", "JSON!"), user("Towns.")])):
        _, body, warned = sent(model, conversation, response_format="json")
        assert words(body).lower().count("json") == 1
        assert ("response_format" in warned) == (model in NONE)


@pytest.mark.parametrize("model", NONE)
def test_where_there_is_no_such_mode_the_prompt_alone_asks(model):
    for response_format in FORMATS:
        _, body, warned = sent(model, response_format=response_format)
        assert "json" in words(body).lower() and warned.count("response_format") == 1
        assert "response_format" not in body and "outputConfig" not in body and "output_config" not in body
    with pytest.raises(InvalidOption, match="JSON mode"):
        sent(model, response_format="json", on_unsupported="error")


def test_responses_find_the_word_in_a_message():
    """OpenAI's Responses refuse a request whose instructions alone have it."""
    asked = Context([Message("system", "Reply in JSON."), user("Towns.")])
    _, body, warned = sent("openai:gpt-5.4-pro", asked, response_format="json")
    assert "instructions" not in body and "response_format" not in warned
    assert body["input"][0] == {"type": "message", "role": "developer", "content": "Reply in JSON."}
    kept = sent("openai:gpt-5.4-pro", Context([*asked.messages[:1], user("As JSON.")]), response_format="json")[1]
    assert kept["instructions"] == "Reply in JSON."


def test_an_instruction_that_is_added_keeps_what_the_system_message_has():
    marked = Text("Be brief.", {"loose": {"cache_control": {"type": "ephemeral"}}})
    conversation = Context([Message("system", (marked,)), user("hi")])
    added = conversation.with_instructions("Answer with JSON.")
    assert added.messages[0].content == (marked, Text("Answer with JSON."))
    plain = Context([Message("system", "Be brief."), user("hi")]).with_instructions("Answer.")
    assert plain.messages[0].content == (Text("Be brief.\n\nAnswer."),)
