"""What holds for a family of models holds at every host: laws over the rows of the whole catalog."""

from __future__ import annotations

from typing import Any

import pytest
from catalog_hosts import TOOL, flat, preview, rows, sent

from stepwell import assistant, user
from stepwell.errors import NotSupported
from stepwell.providers.options.families import family_id
from stepwell.schemas.options import EFFORTS

SPELT = {
    "temperature": ("temperature",),
    "top_p": ("top_p", "topP"),
    "top_k": ("top_k", "topK"),
    "stop": ("stop", "stop_sequences", "stopSequences"),
    "presence_penalty": ("presence_penalty", "presencePenalty"),
    "frequency_penalty": ("frequency_penalty", "frequencyPenalty"),
    "logit_bias": ("logit_bias",),
    "logprobs": ("logprobs", "responseLogprobs"),
    "seed": ("seed", "random_seed"),
}
EVERYTHING: dict[str, Any] = {
    "temperature": 0.3,
    "top_p": 0.8,
    "top_k": 5,
    "stop": ["x"],
    "seed": 1,
    "logprobs": True,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "logit_bias": {"5": 1},
    "max_tokens": 3000,
}
SAMPLING = {"temperature", "top_p", "top_k"}
# From each vendor's documentation, by the first of its models that this holds for; see providers/options.
NEVER: dict[str, set[str]] = {
    "claude-opus-4-7": {*SAMPLING, "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "seed"},
    "claude-opus-4-8": {*SAMPLING, "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "seed"},
    "claude-sonnet-5": {*SAMPLING, "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "seed"},
    "claude-sonnet-4-5": {"presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "seed"},
    "gpt-5": {*SAMPLING, "stop", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs"},
    "gpt-5.4": {"stop", "presence_penalty", "frequency_penalty", "logit_bias", "top_k"},
    "gpt-5.6": {*SAMPLING, "stop", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs"},
    "o3": {*SAMPLING, "stop", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs"},
    "gemini-2.5-pro": {"presence_penalty", "frequency_penalty", "logit_bias"},
    "gemini-3-pro-preview": {"presence_penalty", "frequency_penalty", "logit_bias"},
    "grok-4.3": {"presence_penalty", "frequency_penalty", "stop", "logit_bias"},
}
HOSTED = [
    (name, id)
    for name in rows(lambda model: family_id(model.id) in NEVER)
    for id in [family_id(name.partition(":")[2])]
]


def test_each_family_is_served_by_many_providers():
    hosts = {name.partition(":")[0] for name, _ in HOSTED}
    assert len(hosts) > 30 and {"openrouter", "azure", "github-copilot", "vercel", "zenmux", "opencode"} <= hosts
    assert {id for _, id in HOSTED} >= NEVER.keys() - {"gemini-3-pro-preview"}


def test_what_a_family_refuses_goes_out_at_no_host():
    for name, id in HOSTED:
        _, body, warned = sent(name, **EVERYTHING)
        out = {field for field, _ in flat(body)}
        for option, fields in SPELT.items():
            if option in NEVER[id]:
                assert out.isdisjoint(fields), (name, option)
            assert option in warned or any(field in str(body) for field in fields), (name, option, "in silence")


@pytest.mark.parametrize("id", ["claude-sonnet-4-5", "claude-opus-4-5", "claude-opus-4-6"])
def test_claude_gets_temperature_or_top_p_at_every_host(id):
    for name in rows(lambda model: family_id(model.id) == id):
        _, body, warned = sent(name, temperature=0.3, top_p=0.8)
        out = {field for field, _ in flat(body)}
        assert "temperature" in {*out, *warned} and out.isdisjoint({"top_p", "topP"}) and "top_p" in warned, name


def test_thinking_keeps_out_what_it_excludes_at_every_host_of_claude():
    for name in rows(lambda model: family_id(model.id) in ("claude-sonnet-4-5", "claude-haiku-4-5")):
        _, body, _ = sent(name, reasoning_effort="high", temperature=0.3)
        assert "temperature" not in dict(flat(body)), name
        _, body, warned = sent(name, reasoning_effort="high", tools=[TOOL], tool_choice="required")
        assert not {"thinking", "reasoning_effort", "reasoning"} & {*body} and "reasoning_effort" in warned, name


def test_a_begun_answer_is_refused_before_it_is_sent_at_every_host_of_newer_claudes():
    begun = [user("hi"), assistant("{")]
    for name in rows(lambda model: family_id(model.id) in ("claude-opus-4-6", "claude-sonnet-4-6", "claude-opus-5")):
        with pytest.raises(NotSupported, match="prefilled"):
            preview(name, begun)
    for name in rows(lambda model: family_id(model.id) == "claude-sonnet-4-5"):
        _, body, warned = sent(name, begun, reasoning_effort="high")
        assert "reasoning_effort" in warned and not {"thinking", "reasoning_effort", "reasoning"} & {*body}, name


def test_gemini_up_to_2_5_gets_no_json_mode_beside_tools_at_any_host():
    for name in rows(lambda model: family_id(model.id) in ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.0-flash")):
        _, body, warned = sent(name, tools=[TOOL], response_format="json")
        assert not {"response_format", "responseMimeType"} & {field for field, _ in flat(body)}, name
        assert "response_format" in warned, name


@pytest.mark.parametrize("model", ["groq:llama-3.3-70b-versatile", "cerebras:gpt-oss-120b", "cohere:command-a-03-2025"])
def test_servers_that_refuse_json_beside_tools_do_not_get_it(model):
    _, body, warned = sent(model, tools=[TOOL], response_format="json")
    assert "response_format" not in body and "response_format" in warned
    assert "response_format" in sent(model, response_format="json")[1]


def test_each_effort_is_one_that_the_model_has_or_a_warning():
    known = {"gpt-5.4": ("none", "low", "medium", "high", "xhigh"), "grok-4.3": ("none", "low", "medium", "high")}
    for name, id in HOSTED:
        for effort in EFFORTS:
            _, body, warned = sent(name, reasoning_effort=effort)
            words = [value for _, value in flat(body) if value in EFFORTS]
            assert words in ([], [effort]) or "reasoning_effort" in warned, (name, effort, words)
            if id in known and words and effort not in known[id]:
                assert words[0] in known[id], (name, effort)


def test_the_spellings_of_hosts_lead_to_the_vendors_ids():
    spelt = {
        "anthropic/claude-opus-4.6": "claude-opus-4-6",
        "us.anthropic.claude-opus-4-6-v1": "claude-opus-4-6-v1",
        "databricks-claude-sonnet-4-5": "claude-sonnet-4-5",
        "anthropic--claude-4.5-haiku": "claude-haiku-4-5",
        "claude-opus4-7": "claude-opus-4-7",
        "claude-sonnet-4@20250514": "claude-sonnet-4@20250514",
        "openai/gpt-5.4-mini": "gpt-5.4-mini",
        "databricks-gpt-5-4": "gpt-5.4",
        "gpt-5-2025-08-07": "gpt-5-2025-08-07",
        "x-ai/grok-4.3": "grok-4.3",
        "gemma-4-31b-claude-4.6-opus-reasoning-distilled": "",
        "deepclaude": "",
        "deepseek-r1-distill-llama-70b": "",
    }
    assert {id: family_id(id) for id in spelt} == spelt
