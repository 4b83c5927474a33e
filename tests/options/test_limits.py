"""Values beyond the vendor's limits are clamped and reported; contradictions are reported; the caller's options stay
unchanged."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from in_turn import in_turn
from option_matrix import TOOL, client_for, sent

from stepwell import Client, Tool
from stepwell.declare import force
from stepwell.errors import InvalidOption

BEDROCK_OPUS = "amazon_bedrock:us.anthropic.claude-opus-4-1-20250805-v1:0"


def reported(model: str, **options: Any) -> dict[str, str]:
    return {warning.subject: warning.why for warning in sent(model, **options)[1]}


# --- max_tokens and the catalog


def test_max_tokens_above_the_models_limit_become_that_limit():
    body, warnings = sent("openai:gpt-4o", max_tokens=9_999_999)
    assert body == {"max_completion_tokens": 16384}
    assert (
        str(warnings[0]).startswith("max_tokens: 9999999 became 16384, the highest")
        and warnings[0].model == "openai:gpt-4o"
    )
    assert sent("openai:gpt-4o", max_tokens=16384) == ({"max_completion_tokens": 16384}, ())


def test_with_on_unsupported_error_too_many_tokens_are_an_error():
    with pytest.raises(InvalidOption, match="'max_tokens': 9999999 became 16384"):
        sent("openai:gpt-4o", max_tokens=9_999_999, on_unsupported="error")


def test_no_limit_of_our_list_holds_for_an_unknown_model_or_at_another_address():
    assert sent("openai:my-tune", max_tokens=9_999_999)[0] == {"max_completion_tokens": 9_999_999}
    other_server = client_for("openai:gpt-4o", base_urls={"openai": "https://gateway.test/v1"})
    assert sent("openai:gpt-4o", other_server, max_tokens=9_999_999) == ({"max_completion_tokens": 9_999_999}, ())


def test_a_users_rule_decides_max_tokens():
    client = client_for("openai:gpt-4o")
    client.override("openai:gpt-4o", translate_options=[force("max_tokens", 20_000, why="the list is old")])
    assert sent("openai:gpt-4o", client, max_tokens=50_000)[0] == {"max_completion_tokens": 20_000}


# --- thinking within what may be written


@pytest.mark.parametrize(
    ("model", "options", "budget", "most", "name"),
    [
        (BEDROCK_OPUS, {"reasoning_effort": "xhigh"}, 27904, 32000, "reasoning_effort"),
        ("anthropic:claude-sonnet-4-5", {"reasoning_budget": 100_000}, 59904, 64000, "reasoning_budget"),
        ("anthropic:claude-sonnet-4-5", {"reasoning_budget": 62_000}, 59904, 64000, "reasoning_budget"),
    ],
)
def test_thinking_and_answer_together_stay_within_the_models_limit(model, options, budget, most, name):
    body, warnings = sent(model, **options)
    thinking = body.get("thinking") or body["additionalModelRequestFields"]["thinking"]
    assert thinking["budget_tokens"] == budget
    assert most == (body.get("max_tokens") or body["inferenceConfig"]["maxTokens"])
    (warning,) = (warning for warning in warnings if warning.subject != "model")  # Opus 4.1 is deprecated
    assert warning.subject == name and f"{budget}" in warning.why


# --- effort and budget, and warnings that name what was given


@pytest.mark.parametrize(
    "model",
    [
        *("anthropic:claude-sonnet-4-5", "google:gemini-2.5-pro", "google:gemini-3-flash-preview", BEDROCK_OPUS),
        *("alibaba:qwen-plus", "cohere:command-a-reasoning-08-2025", "openrouter:qwen/qwen3.5-397b-a17b"),
    ],
)
def test_the_budget_wins_over_the_effort_with_a_warning(model):
    options = {"reasoning_budget": 5000, "reasoning_effort": "low"}
    assert "more exact" in reported(model, **options)["reasoning_effort"]
    assert sent(model, **options)[0] == sent(model, reasoning_budget=5000)[0]
    with pytest.raises(InvalidOption, match="'reasoning_effort'"):
        sent(model, **options, on_unsupported="error")


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({"reasoning_effort": "none", "reasoning_budget": 5000}, {"enable_thinking": True, "thinking_budget": 5000}),
        ({"reasoning_effort": "high", "reasoning_budget": 5000}, {"enable_thinking": True, "thinking_budget": 5000}),
        ({"reasoning_budget": 0}, {"enable_thinking": False}),
        ({"reasoning_effort": "none"}, {"enable_thinking": False}),
    ],
)
def test_alibabas_switch_and_budget_never_contradict_each_other(options, body):
    assert sent("alibaba:qwen-plus", **options)[0] == body


@pytest.mark.parametrize("given", [{"reasoning_budget": 4000}, {"reasoning_effort": "low"}])
@pytest.mark.parametrize(
    "model", ["anthropic:claude-haiku-4-5", "anthropic:claude-opus-4-6", "anthropic:claude-opus-5"]
)
def test_a_warning_names_an_option_that_was_given(model, given):
    warned = reported(model, tools=[TOOL], tool_choice="required", **given)
    assert set(warned) == set(given)


def test_a_vendors_own_thinking_object_replaces_efforts_with_a_warning():
    warned = reported(
        "anthropic:claude-haiku-4-5", reasoning_effort="low", provider_options={"thinking": {"type": "disabled"}}
    )
    assert warned == {"reasoning_effort": "thinking was given, too"}
    warned = reported(
        "google:gemini-2.5-pro", reasoning_effort="low", provider_options={"thinking_config": {"thinkingBudget": 500}}
    )
    assert warned == {"reasoning_effort": "thinking_config was given, too, and is more exact"}


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("cohere:command-a-03-2025", {"top_p": 0}),
        ("cohere:command-a-03-2025", {"presence_penalty": 2}),
        ("moonshot:moonshot-v1-8k", {"temperature": 2}),
        ("groq:llama-3.3-70b-versatile", {"n": 3}),
    ],
)
def test_every_clamp_gives_its_reason(model, options):
    (name,) = options
    assert ": " in reported(model, **options)[name]


# --- temperature and stop by the vendors' documents


@pytest.mark.parametrize(
    ("model", "most"),
    [
        *[
            ("openai:gpt-4o", 2),
            ("azure:gpt-4o", 2),
            ("groq:llama-3.3-70b-versatile", 2),
            ("google:gemini-2.5-flash", 2),
        ],
        *[("anthropic:claude-haiku-4-5", 1), ("amazon_bedrock:us.amazon.nova-lite-v1:0", 1), ("zai:glm-4.6", 1)],
        *[("mistral:mistral-large-2512", 1.5), ("deepseek:deepseek-chat", 2), ("cerebras:gpt-oss-120b", 2)],
        *[("xai:grok-4.3", 2), ("openrouter:qwen/qwen3.5-397b-a17b", 2), ("fireworks:some-model", 2)],
        *[("alibaba:qwen-plus", 1.99), ("perplexity:sonar", 1.99), ("google:gemini-2.5-flash", 2)],
    ],
)
def test_a_temperature_beyond_the_vendors_range_is_clamped(model, most):
    body, _ = sent(model, temperature=3)
    inner = body.get("generationConfig") or body.get("inferenceConfig") or body
    assert inner["temperature"] == most
    assert reported(model, temperature=3)["temperature"].startswith(f"3 became {most}: ")


@pytest.mark.parametrize(
    ("model", "most", "place"),
    [
        *[
            ("openai:gpt-4o", 4, "stop"),
            ("groq:llama-3.3-70b-versatile", 4, "stop"),
            ("cerebras:gpt-oss-120b", 4, "stop"),
        ],
        *[("deepseek:deepseek-chat", 16, "stop"), ("cohere:command-a-03-2025", 5, "stop_sequences")],
        *[("google:gemini-2.5-flash", 5, "stopSequences"), ("xai:grok-4.20-0309-non-reasoning", 4, "stop")],
    ],
)
def test_only_as_many_stops_as_the_vendor_allows_are_sent(model, most, place):
    stops = [str(number) for number in range(20)]
    body, _ = sent(model, stop=stops)
    assert (body.get("generationConfig") or body)[place] == stops[:most]
    assert reported(model, stop=stops)["stop"].startswith(f"the first {most} of 20 were sent")
    assert "stop" not in reported(model, stop=stops[:most])


# --- provider_options


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("openrouter:openai/gpt-5", {"reasoning": {"exclude": True}}),
        ("amazon_bedrock:us.amazon.nova-lite-v1:0", {"additional_model_request_fields": {"inferenceConfig": {"x": 1}}}),
        ("amazon_bedrock:us.amazon.nova-2-lite-v1:0", {"additional_model_request_fields": {"a": 1}}),
        ("anthropic:claude-opus-4-6", {"output_config": {"format": {"type": "x"}}}),
        ("google:gemini-2.5-pro", {"generationConfig": {"candidateCount": 2}}),
        ("openai:gpt-4o", {"stream_options": {"include_obfuscation": False}}),
    ],
)
def test_nothing_of_the_callers_is_changed_and_no_option_leaks_into_the_next_call(model, options):
    given = deepcopy(options)
    client = client_for(model)
    alone, _ = sent(model, client, provider_options=given)
    sent(model, client, provider_options=given, reasoning_effort="high", top_k=5, temperature=0.5)
    assert given == options
    assert sent(model, client, provider_options=given)[0] == alone


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize(
    ("model", "given", "options", "body"),
    [
        (
            "google:gemini-2.5-pro",
            {"generationConfig": {"candidateCount": 2}},
            {"temperature": 0.5},
            {"generationConfig": {"temperature": 0.5, "candidateCount": 2}},
        ),
        (
            "google:gemini-2.5-pro",
            {"generationConfig": {"temperature": 0.9}},
            {"temperature": 0.5, "max_tokens": 9},
            {"generationConfig": {"temperature": 0.9, "maxOutputTokens": 9}},
        ),
        (
            "amazon_bedrock:us.amazon.nova-lite-v1:0",
            {"additionalModelRequestFields": {"inferenceConfig": {"seed": 1}}},
            {"top_k": 5},
            {"additionalModelRequestFields": {"inferenceConfig": {"topK": 5, "seed": 1}}},
        ),
        ("openai:gpt-4o", {"logit_bias": [1]}, {"logit_bias": {"5": 1}}, {"logit_bias": [1]}),
        ("openai:gpt-4o", {"seed": None}, {"seed": 5}, {"seed": None}),
        (
            "openai:gpt-4o",
            {"response_format": {"type": "text"}},
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}},
            {"response_format": {"type": "text"}},
        ),
    ],
)
def test_provider_options_are_merged_into_the_body_key_by_key(model, given, options, body, keyed):
    given = {model.partition(":")[0]: given} if keyed else given
    assert sent(model, provider_options=given, **options)[0] == body


# --- tool_choice

CHATS = (
    "openai:gpt-4o",
    "anthropic:claude-haiku-4-5",
    "google:gemini-2.5-pro",
    "cohere:command-a-03-2025",
    BEDROCK_OPUS,
)


@in_turn("model", [*CHATS, "mistral:mistral-large-2512", "ollama:llama3.2"])
@in_turn(
    ("choice", "says"),
    [
        ("look", "write {'name': 'look'}"),
        ("sometimes", "any, auto, none, required"),
        ({"name": "lok"}, "'lok', which is not among the tools; did you mean 'look'"),
        ({"type": "function", "function": {"name": "nope"}}, "'nope', which is not among the tools"),
        (Tool("nope"), "'nope', which is not among the tools"),
        ({}, "none of the known forms"),
        (3, "none of the known forms"),
    ],
)
def test_a_tool_choice_that_means_nothing_is_refused(model, choice, says):
    with pytest.raises(InvalidOption, match=says):
        sent(model, tools=[TOOL], tool_choice=choice)


@pytest.mark.parametrize("model", CHATS)
def test_a_choice_without_tools_is_refused_unless_the_tools_are_in_the_vendors_form(model):
    with pytest.raises(InvalidOption, match=r"'look', which is not among the tools; pass tools=\[...\]"):
        sent(model, tool_choice={"name": "look"})
    sent(model, tool_choice={"name": "look"}, provider_options={"tools": [{"name": "look"}]})


@in_turn("model", CHATS)
@in_turn("choice", ["auto", "none", "required", "any", {"name": "look"}, TOOL, {"function": {"name": "look"}}])
def test_every_form_of_a_tool_choice_is_taken(model, choice):
    body, _ = sent(model, tools=[TOOL, Tool("other")], tool_choice=choice)
    assert body or choice in ("auto", "none")


def test_a_format_that_can_choose_among_several_tools_is_shown_their_names():
    body, _ = sent(
        "google:gemini-2.5-pro", tools=[TOOL, Tool("other"), Tool("third")], tool_choice=["look", Tool("third")]
    )
    assert body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == ["look", "third"]
    with pytest.raises(InvalidOption, match="'nope', which is not among the tools"):
        sent("google:gemini-2.5-pro", tools=[TOOL], tool_choice=["look", "nope"])
    with pytest.raises(InvalidOption, match="none of the known forms"):
        sent("openai:gpt-4o", tools=[TOOL], tool_choice=["look"])


# --- names that others use


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        *[("stop_sequences", "'stop'"), ("stopSequences", "'stop'"), ("max_output_tokens", "'max_tokens'")],
        *[
            ("thinking", "'reasoning_effort' or 'reasoning_budget'"),
            ("system_prompt", "'system'"),
            ("functions", "'tools'"),
        ],
        *[("extra_body", "'provider_options'"), ("max_retries", "'retries'"), ("temprature", "'temperature'")],
    ],
)
def test_an_option_with_another_librarys_name_is_an_error_with_ours(name, ours):
    with pytest.raises(InvalidOption, match=f"did you mean {ours}"):
        Client().generate_text("openai:gpt-4o", "hi", **{name: {}})
