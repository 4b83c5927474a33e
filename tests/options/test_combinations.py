"""What means nothing, or is refused, without another part of the call, at every provider and on every wire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from catalog_hosts import TOOL, flat, preview, rows, sent

from stepwell import Context, Tool, models, tool_result, user
from stepwell.errors import InvalidOption
from stepwell.messages import Message, ToolCall
from stepwell.providers.declare.registry import REGISTRY

MODELS = (
    "openai:gpt-4o",
    "openai:gpt-5.6-terra",
    "azure:gpt-4o",
    "github_copilot:gpt-5.4",
    "anthropic:claude-sonnet-4-5",
    "google:gemini-2.5-flash",
    "amazon_bedrock:amazon.nova-pro-v1:0",
    "cohere:command-a-03-2025",
    "mistral:mistral-large-latest",
    "ollama:llama3.2",
    "groq:llama-3.3-70b-versatile",
    "xai:grok-4.3",
    "deepseek:deepseek-chat",
    "openrouter:anthropic/claude-opus-4.5",
    "cerebras:gpt-oss-120b",
)
CHOICES = {"tool_choice", "toolChoice", "toolConfig", "parallel_tool_calls"}
ONE_ID = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
STRICT = Tool("find", "Find it", ONE_ID, strict=True)
FLAT = {"type": "json_schema", "name": "town", "schema": {"type": "object", "properties": {"name": {"type": "string"}}}}


@pytest.mark.parametrize("model", MODELS)
def test_a_choice_among_no_tools_is_dropped_with_a_warning(model):
    for options in ({"tool_choice": "auto"}, {"tool_choice": "required"}, {"parallel_tool_calls": False}):
        _, body, warned = sent(model, **options)
        assert CHOICES.isdisjoint(body) and {*warned} - {"model"} == {*options}, (options, warned)
        with pytest.raises(InvalidOption):
            sent(model, **options, on_unsupported="error")


def test_a_choice_among_tools_of_the_callers_own_body_stays():
    own = {"tools": [{"type": "web_search"}]}
    assert sent("openai:gpt-4o", tool_choice="auto", provider_options=own)[1]["tool_choice"] == "auto"
    assert sent("openai:gpt-4o", tool_choice="auto", tools=[TOOL])[1]["tool_choice"] == "auto"


@pytest.mark.parametrize("model", MODELS)
def test_the_most_likely_tokens_come_with_the_switch_for_them(model):
    body = sent(model, top_logprobs=3)[1]
    fields = dict(flat(body))
    if "top_logprobs" in fields:
        assert fields["logprobs"] is True
    if fields.get("logprobs") == 3:
        assert fields["responseLogprobs"] is True
    _, body, warned = sent(model, top_logprobs=3, logprobs=False)
    assert "top_logprobs" not in body and "top_logprobs" in warned


@pytest.mark.parametrize("model", MODELS)
def test_a_schema_beside_its_type_is_the_same_as_one_in_an_object_of_its_own(model):
    nested = {"type": "json_schema", "json_schema": {"name": "town", "schema": FLAT["schema"]}}
    assert sent(model, response_format=FLAT) == sent(model, response_format=nested)
    nameless = {"type": "json_schema", "json_schema": {"schema": FLAT["schema"]}}
    sent_format = sent(model, response_format=nameless)[1].get("response_format") or {}
    assert sent_format.get("type") != "json_schema" or sent_format["json_schema"]["name"] == "answer"


@pytest.mark.parametrize("model", MODELS)
def test_a_format_without_a_known_form_is_refused(model):
    for wrong in ("banana", int, {"type": "json_schema"}, {"type": "object", "properties": {}}, {"schema": {}}):
        with pytest.raises(InvalidOption, match="response_format"):
            sent(model, response_format=wrong)


def test_a_format_of_a_providers_own_goes_to_formats_that_may_have_it_and_is_refused_by_others():
    own = {"type": "grammar", "grammar": "root ::= 'x'"}
    for model in MODELS:
        try:
            assert sent(model, response_format=own)[1]["response_format"] == own, model
        except InvalidOption as error:
            assert "grammar" in str(error)


@pytest.mark.parametrize("model", MODELS)
def test_a_strict_tool_is_sent_as_one_or_warned_of(model):
    _, body, warned = sent(model, tools=[STRICT])
    enforced = any(name in ("strict", "strict_tools") and value for name, value in _all(body))
    assert enforced is ("tools" not in warned)
    if model.startswith("cohere"):
        _, body, warned = sent(model, tools=[STRICT, TOOL])
        assert "strict_tools" not in body and "tools" in warned


def _all(value: object) -> Iterator[tuple[str, object]]:
    for each in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        yield from _all(each)
    yield from value.items() if isinstance(value, dict) else ()


def test_no_option_of_thinking_goes_out_by_its_common_name_where_the_format_has_another():
    """A provider of several formats declares the options of one of them; the others must not get them."""
    providers = [
        each for each in models.providers() if REGISTRY.knows(each.id) and len(REGISTRY.get_or_raise(each.id).wires) > 3
    ]
    names = [*MODELS, *rows(lambda model: model.provider in {each.id for each in providers})]
    assert len(names) > 300
    for name in names:
        body, warned = sent(name, reasoning_summary="auto", reasoning_budget=3000)[1:]
        assert {"reasoning_summary", "reasoning_budget"}.isdisjoint(body), name
        asked = any("hink" in key or "eason" in key for key, _ in flat(body))
        assert asked or "reasoning_budget" in warned, (name, body)


def test_a_response_has_sixteen_tokens_at_least():
    for model in ("openai:gpt-5.6-terra", "azure:gpt-5.6-terra"):
        _, body, warned = sent(model, tools=[TOOL], max_tokens=5)
        assert body["max_output_tokens"] == 16 and warned == ["max_tokens"]
        assert sent(model, max_tokens=5)[1]["max_completion_tokens"] == 5


def test_claude_gets_no_stop_sequence_of_white_space_at_any_host():
    for model in ("anthropic:claude-sonnet-4-5", "anthropic:claude-opus-5", "openrouter:anthropic/claude-opus-4.5"):
        _, body, warned = sent(model, stop=["\n\n", "END"])
        assert body.get("stop_sequences", body.get("stop")) == ["END"] and warned == ["stop"]
        assert not {"stop", "stop_sequences"} & {*sent(model, stop="\n")[1]}


def test_a_budget_of_nothing_goes_to_no_gemini_that_always_thinks():
    for model, least in (("google:gemini-3-pro-preview", 1), ("google:gemini-3-flash-preview", 0)):
        request = preview(model, "hi", reasoning_budget=0)
        assert f'"thinkingBudget":{least}' in request.body.decode()
        assert bool(request.warnings) is bool(least)


def test_an_object_of_the_callers_own_is_not_written_to():
    own = {"output_config": {"effort": "low"}}
    sent("anthropic:claude-sonnet-4-5", response_format=FLAT, provider_options=own)
    assert own == {"output_config": {"effort": "low"}}


@pytest.mark.parametrize("model", MODELS)
def test_arguments_with_a_repeated_name_go_back_inside_an_object_with_a_warning(model):
    """Whether or not anything else of the history has to be changed, and in calls inside calls, too."""
    for arguments in ('{"a":1,"a":2}', '{"a":{"b":1,"b":2}}'):
        for more in ((), (user("and?"),)):
            call = Message("assistant", [ToolCall("call_1234", "look", arguments)])
            messages = [user("hi"), call, tool_result("call_1234", "found", name="look"), *more]
            request = preview(model, Context(messages, [TOOL]))
            assert b"invalid_arguments" in request.body
            assert any("sent inside an object" in each.why for each in request.warnings), arguments
    for fine in ('{"a":1,"b":"10:30"}', '{"a":{"b":1},"b":2}', "{}", ""):
        call = Message("assistant", [ToolCall("call_1234", "look", fine)])
        request = preview(model, Context([user("hi"), call, tool_result("call_1234", "x", name="look")], [TOOL]))
        assert b"invalid_arguments" not in request.body
        assert not any("object" in each.why for each in request.warnings)


def test_a_time_that_no_cache_has_is_refused():
    for wrong in ("2h", "yes", 1, {"ttl": "1h"}):
        with pytest.raises(InvalidOption, match="prompt_cache"):
            sent("anthropic:claude-sonnet-4-5", prompt_cache=wrong)
    for right in (True, False, "5m", "1h"):
        assert sent("anthropic:claude-sonnet-4-5", prompt_cache=right)[2] == []
