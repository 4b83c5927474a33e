"""`extending(function)`: a step laid around the one in force, for every step of the table, at every provider."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
from attrs import evolve
from in_turn import in_turn
from kinds import one_of_each_kind

import stepwell
from stepwell import Client
from stepwell.catalog import Model
from stepwell.declare import (
    ObjectSupport,
    Provider,
    ToolCallIdPolicy,
    declare_provider,
    drop,
    extending,
    force,
    only,
    openai_chat,
    override,
    rename,
)
from stepwell.errors import ConfigError, InvalidOption
from stepwell.providers.declare.extending import VALUES, base_of
from stepwell.providers.declare.overrides import Overrides, in_force
from stepwell.providers.declare.registry import REGISTRY, Registry
from stepwell.providers.declare.resolve import Resolved, resolve_steps
from stepwell.providers.declare.steps import STEPS
from stepwell.providers.declare.wire import Wire
from stepwell.providers.wires.openai_chat.samples import SAMPLES
from stepwell.providers.wires.openai_responses import openai_responses

URL = "https://acme.test/v1"
PROVIDERS = one_of_each_kind(Registry())
every_provider = in_turn("provider", PROVIDERS)
FUNCTIONS = tuple(name for name in STEPS if name not in {*VALUES, "translate_options"})


def steps_of(provider: Provider, wire: Wire, *scopes: Overrides) -> Resolved:
    return resolve_steps(provider, Model(provider.id, "m"), wire, in_force(provider, "m", *scopes))


def inherited_by(name: str) -> Any:
    """Return an extending function that returns what it inherits."""
    if name == "authenticate":
        return extending(lambda inherited, request, call: inherited)
    return extending(lambda inherited, *given: inherited)


# --- every step can be extended


@every_provider
def test_an_extending_function_gets_the_step_in_force(provider: Provider) -> None:
    for wire in provider.wires:
        mine = Overrides()
        for name in FUNCTIONS:
            place = {} if name == "normalize_model_id" else {"wire": wire.name, "operation": wire.operation}
            if name != "normalize_model_id":
                mine.add(f"{provider.id}:*", **place, **{name: inherited_by(name)})
        before, found = steps_of(provider, wire), steps_of(provider, wire, mine)
        for name in FUNCTIONS:
            step = before.get(name)
            if step is not None and name not in ("normalize_model_id", "authenticate"):
                # A step that gets arguments by name is given with those that its extension does not pass on.
                assert found[name]() is step or (callable(found[name]()) and base_of(found[name]) is step), name


@every_provider
def test_a_value_is_extended_when_the_plan_is_made(provider: Provider) -> None:
    def longer(policy: ToolCallIdPolicy) -> ToolCallIdPolicy:
        return evolve(policy, max_length=policy.max_length + 1)

    for wire in provider.wires:
        mine = Overrides()
        mine.add(f"{provider.id}:*", wire="*", operation="*", tool_call_id_policy=extending(longer))
        before, found = steps_of(provider, wire), steps_of(provider, wire, mine)
        assert found["tool_call_id_policy"] == longer(before["tool_call_id_policy"])


def test_where_there_is_no_step_the_inherited_one_changes_nothing() -> None:
    acme = declare_provider("acme", wire=evolve(openai_chat, begins_stream=None), base_url=URL)
    mine = Overrides()
    steps: dict[str, Any] = {
        "prepare_request": extending(lambda inherited, request: (inherited(request), "mine")),
        "attach": extending(lambda inherited, pipeline, provider: (inherited(pipeline, provider), "mine")),
        "attach_stream": extending(lambda inherited, pipeline, provider: (inherited(pipeline, provider), "stream")),
        "begins_stream": extending(lambda inherited, start, content_type: inherited(start, content_type)),
        "thinking_constraints": extending(lambda inherited: {**inherited, "min_budget": 7}),
        "default_env_key": extending(lambda inherited: f"{inherited() or 'NONE'}_2"),
    }
    mine.add("acme:*", **steps)
    found = steps_of(acme, acme.wires[0], mine)
    assert found["prepare_request"]("request") == ("request", "mine")
    assert found["attach"]("pipeline", acme) == ("pipeline", "mine")
    assert found["attach_stream"]("pipeline", acme) == (("pipeline", "mine"), "stream"), "a stream has attach, too"
    assert found["begins_stream"](b"<", "text/html") is True
    assert found["thinking_constraints"] == {"min_budget": 7}
    assert found["default_env_key"]() == "NONE_2"


def test_the_variable_of_the_key_can_be_extended(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[httpx.Request] = []
    client = Client(
        transport=httpx.MockTransport(lambda request: seen.append(request) or httpx.Response(500)), retries=0
    )
    client.override("groq:*", default_env_key="TEAM")
    client.override("groq:llama*", default_env_key=extending(lambda inherited: f"{inherited()}_LLAMA"))
    monkeypatch.setenv("TEAM_LLAMA", "for-llama")
    with pytest.raises(stepwell.errors.StepwellError):
        client.generate_text("groq:llama-3.3-70b-versatile", "hi")
    assert seen[0].headers["authorization"] == "Bearer for-llama"


def test_the_id_of_a_listed_model_can_be_extended() -> None:
    client = Client(api_keys={"openai": "k"})
    client.override("openai", normalize_model_id=lambda id: id.removeprefix("our-"))
    client.override(
        "openai:*-eu", normalize_model_id=extending(lambda inherited, id: inherited(id).removesuffix("-eu"))
    )
    assert client.planner.plan("chat", "openai:our-gpt-4o-eu").model.facts["listed_as"] == "gpt-4o"


# --- layers extend each other, from the general to the specific


def adding(word: str) -> Any:
    def build_body(inherited: Any, request: Any) -> dict[str, Any]:
        body = inherited(request)
        return {**body, "said": [*body.get("said", ()), word]}

    return extending(build_body)


def body_of(client: Client, model: str, **options: Any) -> dict[str, Any]:
    pipeline, request = client.planner.request("chat", model, "hi", options)
    body: dict[str, Any] = orjson.loads(next(pipeline.flow(request)).request.body)
    return body


def test_wire_provider_row_process_and_client_extend_each_other() -> None:
    acme = declare_provider(
        "acme",
        wire=openai_chat,
        base_url=URL,
        build_body=adding("provider"),
        models={"m*": override(build_body=adding("row"))},
    )
    registry = Registry()
    registry.register(acme.with_steps(build_body=adding("with_steps")))
    client = Client(registry=registry, api_keys={"acme": "k"})
    client.override("acme:*", build_body=adding("client"))
    client.override("acme:m", build_body=adding("the very model"))
    client.override("acme:*", build_body=adding("client, later"))
    body = body_of(client, "acme:m")
    assert body["said"] == ["provider", "row", "with_steps", "client", "client, later", "the very model"]
    assert body["messages"] == [{"role": "user", "content": "hi"}]


def test_a_process_wide_override_is_extended_by_a_clients() -> None:
    client = Client(api_keys={"groq": "k"})
    client.override("groq:*", build_body=adding("client"))
    with stepwell.override("groq:*", build_body=adding("process")):
        assert body_of(client, "groq:m")["said"] == ["process", "client"]


def test_a_step_that_replaces_ends_the_chain_below() -> None:
    client = Client(api_keys={"groq": "k"})
    client.override("groq:*", build_body=adding("lost"))
    client.override("groq:*", build_body=lambda request: {"fresh": True})
    client.override("groq:*", build_body=adding("mine"))
    assert body_of(client, "groq:m") == {"fresh": True, "said": ["mine"]}


def test_one_function_extends_every_wire() -> None:
    client = Client(api_keys={"openai": "k"})
    client.override("*", wire="*", build_body=adding("mine"))
    for wire, has in (("openai_chat", "messages"), ("openai_responses", "input")):
        body = body_of(client, "openai:gpt-4o", wire=wire)
        assert body["said"] == ["mine"] and has in body


# --- what is declared


@pytest.mark.parametrize("name", ["attach", "prepare_request", "tool_call_id_policy", "auth", "normalize_model_id"])
def test_a_provider_may_extend_by_its_own_fields(name: str) -> None:
    function: Any = inherited_by("authenticate" if name == "auth" else name)
    if name == "normalize_model_id":
        function = extending(lambda inherited, id: inherited(id))
    acme = declare_provider("acme", wire=openai_chat, base_url=URL, **{name: function})
    before = steps_of(declare_provider("acme", wire=openai_chat, base_url=URL), openai_chat)
    found = steps_of(acme, openai_chat)
    if name == "tool_call_id_policy":
        assert found[name] == before[name]


def test_a_provider_has_no_rules_to_extend() -> None:
    with pytest.raises(InvalidOption, match="translate_options cannot be a Extending"):
        declare_provider("acme", wire=openai_chat, base_url=URL, translate_options=extending(lambda *given: None))


# --- streams


def test_an_extended_parser_keeps_the_check_for_unstreamed_answers() -> None:
    pieces: list[bytes] = []

    def parse(inherited: Any, data: bytes, buffer: Any) -> Any:
        pieces.append(data)
        return inherited(data, buffer)

    unstreamed = SAMPLES.text.body
    client = Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, content=unstreamed)), api_keys={"groq": "k"}
    )
    client.override("groq:*", parse_stream_protocol=extending(parse))
    reply = client.stream_text("groq:m", "hi").reply()
    assert reply.text == SAMPLES.text.text and not pieces
    assert any("unstreamed answer" in str(warning) for warning in reply.warnings)


@pytest.mark.parametrize("first", ["parse_stream_protocol", "begins_stream"])
def test_another_parser_has_its_own_check_or_none(first: str) -> None:
    def parse(data: bytes, buffer: Any) -> Any:
        return [], buffer

    def begins(start: bytes, content_type: str) -> bool:
        return True

    groq, both = REGISTRY.get_or_raise("groq"), {"parse_stream_protocol": parse, "begins_stream": begins}
    mine, alone = Overrides(), Overrides()
    mine.add("groq:*", **{first: both[first], **both})
    alone.add("groq:*", parse_stream_protocol=parse)
    assert steps_of(groq, groq.wires[0], mine)["begins_stream"] is begins
    assert steps_of(groq, groq.wires[0], alone)["begins_stream"] is None
    assert steps_of(groq, groq.wires[0])["begins_stream"] is groq.wires[0].begins_stream


# --- option rules


def test_rules_are_extended_by_a_function_around_them() -> None:
    def house(inherited: Any, options: dict[str, Any], model: Model) -> Any:
        options, losses = inherited({**options, "user": "team"}, model)
        return {**options, "house": True}, [*losses, ("seed", "the house has spoken")]

    client = Client(api_keys={"openai": "k"})
    client.override("openai:*", translate_options=extending(house))
    body = body_of(client, "openai:gpt-4o", wire="openai_chat", max_tokens=9, stop=list("abcde"))
    assert body["max_completion_tokens"] == 9 and body["house"] is True and body["user"] == "team"
    reported = client.pipeline_for("openai:gpt-4o").describe()
    assert "rename max_tokens to max_completion_tokens" in reported and "test_extending.py" in reported


def test_more_specific_rules_are_added_to_extended_ones_and_only_replaces_them() -> None:
    client = Client(api_keys={"groq": "k"})
    client.override("groq:*", translate_options=extending(lambda inherited, options, model: ({"of": "house"}, [])))
    client.override("groq:m*", translate_options=[force("seed", 7, why="so")])
    assert body_of(client, "groq:m", seed=1)["of"] == "house"
    client.override("groq:m*", translate_options=only(rename("seed", "root")))
    assert "of" not in body_of(client, "groq:m", seed=1)
    assert body_of(client, "groq:m", seed=1)["root"] == 1
    assert "house" not in client.pipeline_for("groq:m").describe()


def test_constraints_hold_for_the_rules_that_are_extended() -> None:
    client = Client(api_keys={"anthropic": "k"})
    client.override("anthropic:*", thinking_constraints={"min_budget": 4096})
    client.override(
        "anthropic:*", translate_options=extending(lambda inherited, options, model: inherited(options, model))
    )
    body = body_of(client, "anthropic:claude-haiku-4-5", reasoning_budget=2000, max_tokens=9000)
    assert body["thinking"]["budget_tokens"] == 4096


# --- what cannot be extended, and what is shown


@pytest.mark.parametrize("value", [None, "build_body", {"seed": 1}])
def test_only_a_function_extends(value: Any) -> None:
    with pytest.raises(InvalidOption, match="extending cannot take a"):
        extending(value)


def test_a_value_of_another_kind_is_refused_when_the_plan_is_made() -> None:
    client = Client()
    client.override("groq:*", tool_call_id_policy=extending(lambda policy: 64))
    with pytest.raises(ConfigError, match="tool_call_id_policy cannot be a int"):
        client.pipeline_for("groq:m")
    client = Client()
    client.override("groq:*", object_support=extending(lambda support: evolve(support, modes=("prompt",))))
    assert client.planner.plan("chat", "groq:m").object_support.modes == ("prompt",)
    assert isinstance(client.planner.plan("chat", "groq:m").object_support, ObjectSupport)


@pytest.mark.parametrize("name", [name for name in STEPS if name not in ("translate_options", "authenticate")])
def test_the_description_has_each_function_of_a_chain_and_whose_it_is(name: str) -> None:
    def function(inherited: Any, *given: Any) -> Any:
        return inherited(*given) if callable(inherited) else inherited

    client = Client()
    client.override("groq:*", **{name: extending(function)})
    client.override("groq:m", **{name: extending(function)})
    reported = client.pipeline_for("groq:m", stream=True).describe()
    outer, inner = (reported.find(f"(client, override of {pattern})") for pattern in ("groq:m", "groq:*"))
    if name in ("thinking_constraints", "attach"):
        return  # an empty value has nothing to show, and attach may have changed any step
    assert 0 <= outer < inner, reported


def test_the_description_ends_with_the_wires_own_function() -> None:
    client = Client()
    client.override("openai:*", wire="openai_responses", build_body=adding("mine"))
    reported = client.pipeline_for("openai:gpt-4o", wire="openai_responses").describe()
    place = f"{openai_responses.build_body.__code__.co_firstlineno}  (wire openai_responses)"
    assert any("build_body extends" in line and line.endswith(place) for line in reported.splitlines())


def test_an_override_without_a_step_is_refused() -> None:
    mine = REGISTRY.get_or_raise("groq")
    for made in (
        lambda: Client().override("groq:*"),
        lambda: stepwell.override("groq:*", wire="*"),
        mine.with_steps,
        override,
    ):
        with pytest.raises(InvalidOption, match="an override names no step"):
            made()


def test_rules_may_be_dropped_beside_an_extended_step() -> None:
    client = Client(api_keys={"groq": "k"})
    client.override("groq:*", build_body=adding("mine"), translate_options=[drop("seed", why="so")])
    assert body_of(client, "groq:m", seed=1).keys() == {"model", "messages", "said"}
