"""Marks for the provider's cache go only where the model takes them; in all other cases there is a warning."""

from __future__ import annotations

import json

import pytest
from catalog_hosts import TOOL, preview, rows

from stepwell import assistant, system, tool_result, user
from stepwell.schemas.parts import ToolCall

PROMPT = [system("be nice"), user("hi")]


def marks(model: str, prompt=PROMPT, **options):
    request = preview(model, prompt, tools=[TOOL], **options)
    body = json.loads(request.body)
    places = {
        name for name in body if "cachePoint" in json.dumps(body[name]) or "cache_control" in json.dumps(body[name])
    }
    return (
        places,
        '"1h"' in json.dumps(body),
        [warning.why for warning in request.warnings if warning.subject == "prompt_cache"],
    )


@pytest.mark.parametrize(
    ("model", "places", "hour"),
    [
        ("amazon_bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0", {"system", "toolConfig", "messages"}, True),
        ("amazon_bedrock:us.anthropic.claude-opus-4-8", {"system", "toolConfig", "messages"}, True),
        ("amazon_bedrock:anthropic.claude-opus-4-1-20250805-v1:0", {"system", "toolConfig", "messages"}, False),
        ("amazon_bedrock:us.anthropic.claude-3-7-sonnet-20250219-v1:0", {"system", "toolConfig", "messages"}, False),
        ("amazon_bedrock:anthropic.claude-3-haiku-20240307-v1:0", set(), False),
        ("amazon_bedrock:us.amazon.nova-pro-v1:0", {"system", "messages"}, False),
        ("amazon_bedrock:us.amazon.nova-2-lite-v1:0", {"system", "messages"}, False),
        ("amazon_bedrock:meta.llama3-1-70b-instruct-v1:0", set(), False),
        ("amazon_bedrock:mistral.mistral-large-2402-v1:0", set(), False),
        ("amazon_bedrock:openai.gpt-oss-120b-1:0", set(), False),
        ("amazon_bedrock:deepseek.v3-v1:0", set(), False),
        ("anthropic:claude-opus-5", {"system", "tools", "messages"}, True),
        ("openrouter:anthropic/claude-opus-4.8", {"messages"}, True),
        ("openrouter:openai/gpt-5.4", set(), False),
        ("openrouter:meta-llama/llama-4-maverick", set(), False),
    ],
)
def test_marks_go_where_the_model_takes_them(model, places, hour):
    for option in (True, "5m", "1h"):
        found, has_hour, warned = marks(model, prompt_cache=option)
        assert found == places and has_hour == (hour and option == "1h")
        assert bool(warned) == (not places or (option == "1h" and not hour))


def test_no_model_of_bedrock_but_claude_and_nova_gets_a_cache_point():
    for name in rows(lambda model: model.provider == "amazon-bedrock"):
        places, _, warned = marks(name, prompt_cache=True)
        assert bool(places) != bool(warned), name
        assert not places or "claude" in name or "nova" in name, name


def test_nova_gets_no_point_after_a_tools_result():
    call = ToolCall("c1", "look", "{}")
    prompt = [*PROMPT, assistant(call), tool_result(call, "ok")]
    assert marks("amazon_bedrock:us.amazon.nova-pro-v1:0", prompt, prompt_cache=True)[0] == {"system"}


def test_openrouter_gets_the_marks_at_the_ends_of_the_system_message_and_the_conversation():
    body = json.loads(preview("openrouter:anthropic/claude-opus-4.8", PROMPT, prompt_cache="1h").body)
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert [turn["content"] for turn in body["messages"]] == [
        [{"type": "text", "text": text, **mark}] for text in ("be nice", "hi")
    ]
    assert "prompt_cache" not in body


@pytest.mark.parametrize("model", ["anthropic:claude-opus-5", "openrouter:anthropic/claude-opus-4.8"])
@pytest.mark.parametrize("prompt_cache", [None, True])
def test_of_too_many_marks_the_newest_stay(model, prompt_cache):
    """A conversation in which each turn was marked when it was the last has more than a request may have."""

    def marked(text):
        return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]

    for turns in range(8):
        prompt = [{"role": "system", "content": marked("be nice")}]
        for turn in range(turns):
            prompt += [{"role": "user", "content": marked(f"question {turn}")}, assistant("so")]
        request = preview(model, [*prompt, {"role": "user", "content": marked("the last")}], prompt_cache=prompt_cache)
        body = json.loads(request.body)
        blocks = [*(body.get("system") or ()), *(each for turn in body["messages"] for each in turn["content"])]
        cached = [each["text"] for each in blocks if "cache_control" in each]
        assert cached == ["be nice", *[f"question {turn}" for turn in range(turns)][-2:], "the last"]
        warnings = [each.why for each in request.warnings if "marks for" in each.why]
        assert len(warnings) == (turns > 2) and all(f"{turns - 2} marks" in why for why in warnings)
