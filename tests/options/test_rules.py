"""Option rules: what each does and reports, and which are in force."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from attrs import evolve
from option_matrix import sent

import stepwell
from stepwell import Client
from stepwell.catalog import Model
from stepwell.declare import declare_provider, drop, extending, openai_chat, override, rename, when
from stepwell.providers.declare.registry import REGISTRY, Registry
from stepwell.providers.declare.rule_tables import joined
from stepwell.providers.declare.rules import (
    at_most,
    clamp,
    convert,
    default,
    effort_of,
    efforts,
    force,
    move,
    nearest_effort,
    not_both,
    only,
    switch,
    without_thinking,
)
from stepwell.providers.declare.translate import translate
from stepwell.providers.wires.operations.embeddings import openai_embeddings
from stepwell.schemas.errors import InvalidOption

MODEL = Model("acme", "m-1")


def after(*rules: Any, **options: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Apply these rules and return the options and the warnings."""
    given, warnings = translate(rules, options, MODEL, "warn")
    assert all(warning.model == "acme:m-1" for warning in warnings)
    return given, [(warning.subject, warning.why) for warning in warnings]


@pytest.mark.parametrize(
    ("rule", "given", "expected", "reported"),
    [
        (rename("max_tokens", "limit"), {"max_tokens": 5}, {"limit": 5}, []),
        (drop("seed", why="no seeds"), {"seed": 0}, {}, [("seed", "no seeds")]),
        (
            clamp("temperature", 0, 1),
            {"temperature": 2},
            {"temperature": 1},
            [("temperature", "2 became 1: the nearest allowed")],
        ),
        (clamp("n", 1, 4, why="so"), {"n": 0}, {"n": 1}, [("n", "0 became 1: so")]),
        (at_most("stop", 1, why="one"), {"stop": ["a"]}, {"stop": ["a"]}, []),
        (at_most("stop", 1, why="one"), {"stop": "abc"}, {"stop": "abc"}, []),
        (
            at_most("stop", 1, why="one"),
            {"stop": ["a", "b"]},
            {"stop": ["a"]},
            [("stop", "the first 1 of 2 were sent: one")],
        ),
        (clamp("temperature", 0, 1), {"temperature": 0}, {"temperature": 0}, []),
        (move("top_k", "extra.sampling.k"), {"top_k": 0}, {"extra": {"sampling": {"k": 0}}}, []),
        (default("n", 1), {}, {"n": 1}, []),
        (default("n", 1), {"n": 2}, {"n": 2}, []),
        (
            force("temperature", 1, why="fixed"),
            {"temperature": 0},
            {"temperature": 1},
            [("temperature", "0 became 1: fixed")],
        ),
        (convert("tool_choice", {"required": "any"}), {"tool_choice": "required"}, {"tool_choice": "any"}, []),
        (
            convert("tool_choice", {"required": "any"}),
            {"tool_choice": {"name": "f"}},
            {"tool_choice": {"name": "f"}},
            [],
        ),
        (not_both("a", "b", why="one of them"), {"a": 0, "b": 1}, {"a": 0}, [("b", "one of them")]),
        (not_both("a", "b", why="one of them"), {"b": 1}, {"b": 1}, []),
        (switch("think", on=True, off=False), {"reasoning_effort": "none"}, {"think": False}, []),
        (switch("think", on=True, off=False), {"reasoning_effort": "high"}, {"think": True}, []),
    ],
)
def test_each_rule_has_its_effect_and_reports_each_loss(rule, given, expected, reported):
    assert after(rule, **given) == (expected, reported)


@pytest.mark.parametrize(
    ("asked", "known", "got"),
    [
        ("none", ("low", "high"), "low"),
        ("minimal", ("none", "low", "high"), "low"),
        ("medium", ("low", "high"), "high"),
        ("xhigh", ("low", "high"), "high"),
        ("low", ("low", "high"), "low"),
    ],
)
def test_an_effort_that_a_model_lacks_becomes_the_nearest(asked, known, got):
    assert nearest_effort(asked, known) == got
    options, reported = after(efforts(*known), reasoning_effort=asked)
    assert options == {"reasoning_effort": got}
    assert reported == (
        [] if got == asked else [("reasoning_effort", f"{asked} became {got}; this model has {', '.join(known)}")]
    )


@pytest.mark.parametrize(
    ("budget", "effort"),
    [(0, "none"), (1, "minimal"), (1024, "low"), (9000, "high"), (30_000, "xhigh"), (10**6, "max")],
)
def test_a_budget_becomes_the_effort_that_includes_it(budget, effort):
    assert effort_of(budget) == effort


