"""A step applies to the wire and the operation that it was written for, checked for every provider."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from in_turn import in_turn
from kinds import one_of_each_kind

import stepwell
from stepwell import Client
from stepwell.catalog import Model
from stepwell.declare import ObjectSupport, Provider, ToolCallIdPolicy, Wire, declare_provider, openai_chat, override
from stepwell.errors import ConfigError, InvalidOption
from stepwell.pipeline.http.request import Request
from stepwell.pipeline.offline import prepare_offline
from stepwell.pipeline.threads import drive_local
from stepwell.providers.declare.overrides import Overrides, in_force
from stepwell.providers.declare.place import PROVIDER_STEPS
from stepwell.providers.declare.registry import REGISTRY, Registry
from stepwell.providers.declare.resolve import Resolved, resolve_steps
from stepwell.providers.declare.steps import STEPS
from stepwell.providers.declare.tool_policies import ToolNamePolicy
from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.providers.wires.operations.embeddings import openai_embeddings
from stepwell.schemas.batch import BatchInput, BatchItem
from stepwell.steps import Pipeline

PROVIDERS = tuple(Registry())
WIRES = [(provider, wire) for provider in PROVIDERS for wire in provider.wires]
WIRE_STEPS = tuple(name for name in STEPS if name not in PROVIDER_STEPS)
URL = "https://acme.test/v1"
WORD = "zanzibar"
"""What is asked; it must be found again in what is sent."""


def _id(given: Any) -> str:
    return str(getattr(given, "id", None) or getattr(given, "name", given))


every_provider = in_turn("provider", one_of_each_kind(PROVIDERS))


def marked(name: str) -> Any:
    """Return a step that no wire has."""
    data = {
        "tool_call_id_policy": ToolCallIdPolicy,
        "tool_name_policy": ToolNamePolicy,
        "object_support": ObjectSupport,
    }
    return data[name]() if name in data else lambda *given: None


def steps_of(provider: Provider, wire: Wire, *scopes: Overrides, model: str = "some-model") -> Resolved:
    return resolve_steps(provider, Model(provider.id, model), wire, in_force(provider, model, *scopes))


# --- what is sent holds what was asked

BATCH = BatchInput((BatchItem("1", f"/{WORD}", b'{"text":"%s"}' % WORD.encode()),), "m", file=WORD)
INPUTS: dict[str, Any] = {
    "chat": WORD,
    "count_tokens": stepwell.Context((stepwell.user(WORD),)),
    "embed": [WORD],
    "rerank": {"query": WORD, "documents": [f"{WORD} is an island", "what is not"]},
    "image": WORD,
    "speak": WORD,
    "moderate": [WORD],
    "transcribe": b"RIFF\x00\x00\x00\x00WAVE" + WORD.encode(),
    "ocr": b"%PDF-1.4 " + WORD.encode(),
    "upload_batch": BATCH,
    "create_batch": BATCH,
}
_BY_ID = {"get_batch", "cancel_batch", "batch_results", "list_models"}
"""Operations whose body says nothing: what is asked for stands in the path."""
MODELS = {("amazon_bedrock", "embed"): "amazon.titan-embed-text-v2:0"}
FOR_THE_BODY = ("check_options", "translate_options", "fit_history", "fit_schemas", "encode_body")


def body_of(client: Client, provider: Provider, wire: Wire, stream: bool = False) -> bytes:
    """Return the body that would be sent, without key and address."""
    model = f"{provider.id}:{MODELS.get((provider.id, wire.operation), 'some-model')}"
    options = {"wire": wire.name, "max_tokens": 9} if wire.operation == "chat" else {"wire": wire.name}
    pipeline, request = client.planner.request(wire.operation, model, INPUTS[wire.operation], options, stream=stream)
    steps = Pipeline(step for step in pipeline if step.name in FOR_THE_BODY)
    sent = drive_local(prepare_offline(steps.flow(request)))
    assert isinstance(sent, Request)
    return sent.body


def holds(body: bytes) -> bool:
    """Check whether the word is in it, plain or within base64 at any of its three offsets."""
    coded = [base64.b64encode(b" " * at + WORD.encode())[4 if at else 0 : -4] for at in range(3)]
    return any(word in body for word in (WORD.encode(), *coded))


def test_every_operation_is_tested() -> None:
    assert {wire.operation for _, wire in WIRES} == INPUTS.keys() | _BY_ID


@every_provider
def test_every_operation_and_wire_of_a_provider_sends_the_full_request(provider: Provider) -> None:
    client = Client()
    for wire in provider.wires:
        if wire.operation not in _BY_ID:
            for stream in (False, True) if wire.parse_stream_protocol else (False,):
                assert holds(body_of(client, provider, wire, stream)), wire.name


@every_provider
def test_a_users_chat_body_for_all_models_is_sent_by_its_own_wire_alone(provider: Provider) -> None:
    client = Client()
    chats = [wire.name for wire in provider.wires if wire.operation == "chat"]
    for chat in chats[:1]:
        client.override(f"{provider.id}:*", wire=chat, build_body=lambda request: {"of": "a chat"})
    for wire in provider.wires:
        if wire.operation not in _BY_ID:
            body = body_of(client, provider, wire)
            assert body == b'{"of":"a chat"}' if wire.name in chats[:1] else holds(body), wire.name


# --- where a step is in force


@every_provider
def test_no_declared_step_of_a_chat_is_in_force_for_another_operation_or_chat(provider: Provider) -> None:
    chats = [wire for wire in provider.wires if wire.operation == "chat" and not wire.by_name_only]
    for wire in provider.wires:
        found = steps_of(provider, wire)
        for name in WIRE_STEPS:
            if wire.operation != "chat" or wire.by_name_only:
                ours = found[name] is getattr(wire, name) or f"for wire {wire.name}" in found.scopes[name]
                assert ours, f"{wire.name}: {name} comes from {found.scopes[name]}"
            elif name in provider.steps:
                assert chats == [wire], "a step that names no wire is that of the only one"


@every_provider
def test_a_users_steps_apply_to_the_wire_that_they_name_and_to_no_other(provider: Provider) -> None:
    steps = {name: marked(name) for name in WIRE_STEPS}
    for meant in provider.wires:
        mine = Overrides()
        mine.add(f"{provider.id}:*", wire=meant.name, **steps)
        for wire in provider.wires:
            found = steps_of(provider, wire, mine)
            assert {found[name] is step for name, step in steps.items()} == {wire is meant}


@every_provider
def test_a_users_step_that_names_no_wire_is_that_of_the_only_chat_or_refused(provider: Provider) -> None:
    step, mine = marked("build_body"), Overrides()
    mine.add(f"{provider.id}:*", build_body=step)
    operations = provider.operations
    alone = operations if len(operations) == 1 else {"chat"}
    meant = [wire for wire in provider.wires if wire.operation in alone and not wire.by_name_only]
    for wire in provider.wires:
        if wire in meant and len(meant) > 1:
            with pytest.raises(ConfigError) as caught:
                steps_of(provider, wire, mine)
            assert all(each.name in str(caught.value) for each in meant) and provider.id in str(caught.value)
        else:
            assert (steps_of(provider, wire, mine)["build_body"] is step) == (wire in meant)


@every_provider
def test_a_users_step_for_an_operation_applies_to_its_wires_alone(provider: Provider) -> None:
    for operation in provider.operations:
        step, mine = marked("build_body"), Overrides()
        mine.add(f"{provider.id}:*", wire="*", operation=operation, build_body=step)
        for wire in provider.wires:
            assert (steps_of(provider, wire, mine)["build_body"] is step) == (wire.operation == operation)


@every_provider
def test_steps_of_a_provider_apply_to_every_wire_and_operation(provider: Provider) -> None:
    mine = Overrides()
    names = PROVIDER_STEPS - {"translate_options", "thinking_constraints", "normalize_model_id"}
    given: dict[str, Callable[..., Any]] = {name: lambda *given: None for name in names}
    mine.add(f"{provider.id}:*", **given)
    for wire in provider.wires:
        found = steps_of(provider, wire, mine)
        assert all(found[name] is step for name, step in given.items())


def test_any_wire_and_operation_can_be_named_explicitly() -> None:
    provider = REGISTRY.get_or_raise("openai")
    step, mine = marked("find_error"), Overrides()
    mine.add("openai:*", wire="*", operation="*", find_error=step)
    assert all(steps_of(provider, wire, mine)["find_error"] is step for wire in provider.wires)


def test_option_rules_can_be_limited_to_one_wire() -> None:
    client = Client(api_keys={"openai": "k"})
    client.override("openai:*", wire="openai_responses", translate_options=lambda options, model: {"user": "me"})
    for wire, user in (("openai_chat", b'"you"'), ("openai_responses", b'"me"')):
        pipeline, request = client.planner.request("chat", "openai:gpt-4o", "hi", {"wire": wire, "user": "you"})
        assert user in next(pipeline.flow(request)).request.body


# --- the same rule for what providers declare


def body(request: Any) -> dict[str, Any]:
    return {"mine": True}


BOTH = [openai_chat, openai_responses, openai_embeddings]


@pytest.mark.parametrize(
    "made",
    [
        lambda: declare_provider("acme", wire=BOTH, base_url=URL, build_body=body),
        lambda: declare_provider("acme", wire=BOTH, base_url=URL, models={"m*": override(build_body=body)}),
        lambda: declare_provider("acme", wire=BOTH, base_url=URL).with_steps(build_body=body),
        lambda: declare_provider("acme", wire=BOTH, base_url=URL).override("m*", build_body=body),
    ],
    ids=["declared", "row", "with_steps", "override"],
)
def test_a_provider_of_two_chat_wires_needs_the_wire_named(made: Any) -> None:
    with pytest.raises(ConfigError, match="build_body for chat, but acme speaks openai_chat and openai_responses"):
        made()


def test_a_wire_that_is_added_later_makes_a_declared_step_ambiguous() -> None:
    one = declare_provider("acme", wire=openai_chat, base_url=URL, build_body=body)
    two = evolve(one, wires=tuple(BOTH))
    with pytest.raises(ConfigError, match="acme speaks openai_chat and openai_responses"):
        steps_of(two, openai_chat)
    assert steps_of(two, openai_embeddings)["build_body"] is openai_embeddings.build_body


@pytest.mark.parametrize("scope", ["row", "with_steps", "override"])
@pytest.mark.parametrize("wire", ["openai_responses", openai_responses], ids=["by name", "itself"])
def test_a_declaration_can_name_the_wire(scope: str, wire: Any) -> None:
    rows = {"*": override(wire=wire, build_body=body)} if scope == "row" else {}
    provider = declare_provider("acme", wire=BOTH, base_url=URL, models=rows)
    if scope == "with_steps":
        provider = provider.with_steps(wire=wire, build_body=body)
    elif scope == "override":
        provider = provider.override("some*", wire=wire, build_body=body)
    found = {each.name: steps_of(provider, each)["build_body"] is body for each in BOTH}
    assert found == {"openai_chat": False, "openai_responses": True, "openai_embeddings": False}


def test_a_provider_of_one_operation_uses_it_by_default() -> None:
    provider = declare_provider("acme", wire=openai_embeddings, base_url=URL, build_body=body)
    assert steps_of(provider, openai_embeddings)["build_body"] is body


# --- a place that there is not


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ({"wire": "openai_chatt"}, "has no wire 'openai_chatt'; did you mean 'openai_chat'"),
        ({"operation": "rerank"}, "does not offer rerank"),
        ({"wire": "openai_chat", "operation": "embed"}, "has no wire 'openai_chat' for embed"),
        ({"wire": 5}, "wire of an override cannot be a int"),
        ({"operation": ""}, "operation of an override cannot be a str"),
    ],
)
def test_a_wire_or_operation_that_a_provider_lacks_is_refused_at_once(place: dict[str, Any], says: str) -> None:
    mine = REGISTRY.get_or_raise("openai")
    for given in (Client().override, stepwell.override, mine.override):
        with pytest.raises(InvalidOption, match=says):
            given("openai:*" if given != mine.override else "*", build_body=body, **place)
    with pytest.raises(InvalidOption, match=says):
        mine.with_steps(build_body=body, **place)


def test_a_chat_step_where_there_is_no_chat_is_refused_at_once() -> None:
    with pytest.raises(InvalidOption, match="jina does not offer chat"):
        Client().override("jina", build_body=body)
    Client().override("jina", operation="embed", build_body=body)


def test_steps_that_run_before_the_wire_is_known_accept_no_wire() -> None:
    with pytest.raises(InvalidOption, match="normalize_model_id cannot be overridden for one wire"):
        Client().override("openai:*", wire="openai_chat", normalize_model_id=lambda id: id)


def test_a_pattern_over_several_providers_applies_where_its_wire_is_supported() -> None:
    client = Client(api_keys={"groq": "k", "anthropic": "k"})
    client.override("*:*", wire="openai_chat", build_body=body)
    for model, mine in (("groq:m", True), ("anthropic:claude-opus-4-6", False)):
        pipeline, request = client.planner.request("chat", model, "hi", {})
        assert (next(pipeline.flow(request)).request.body == b'{"mine":true}') == mine


WILD = ("*", "*:m*", "open*:*", "[go]*", "?roq")


@in_turn("models", WILD)
@in_turn(
    ("place", "says", "hint"),
    [
        ({"wire": "openai_chatt"}, "no provider has wire openai_chatt", "did you mean 'openai_chat'"),
        ({"operation": "chatt"}, "no provider has operation chatt", "did you mean 'chat'"),
        ({"operation": "embedd", "wire": "*"}, "no provider has wire \\* and operation embedd", "did you mean 'embed'"),
        ({"wire": "openai_chat", "operation": "embed"}, "wire openai_chat and operation embed", "leave out operation="),
    ],
)
@in_turn("steps", [{"build_body": body}, {"prepare_request": lambda request: request}])
def test_a_place_that_no_provider_has_is_refused_under_every_pattern(
    models: str, place: dict[str, Any], says: str, hint: str, steps: dict[str, Any]
) -> None:
    for given in (Client().override, stepwell.override):
        with pytest.raises(InvalidOption, match=says) as caught:
            given(models, **steps, **place)
        assert hint in str(caught.value.hint)


def test_every_place_that_a_provider_has_is_taken_under_a_pattern() -> None:
    client = Client()
    for name, operation in {(wire.name, wire.operation) for _, wire in WIRES}:
        for place in ({"wire": name}, {"operation": operation}, {"wire": name, "operation": operation}):
            client.override("*", build_body=body, **place).undo()


def test_a_wire_and_an_operation_of_ones_own_are_taken_under_a_pattern() -> None:
    own = evolve(openai_chat, name="my_wire", operation="dream")
    Client().override("*", wire=own, build_body=body)
    registry = Registry()
    registry.register(declare_provider("mine", wire=own, base_url=URL))
    client = Client(registry=registry)
    client.override("*", wire="my_wire", build_body=body)
    client.override("*", operation="dream", build_body=body)


def test_describe_shows_the_wire_and_operation() -> None:
    client = Client()
    client.override("openai:*", wire="openai_chat", build_body=body)
    client.override("openai:*", operation="embed", build_body=body)
    lines = {
        (operation, wire): client.pipeline_for("openai:m", operation=operation, wire=wire).describe()
        for operation, wire in (("chat", "openai_chat"), ("chat", "openai_responses"), ("embed", None))
    }
    assert "(client, override of openai:* for wire openai_chat)" in lines["chat", "openai_chat"]
    assert "override of" not in lines["chat", "openai_responses"]
    assert "(client, override of openai:* for operation embed)" in lines["embed", None]


def test_a_custom_registry_is_used() -> None:
    registry = Registry()
    registry.register(declare_provider("openai", wire=openai_embeddings, base_url=URL))
    with pytest.raises(InvalidOption, match="has no wire 'openai_chat'"):
        Client(registry=registry).override("openai:*", wire="openai_chat", build_body=body)
