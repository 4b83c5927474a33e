"""Precedence of steps: the wire's, the provider's, its row for a model, and a user's in one of three scopes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from option_matrix import client_for, sent

import stepwell
from stepwell import Client
from stepwell.catalog import Catalog
from stepwell.declare import declare_provider, drop, force, only, openai_chat, rename
from stepwell.errors import ConfigError, MissingKey, UnknownStep
from stepwell.providers.declare.registry import Registry

NO_USER = drop("user", why="no ids leave the house")
FAMILIES = (
    *("openai:gpt-4o", "openai:gpt-5.1", "xai:grok-4.3", "groq:qwen/qwen3-32b", "google:gemini-3.1-pro-preview"),
    *("anthropic:claude-opus-4-6", "azure:gpt-5.4", "mistral:magistral-medium-latest"),
)
BUDGET_ON_BEDROCK = ("additionalModelRequestFields", "thinking", "budget_tokens")


def with_provider(model: str, **steps: Any) -> Client:
    """Build a client whose provider has these steps, by with_steps."""
    registry = Registry()
    registry.register(registry.get_or_raise(model.partition(":")[0]).with_steps(**steps))
    return client_for(model, registry=registry)


@pytest.mark.parametrize("model", FAMILIES)
def test_a_users_table_for_a_whole_provider_is_added_to_the_rows_of_every_family(model):
    client = with_provider(model, translate_options=[force("top_p", 0.97, why="house rule"), NO_USER])
    body, reported = sent(model, client, top_p=0.5, max_tokens=99, user="alice")
    assert {"0.5 became 0.97: house rule", "no ids leave the house"} <= {warning.why for warning in reported}
    assert body == sent(model, top_p=0.97, max_tokens=99)[0], "the family's own rules still apply"


def test_a_users_function_or_only_replaces_the_rows_of_every_family():
    model = "openai:gpt-5"
    renamed = with_provider(model, translate_options=only(rename("max_tokens", "limit")))
    assert sent(model, renamed, max_tokens=9)[0] == {"limit": 9}
    emptied = with_provider(model, translate_options=lambda options, model: {})
    assert sent(model, emptied, max_tokens=9)[0] == {}


def test_two_tables_for_a_provider_are_both_in_force():
    registry = Registry()
    mine = registry.get_or_raise("openai").with_steps(translate_options=[NO_USER])
    registry.register(mine.with_steps(translate_options=[force("seed", 7, why="so")]))
    body, _ = sent("openai:gpt-4o", client_for("openai:gpt-4o", registry=registry), user="alice", seed=1)
    assert body == {"seed": 7}


def test_a_users_single_step_wins_over_a_familys():
    marked = with_provider("google:gemini-3-pro", prepare_request=lambda request: request.with_headers(x_mark="mine"))
    pipeline, asked = marked.planner.request("chat", "google:gemini-3-pro", "hi", {})
    assert next(pipeline.flow(asked)).request.headers["x-mark"] == "mine"


def test_a_pattern_of_a_custom_provider_leaves_the_builtin_row_of_that_name_in_force():
    registry = Registry()
    registry.register(registry.get_or_raise("openai").override("gpt-5*", translate_options=[NO_USER]))
    client = client_for("openai:gpt-5", registry=registry)
    body, reported = sent("openai:gpt-5", client, user="alice", max_tokens=9, temperature=0.5)
    assert body == {"max_completion_tokens": 9}
    assert [warning.subject for warning in reported] == ["user", "temperature"]


def test_with_steps_ranks_as_a_pattern_for_all_of_the_providers_models():
    client = with_provider("openai:gpt-4o", translate_options=[force("top_p", 0.1, why="provider's")])
    client.override("*", translate_options=[force("top_p", 0.9, why="everyone's")])
    assert sent("openai:gpt-4o", client, top_p=0.5)[0]["top_p"] == 0.1
    client.override("openai:*", translate_options=[force("top_p", 0.7, why="as specific, and narrower")])
    assert sent("openai:gpt-4o", client, top_p=0.5)[0]["top_p"] == 0.7


@pytest.mark.parametrize("later", ["openai:gpt-4o*", "openai:gpt-4?", "openai:gpt-[4]o", "openai:*", "*gpt-4o"])
def test_a_name_without_wildcards_wins_over_a_pattern_given_later(later):
    client = client_for("openai:gpt-4o")
    client.override("openai:gpt-4o", translate_options=[force("seed", 1, why="exact")])
    client.override(later, translate_options=[force("seed", 2, why="pattern")])
    assert sent("openai:gpt-4o", client, seed=0)[0]["seed"] == 1


@pytest.mark.parametrize(
    "pattern",
    ["amazon-bedrock:*", "amazon_bedrock", "Amazon-Bedrock:*nova*", "amazon[-_]bedrock:*"],
)
@pytest.mark.parametrize("called", ["amazon-bedrock", "amazon_bedrock"])
def test_hyphens_and_underscores_are_the_same_in_a_patterns_provider(pattern, called):
    model = f"{called}:us.amazon.nova-lite-v1:0"
    client = client_for(model)
    client.override(pattern, wire="*", build_body=lambda request: {"mine": True})
    assert sent(model, client)[0] == {"mine": True}


def test_a_provider_registered_again_is_used_by_a_client_that_has_called_it():
    registry = Registry()
    client = client_for("openai:gpt-4o", registry=registry)
    assert sent("openai:gpt-4o", client, user="alice")[0] == {"user": "alice"}
    registry.register(registry.get_or_raise("openai").with_steps(translate_options=[NO_USER]))
    assert sent("openai:gpt-4o", client, user="alice")[0] == {}


# --- normalize_model_id


def _listed(id: str) -> str:
    return "gpt-4o" if id == "my-deploy" else id


def _client_by(scope: str, model: str, **steps: Any) -> Client:
    provider = model.partition(":")[0]
    registry = Registry()
    client = client_for(model, registry=registry)
    base = registry.get_or_raise(provider)
    if scope == "override":
        client.override(model, **steps)
    elif scope == "with_steps":
        registry.register(base.with_steps(**steps))
    else:
        facts = {"wire": openai_chat, "base_url": base.base_url, "env_key": base.env_key, "models": base.models}
        registry.register(declare_provider(provider, **facts, **steps))
    return client


SCOPES = pytest.mark.parametrize("scope", ["declared", "with_steps", "override"])


@SCOPES
def test_a_model_is_looked_up_by_its_normalized_id_and_called_by_its_own(scope):
    client = _client_by(scope, "openai:my-deploy", normalize_model_id=_listed)
    plan = client.planner.plan("chat", "openai:my-deploy")
    assert plan.model.known and plan.model.id == "my-deploy" and plan.model_warning is None
    assert plan.model.prices == stepwell.models.get("openai:gpt-4o").prices
    assert plan.model.facts["listed_as"] == "gpt-4o"
    body, reported = sent("openai:my-deploy", client, verbosity="low", max_tokens=5)
    assert body == {"max_completion_tokens": 5}, "the row of its family is in force"
    assert [warning.subject for warning in reported] == ["verbosity"]


def test_the_request_names_the_model_as_the_caller_did_and_the_answer_has_a_cost():
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.read())
        body = {"choices": [{"message": {"content": "y"}}], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
        return httpx.Response(200, json=body)

    client = client_for("openai:my-deploy", transport=httpx.MockTransport(answer))
    client.override("openai:my-deploy", normalize_model_id=_listed)
    reply = client.generate_text("openai:my-deploy", "hi")
    assert b'"my-deploy"' in asked[0] and reply.cost.total is not None and reply.warnings == ()


def test_an_id_that_is_normalized_to_no_model_is_an_unknown_model_like_any():
    client = client_for("openai:my-deploy")
    client.override("openai:my-deploy", normalize_model_id=lambda id: "no-such-model")
    assert client.planner.plan("chat", "openai:my-deploy").model_warning is not None
    client.override("openai:my-deploy", normalize_model_id=lambda id: None)
    with pytest.raises(ConfigError, match="normalize_model_id returned a NoneType for openai:my-deploy"):
        client.generate_text("openai:my-deploy", "hi")


def test_the_models_come_from_the_clients_own_catalog():
    catalog = Catalog(None)
    catalog.add({"provider": "openai", "id": "listed", "context_window": 77})
    client = client_for("openai:x", catalog=catalog)
    client.override("openai", normalize_model_id=lambda id: "listed")
    assert client.planner.plan("chat", "openai:x").model.context_window == 77


# --- thinking_constraints


@pytest.mark.parametrize("scope", ["with_steps", "override"])
@pytest.mark.parametrize(
    ("model", "place"),
    [
        ("anthropic:claude-haiku-4-5", ("thinking", "budget_tokens")),
        ("anthropic:claude-opus-4-6", ("thinking", "budget_tokens")),
        ("amazon_bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0", BUDGET_ON_BEDROCK),
        ("google:gemini-2.5-pro", ("generationConfig", "thinkingConfig", "thinkingBudget")),
        ("google:gemini-3-flash-preview", ("generationConfig", "thinkingConfig", "thinkingBudget")),
        ("openrouter:qwen/qwen3.5-397b-a17b", ("reasoning", "max_tokens")),
    ],
)
def test_thinking_constraints_hold_for_budgets_everywhere(scope, model, place):
    client = _client_by(scope, model, thinking_constraints={"min_budget": 4096, "max_budget": 6000})
    for asked, got in ((2000, 4096), (5000, 5000), (20_000, 6000)):
        body, reported = sent(model, client, reasoning_budget=asked)
        for key in place:
            body = body[key]
        assert body == got
        assert [warning.subject for warning in reported] == ([] if asked == got else ["reasoning_budget"])


def test_constraints_are_merged_with_the_providers_own_and_cannot_remove_one():
    model = "anthropic:claude-haiku-4-5"
    client = _client_by("override", model, thinking_constraints={"temperature": None, "min_top_p": 0.99})
    body, reported = sent(model, client, reasoning_effort="low", temperature=0.5)
    assert body["temperature"] == 0.5 and reported == ()
    body, reported = sent(model, client, reasoning_effort="low", top_p=0.95, top_k=5)
    assert body["top_p"] == 0.99 and {warning.subject for warning in reported} == {"top_p", "top_k"}


def test_constraints_without_a_matching_rule_apply_to_the_callers_options():
    held = {"temperature": 1, "top_k": False, "min_top_p": 0.9, "min_max_tokens": 4001}
    options = {"temperature": 0.5, "top_p": 0.5, "max_tokens": 100}
    client = _client_by("with_steps", "openrouter:qwen/qwen3.5-397b-a17b", thinking_constraints=held)
    body, reported = sent("openrouter:qwen/qwen3.5-397b-a17b", client, reasoning_effort="high", top_k=4, **options)
    assert body == {"reasoning": {"effort": "high"}, "top_p": 0.9, "max_tokens": 4001}
    assert [warning.subject for warning in reported] == ["temperature", "top_k", "top_p", "max_tokens"]
    assert sent("openrouter:qwen/qwen3.5-397b-a17b", client, **options) == (options, ()), "nobody asked it to think"


# --- default_env_key


@SCOPES
@pytest.mark.parametrize("given", ["MY_OWN_KEY", lambda: "MY_OWN_KEY"])
def test_the_key_is_looked_for_under_the_name_that_default_env_key_gives(scope, given, monkeypatch):
    monkeypatch.setenv("MY_OWN_KEY", "mine")
    monkeypatch.setenv("GROQ_API_KEY", "theirs")
    client = _client_by(scope, "groq:m", default_env_key=given)
    client.planner.keys.clear()
    pipeline, asked = client.planner.request("chat", "groq:m", "hi", {})
    assert next(pipeline.flow(asked)).request.headers["authorization"] == "Bearer mine"
    monkeypatch.delenv("MY_OWN_KEY")
    with pytest.raises(MissingKey, match="set MY_OWN_KEY"):
        client.generate_text("groq:m", "hi")


# --- what cannot be a step


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({"translate_options": ["x"]}, "a str among translate_options is not a rule"),
        ({"translate_options": "seed"}, "translate_options cannot be a str"),
        ({"translate_options": 3}, "translate_options cannot be a int"),
        ({"build_body": "x"}, "build_body cannot be a str"),
        ({"tool_call_id_policy": {}}, "pass a ToolCallIdPolicy"),
        ({"default_env_key": 3}, "default_env_key cannot be a int"),
        ({"thinking_constraints": {"min_budgt": 1}}, "did you mean 'min_budget'"),
        ({"thinking_constraints": {"min_budget": "1"}}, "cannot be a str"),
        ({"thinking_constraints": 1}, "pass a mapping"),
    ],
)
def test_an_invalid_step_is_refused_at_once(steps, says):
    with pytest.raises(ConfigError, match=says):
        Client().override("openai:*", **steps)
    with pytest.raises(ConfigError, match=says):
        stepwell.provider("openai").with_steps(**steps)


def test_an_unknown_step_is_an_error_with_the_nearest():
    with pytest.raises(UnknownStep, match="did you mean 'build_body'"):
        stepwell.override("openai:*", bild_body=print)


def test_a_single_rule_is_accepted_as_a_table():
    client = client_for("openai:gpt-4o")
    client.override("openai:*", translate_options=NO_USER)
    assert sent("openai:gpt-4o", client, user="alice", max_tokens=3)[0] == {"max_completion_tokens": 3}


def test_a_function_that_gives_no_options_is_shown_how_rules_are_given():
    client = client_for("openai:gpt-4o")
    client.override("openai:*", translate_options=lambda options, model: [("seed", "gone")])
    with pytest.raises(ConfigError, match=r"put a single rule, which returns losses, into a list"):
        sent("openai:gpt-4o", client, seed=1)


# --- describe()


def test_describe_shows_the_origin_of_each_step_and_rule():
    client = with_provider("openai:gpt-4o", translate_options=[NO_USER])
    client.override("openai:gpt-4o", wire="openai_chat", build_body=lambda request: {})
    client.override("openai:gpt-4o", normalize_model_id=_listed)
    steps = {"translate_options": [drop("seed", why="so")], "flush_stream_state": lambda *_: []}
    with stepwell.override("openai:*", wire=openai_chat, **steps):
        reported = client.pipeline_for("openai:gpt-4o", stream=True).describe()
    lines = {line.strip().split("  ")[0]: line for line in reported.splitlines()}
    assert "(client, override of openai:gpt-4o for wire openai_chat)" in lines["encode_body"]
    assert "(wire openai_chat)" in lines["open_stream"]
    assert lines["- drop user: no ids leave the house"].endswith("(openai, with_steps)")
    assert lines["- drop seed: so"].endswith("(process, override of openai:* for wire openai_chat)")
    assert lines["- rename max_tokens to max_completion_tokens"].endswith("(openai, models gpt-4*)")
    assert (
        "(process, override of openai:* for wire openai_chat)"
        in reported.partition("- flush_stream_state: ")[2].splitlines()[0]
    )
    assert "(client, override of openai:gpt-4o)" in reported.partition("- normalize_model_id: ")[2].splitlines()[0]


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({"parse_stream_protocol": lambda data, buffer: ([], buffer)}, "parse_stream_protocol: "),
        ({"thinking_constraints": {"min_budget": 7}}, "thinking_constraints: {'min_budget': 7}"),
        ({"default_env_key": "MINE"}, "default_env_key: 'MINE'"),
        ({"encode_body": lambda body: b""}, "encode_body: "),
        ({"translate_options": lambda options, model: options}, "test_scopes.py"),
    ],
)
def test_no_overridden_step_is_missing_from_the_description(steps, says):
    client = Client()
    client.override("groq:*", **steps)
    reported = [line for line in client.pipeline_for("groq:m").describe().splitlines() if "override of groq:*" in line]
    assert len(reported) == 1 and says in reported[0]