def test_a_model_without_reasoning_gets_no_reasoning_options():
    options = {"reasoning_effort": "high", "reasoning_budget": 0}
    assert without_thinking(options, evolve(MODEL, reasoning=False)) == [
        ("reasoning_effort", "this model does not think")
    ]
    assert options == {}
    assert without_thinking({"reasoning_effort": "high"}, MODEL) == []  # unknown


@pytest.mark.parametrize("how", ["warn", "error", "ignore"])
def test_a_loss_is_a_warning_an_error_or_nothing(how):
    rules = (drop("seed", why="no seeds"),)
    if how == "error":
        with pytest.raises(InvalidOption, match="acme:m-1 does not take these options: 'seed': no seeds"):
            translate(rules, {"seed": 1}, MODEL, how)
        return
    options, warnings = translate(rules, {"seed": 1}, MODEL, how)
    assert options == {} and [str(w) for w in warnings] == (["seed: no seeds (acme:m-1)"] if how == "warn" else [])


def test_on_unsupported_applies_to_a_call():
    _, warnings = sent("openai:o3", temperature=0.5)
    assert [(w.subject, w.model) for w in warnings] == [("temperature", "openai:o3")]
    assert sent("openai:o3", temperature=0.5, on_unsupported="ignore")[1] == ()
    with pytest.raises(InvalidOption, match="'temperature': this model takes no sampling while it thinks"):
        sent("openai:o3", temperature=0.5, on_unsupported="error")


PROVIDER = declare_provider(
    "acme",
    wire=openai_chat,
    base_url="https://acme.test",
    key_optional=True,
    translate_options=[rename("max_tokens", "max_completion_tokens")],
    models={"big*": override(translate_options=[drop("seed", why="big ones have none")])},
)


def body_of(model: str, client: Client | None = None, **options: Any) -> dict[str, Any]:
    registry = Registry()
    registry.register(PROVIDER)
    with client or Client(registry=registry) as made:
        pipeline, asked = made.planner.request("chat", model, "hi", options)
        body: dict[str, Any] = json.loads(next(pipeline.flow(asked)).request.body)
    return {name: value for name, value in body.items() if name not in ("model", "messages")}


def client_of() -> Client:
    registry = Registry()
    registry.register(PROVIDER)
    return Client(registry=registry)


def test_a_table_for_some_models_is_added_to_the_providers():
    assert body_of("acme:small", max_tokens=5, seed=1) == {"max_completion_tokens": 5, "seed": 1}
    assert body_of("acme:big-1", max_tokens=5, seed=1) == {"max_completion_tokens": 5}


def test_a_users_table_is_added_too_and_uses_common_names():
    client = client_of()
    client.override("acme:big*", translate_options=[clamp("max_tokens", high=3)])
    assert body_of("acme:big-1", client, max_tokens=5, seed=1) == {"max_completion_tokens": 3}


def test_the_more_specific_of_two_tables_wins():
    client = client_of()
    client.override("acme:big-1", translate_options=[force("top_p", 0.1, why="so")])
    client.override("acme:*", translate_options=[force("top_p", 0.9, why="so")])
    assert body_of("acme:big-1", client, top_p=0.5)["top_p"] == 0.1


def test_only_and_a_function_take_the_place_of_everything_more_general():
    client = client_of()
    client.override("acme:big*", translate_options=only(rename("max_tokens", "limit")))
    assert body_of("acme:big-1", client, max_tokens=5, seed=1) == {"limit": 5, "seed": 1}
    client = client_of()
    client.override("acme:*", translate_options=lambda options, model: {"all": sorted(options)})
    assert body_of("acme:big-1", client, max_tokens=5, seed=1) == {"all": ["max_tokens", "seed"]}


def test_a_table_added_to_a_function_runs_before_it():
    both = joined([lambda options, model: ({**options, "seen": True}, ["with_operation"]), (drop("seed", why="gone"),)])
    options, warnings = translate(both, {"seed": 1}, MODEL, "warn")
    assert options == {"seen": True}
    assert [warning.why for warning in warnings] == ["gone", "with_operation"]


def test_a_table_for_all_models_of_a_custom_provider_is_added():
    mine = PROVIDER.with_steps(translate_options=[drop("top_p", why="mine has none")])
    registry = Registry()
    registry.register(mine)
    assert body_of("acme:small", Client(registry=registry), max_tokens=5, top_p=0.5) == {"max_completion_tokens": 5}


