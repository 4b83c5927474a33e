"""Overrides for streamed calls, or for the calls that meet a condition: by tenant, by the length of the context, ..."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import httpx
import orjson
import pytest
from in_turn import in_turn

import stepwell
from stepwell import AsyncClient, Client, fallback
from stepwell.declare import Provider, declare_provider, default, extending, openai_chat, override
from stepwell.errors import InvalidOption
from stepwell.pipeline.effects import Send
from stepwell.providers.declare.registry import REGISTRY, Registry
from stepwell.providers.declare.steps import STEPS
from stepwell.providers.wires.openai_chat.samples import SAMPLES
from stepwell.providers.wires.operations.embeddings import openai_embeddings
from stepwell.steps import Request

MODEL = "groq:llama-3.3-70b-versatile"
URL = "https://acme.test/v1"
EARLY = {"normalize_model_id", "object_support"}
STREAMING = tuple(name for name in STEPS if "stream" in name)


def client_with(**settings: Any) -> Client:
    return Client(**{"api_keys": {"groq": "k", "openai": "k"}, **settings})


def body_of(client: Client, prompt: Any = "hi", *, stream: bool = False, model: str = MODEL, **options: Any) -> Any:
    pipeline, request = client.planner.request("chat", model, prompt, options, stream=stream)
    effect = next(pipeline.flow(request))
    assert isinstance(effect, Send)
    return orjson.loads(effect.request.body)


def marking(word: str) -> Any:
    def build_body(inherited: Any, request: Request) -> dict[str, Any]:
        body = inherited(request)
        return {**body, "marks": [*body.get("marks", ()), word]}

    return extending(build_body)


def is_long(request: Request) -> bool:
    return len(request.context.messages) > 2


def of_tenant(name: str) -> Callable[[Request], bool]:
    return lambda request: (request.options.get("metadata") or {}).get("tenant") == name


CONVERSATION = [stepwell.user("a"), stepwell.assistant("b"), stepwell.user("c")]


# --- what the condition sees


def test_an_override_holds_for_a_long_context_only() -> None:
    client = client_with()
    client.override(MODEL, when=is_long, build_body=marking("long"))
    assert "marks" not in body_of(client)
    assert body_of(client, CONVERSATION)["marks"] == ["long"]
    assert "marks" not in body_of(client), "the next call is asked again"


def test_an_override_holds_for_one_tenant_only() -> None:
    client = client_with()
    for name in ("red", "blue"):
        client.override("groq:*", when=of_tenant(name), build_body=marking(name))
    assert body_of(client, metadata={"tenant": "red"})["marks"] == ["red"]
    assert body_of(client, metadata={"tenant": "blue"})["marks"] == ["blue"]
    assert "marks" not in body_of(client, metadata={"tenant": "green"})


def test_the_condition_sees_the_call_as_its_caller_made_it() -> None:
    seen: list[Request] = []
    client = client_with(headers={"x-team": "search"})
    client.override(MODEL, when=lambda request: seen.append(request), build_body=marking("never"))
    tool = stepwell.Tool("look", "Look.", {"type": "object", "properties": {}})
    options = {"system": "Be brief.", "tools": [tool], "max_tokens": 9, "headers": {"x-tenant": "red"}, "retries": 1}
    assert "marks" not in body_of(client, stream=True, **options)
    (request,) = seen
    assert [message.role for message in request.context.messages] == ["system", "user"]
    assert request.context.tools == (tool,) and request.options == {"max_tokens": 9} and request.stream
    assert dict(request.headers) == {"x-team": "search", "x-tenant": "red"} and request.retries == 1
    assert request.model.id == "llama-3.3-70b-versatile" and request.operation == "chat"


def test_a_condition_may_read_a_context_variable_of_each_task() -> None:
    tenant: ContextVar[str] = ContextVar("tenant", default="")
    seen: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(orjson.loads(request.content))
        return httpx.Response(200, content=SAMPLES.text.body)

    async def call(client: AsyncClient, name: str) -> None:
        tenant.set(name)
        await client.generate_text(MODEL, name)

    async def run() -> None:
        async with AsyncClient(transport=httpx.MockTransport(answer), api_keys={"groq": "k"}) as client:
            client.override(MODEL, when=lambda request: tenant.get() == "red", build_body=marking("red"))
            await asyncio.gather(*(call(client, name) for name in ("red", "blue", "red")))

    asyncio.run(run())
    assert sorted((body["messages"][0]["content"], "marks" in body) for body in seen) == [
        ("blue", False),
        ("red", True),
        ("red", True),
    ]


def test_a_fallback_is_asked_for_its_own_model() -> None:
    asked: list[str] = []

    def when(request: Request) -> bool:
        asked.append(str(request.model))
        return True

    bodies: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(orjson.loads(request.content))
        down = "groq" in str(request.url)
        return httpx.Response(500, json={}) if down else httpx.Response(200, content=SAMPLES.text.body)

    client = client_with(transport=httpx.MockTransport(answer), retries=0, pipeline=fallback("openai:gpt-4o"))
    client.override("openai:*", wire="openai_chat", when=when, build_body=marking("second"))
    client.generate_text(MODEL, "hi")
    assert asked == ["openai:gpt-4o"] and [body.get("marks") for body in bodies] == [None, ["second"]]


# --- every step, every scope


@pytest.mark.parametrize("name", [name for name in STEPS if name not in EARLY])
def test_every_step_can_be_overridden_for_some_calls(name: str) -> None:
    client = client_with()
    value: Any = extending(lambda inherited, *given: inherited(*given) if callable(inherited) else inherited)
    client.override("groq:*", when=is_long, **{name: value})
    _, request = client.planner.request("chat", MODEL, "hi", {}, stream=True)
    plan = client.planner.plan("chat", MODEL, stream=True)
    long = request.replace(context=stepwell.Context(tuple(CONVERSATION)))
    assert plan.for_request(request) is plan.for_request(request) is not plan.for_request(long)
    assert plan.for_request(long) is plan.for_request(long), "a pipeline is built once for each outcome"


def by_scope(scope: str, **steps: Any) -> Client:
    """Return a client of the provider acme which has these steps."""
    rows = {"*": override(**steps)} if scope == "row" else {}
    acme = declare_provider("acme", wire=[openai_chat, openai_embeddings], base_url=URL, models=rows)
    if scope == "with_steps":
        acme = acme.with_steps(**steps)
    elif scope == "provider":
        acme = acme.override("m*", **steps)
    registry = Registry()
    registry.register(acme)
    client = client_with(registry=registry, api_keys={"acme": "k"})
    if scope == "client":
        client.override("acme:*", **steps)
    return client


SCOPES = ["row", "with_steps", "provider", "client"]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_condition_can_be_given_wherever_a_step_can(scope: str) -> None:
    client = by_scope(scope, when=is_long, build_body=marking("long"))
    assert "marks" not in body_of(client, model="acme:m")
    assert body_of(client, CONVERSATION, model="acme:m")["marks"] == ["long"]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("stream", [True, False])
def test_a_step_can_be_limited_to_streamed_calls_or_to_the_others(scope: str, stream: bool) -> None:
    client = by_scope(scope, stream=stream, build_body=marking("mine"))
    for given in (True, False):
        assert ("marks" in body_of(client, stream=given, model="acme:m")) is (given is stream)


def test_in_the_whole_process() -> None:
    with stepwell.override("groq:*", when=is_long, stream=True, build_body=marking("long stream")):
        client = client_with()
        assert body_of(client, CONVERSATION, stream=True)["marks"] == ["long stream"]
        assert "marks" not in body_of(client, CONVERSATION) and "marks" not in body_of(client, stream=True)


def test_a_provider_that_was_declared_with_a_condition_sends_a_batch_by_it() -> None:
    seen: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        return httpx.Response(200, json={"id": "f", "status": "validating"})

    client = client_with(transport=httpx.MockTransport(answer))
    client.override("openai:*", wire="openai_chat", when=is_long, build_body=marking("long"))
    client.submit_batch("openai:gpt-4o", {"short": "hi", "long": CONVERSATION}, wire="openai_chat")
    lines = [line for line in seen[0].splitlines() if b'"custom_id"' in line]
    assert {b'"short"' in line: b"marks" in line for line in lines} == {True: False, False: True}


# --- order


def test_conditions_do_not_change_the_order_of_overrides() -> None:
    client = client_with()
    client.override("groq:llama*", when=is_long, build_body=marking("second"))
    client.override("groq:*", when=is_long, build_body=marking("first"))
    client.override("groq:llama*", build_body=marking("third"))
    assert body_of(client, CONVERSATION)["marks"] == ["first", "second", "third"]
    assert body_of(client)["marks"] == ["third"]


def test_an_undone_override_is_not_asked() -> None:
    client, asked = client_with(), []
    with client.override("groq:*", when=lambda request: asked.append(1), build_body=marking("mine")):
        body_of(client)
    body_of(client)
    assert len(asked) == 1


def test_the_edits_of_a_client_and_a_call_hold_for_calls_that_meet_a_condition() -> None:
    client = client_with()
    client.pipeline = client.pipeline.without("retry")
    client.override(MODEL, when=is_long, build_body=marking("long"))
    options = {"pipeline": lambda pipeline: pipeline.without("map_errors")}
    for prompt in ("hi", CONVERSATION):
        pipeline, _ = client.planner.request("chat", MODEL, prompt, dict(options))
        assert "retry" not in pipeline and "map_errors" not in pipeline and "encode_body" in pipeline


def test_the_description_names_what_holds_for_other_calls() -> None:
    client = client_with()
    client.override("groq:*", when=is_long, stream=True, build_body=marking("long"))
    reported = client.pipeline_for(MODEL, stream=True).describe()
    assert "build_body, for other calls: " in reported
    assert "(client, override of groq:* for streamed calls and calls that meet is_long)" in reported
    assert "for other calls" not in client.pipeline_for(MODEL).describe()


# --- rules


def test_option_rules_may_hold_for_some_calls() -> None:
    client = client_with()
    client.override("groq:*", when=is_long, translate_options=[default("service_tier", "flex")])
    assert body_of(client, CONVERSATION)["service_tier"] == "flex" and "service_tier" not in body_of(client)


# --- what is refused


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"when": "red", "build_body": len}, "when of an override cannot be a str"),
        ({"stream": "yes", "build_body": len}, "stream of an override cannot be a str"),
        (
            {"stream": True, "normalize_model_id": len},
            "normalize_model_id cannot be overridden for one wire",
        ),
        ({"when": len, "normalize_model_id": len}, "normalize_model_id cannot be overridden for"),
        (
            {"when": len, "object_support": openai_chat.object_support},
            "object_support cannot be overridden for some calls",
        ),
        ({"stream": True, "operation": "embed", "build_body": len}, "does not stream embed"),
        *(({"stream": False, name: len}, f"{name} cannot be overridden for unstreamed calls") for name in STREAMING),
    ],
)
def test_a_place_that_can_never_be_is_refused_at_once(given: dict[str, Any], says: str) -> None:
    mine = REGISTRY.get_or_raise("mistral")
    for made in (lambda: Client().override("mistral:*", **given), lambda: mine.with_steps(**given)):
        with pytest.raises(InvalidOption, match=says):
            made()


def test_an_async_condition_is_refused() -> None:
    async def when(request: Request) -> bool:
        return True

    with pytest.raises(InvalidOption, match="when of an override cannot be an async function"):
        Client().override("groq:*", when=when, build_body=len)


@in_turn("provider", list(Registry()))
def test_a_declared_provider_has_no_conditions_that_slow_its_calls(provider: Provider) -> None:
    client = Client(api_keys={})
    for operation in provider.operations & {"chat", "embed"}:
        assert not client.planner.plan(operation, f"{provider.id}:m").conditions