@pytest.fixture
def acme_known():
    """Register the provider for the whole process, as an override of the whole process needs."""
    stepwell.register(PROVIDER)
    yield
    REGISTRY.unregister("acme")


def test_an_override_of_the_whole_process_can_be_undone(acme_known: None):
    change = stepwell.override("acme:small", translate_options=[drop("top_p", why="none")])
    assert body_of("acme:small", top_p=0.5) == {}
    change.undo()
    change.undo()
    assert body_of("acme:small", top_p=0.5) == {"top_p": 0.5}


def test_an_override_applies_inside_a_with_block_and_undoes_only_itself():
    client = client_of()
    client.override("acme:small", translate_options=[force("seed", 1, why="so")])
    with client.override("acme:small", translate_options=[force("top_p", 0.1, why="so")]):
        assert body_of("acme:small", client) == {"seed": 1, "top_p": 0.1}
    assert body_of("acme:small", client) == {"seed": 1}


def test_the_most_specific_override_wins_whatever_its_scope(acme_known: None):
    client = client_of()
    client.override("acme:*", translate_options=[force("top_p", 0.2, why="client")])
    with stepwell.override("acme:small", translate_options=[force("top_p", 0.1, why="process")]):
        assert body_of("acme:small", client, top_p=0.5)["top_p"] == 0.1
        client = client_of()
        client.override("acme:small", translate_options=[force("top_p", 0.3, why="client")])
        assert body_of("acme:small", client, top_p=0.5)["top_p"] == 0.3  # as specific, and narrower


# --- rules for one operation


def sent_by_both(**steps: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is sent of the options of an embed and of a chat to the same provider."""
    acme = declare_provider("acme", wire=[openai_chat, openai_embeddings], base_url="https://acme.test", **steps)
    registry = Registry()
    registry.register(acme)
    client, bodies = Client(registry=registry, api_keys={"acme": "k"}), []
    for operation, prompt in (("embed", ["hi"]), ("chat", "hi")):
        pipeline, request = client.planner.request(operation, "acme:m", prompt, {"provider_options": {"seed": 1}})
        body = orjson.loads(next(pipeline.flow(request)).request.body)
        bodies.append({name: value for name, value in body.items() if name not in ("model", "messages", "input")})
    return bodies[0], bodies[1]


def with_operation(options: dict[str, Any], model: Model, operation: str) -> list[tuple[str, str]]:
    options["operation"] = operation
    return []


def is_embed(options: dict[str, Any], model: Model, operation: str) -> bool:
    return operation == "embed"


def function(options: dict[str, Any], model: Model, operation: str) -> dict[str, Any]:
    return {**options, "operation": operation}


def unrelated(options: dict[str, Any], model: Model, operator: str = "stays") -> list[tuple[str, str]]:
    options["operation"] = operator
    return []


@pytest.mark.parametrize(
    "given",
    [[with_operation], (with_operation,), only(with_operation), function],
    ids=["list", "tuple", "only", "function"],
)
def test_a_rule_that_takes_the_operation_gets_it(given: Any):
    embed, chat = sent_by_both(translate_options=given)
    assert embed == {"seed": 1, "operation": "embed"} and chat == {"seed": 1, "operation": "chat"}


def test_a_default_may_hold_for_one_operation():
    rows = {"*": override(operation="embed", translate_options=[default("input_type", "passage")])}
    for steps in ({"translate_options": [when(is_embed, default("input_type", "passage"))]}, {"models": rows}):
        embed, chat = sent_by_both(**steps)
        assert embed == {"seed": 1, "input_type": "passage"} and chat == {"seed": 1}


def test_a_rule_within_when_gets_the_operation():
    embed, chat = sent_by_both(translate_options=[when(lambda options, model: True, with_operation)])
    assert (embed["operation"], chat["operation"]) == ("embed", "chat")


def test_a_third_argument_of_another_name_is_left_alone():
    assert sent_by_both(translate_options=[unrelated])[1]["operation"] == "stays"


def test_an_extending_function_gets_the_operation():
    def around(inherited: Any, options: dict[str, Any], model: Model, operation: str) -> Any:
        options, losses = inherited(options, model)
        return {**options, "operation": operation}, losses

    client = client_of()
    client.override("acme:*", translate_options=extending(around))
    assert body_of("acme:small", client)["operation"] == "chat"
