"""A call that moves to another model, from any place in the pipeline, takes the caller's prompt and options along, and
nothing that was given for, or made by, the provider that it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import orjson
import pytest

from stepwell import AsyncClient, Budget, Client, RateLimit, Reply, around, cache, fallback, on_request
from stepwell.errors import UnknownProvider
from stepwell.pipeline.http.request import RAW_OPTIONS, Request, StateKey
from stepwell.pipeline.steps.constrained_tools import PREFILL
from stepwell.pipeline.steps.fit_context import fit_context
from stepwell.providers.wires.anthropic_messages.samples import SAMPLES as ANTHROPIC
from stepwell.providers.wires.ollama_chat.samples import SAMPLES as OLLAMA
from stepwell.providers.wires.openai_chat.samples import SAMPLES as OPENAI
from stepwell.providers.wires.openai_responses.samples import SAMPLES as RESPONSES
from stepwell.steps import concurrency
from stepwell.stores import MemoryStore

from costs import thorough_after

SECRET = "secret-of-one-tenant"
ANSWERS = {
    "/messages": ANTHROPIC,
    "/chat/completions": OPENAI,
    "/responses": RESPONSES,
    "/api/chat": OLLAMA,
}
KEYS = {"openai": "k", "anthropic": "k", "groq": "k", "ollama": "k", "openai_codex": "k"}
# The first model of each, with options that its steps take apart and put into other words.
FIRST: dict[str, Mapping[str, Any]] = {
    "openai:gpt-5.1": {"reasoning_effort": "low", "provider_options": {"x_tenant": SECRET, "include": [SECRET]}},
    "anthropic:claude-sonnet-4-5": {
        "reasoning_effort": "low",
        "provider_options": {"x_tenant": SECRET, "anthropic_beta": [SECRET], "container": SECRET},
    },
    "ollama:gpt-oss": {"reasoning_effort": "low", "provider_options": {"x_tenant": SECRET, "keep_alive": SECRET}},
    "openai_codex:gpt-5.1": {"provider_options": {"x_tenant": SECRET, "include": [SECRET]}},
}
OTHERS = ("groq:llama-3.3-70b-versatile", "anthropic:claude-opus-4-6", "ollama:llama3.2", "openai_codex:gpt-5.2")


class World:
    """A network that fails the first request, and answers all others."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if len(self.requests) == 1:
            raise httpx.ConnectError("nobody there")
        sample = next(found for path, found in ANSWERS.items() if request.url.path.endswith(path)).text
        streamed = orjson.loads(request.content).get("stream")
        return httpx.Response(200, content=sample.stream if streamed else sample.body)

    @property
    def second(self) -> tuple[str, Any, str]:
        """What the other model was sent: address, body and headers."""
        sent = self.requests[1]
        return str(sent.url), orjson.loads(sent.content), str(sorted(sent.headers.raw))


def call_model(model: str, options: Mapping[str, Any], pipeline: Any, how: str) -> tuple[World, Reply]:
    world = World()
    settings = {"transport": httpx.MockTransport(world), "api_keys": KEYS, "retries": 0, "pipeline": pipeline}

    async def later() -> Reply:
        async with AsyncClient(**settings) as client:
            if "streamed" in how:
                return await client.stream_text(model, "hi", max_tokens=90, **options).reply()
            return await client.generate_text(model, "hi", max_tokens=90, **options)

    if "async" in how:
        return world, asyncio.run(later())
    with Client(**settings) as client:
        if "streamed" in how:
            return world, client.stream_text(model, "hi", max_tokens=90, **options).reply()
        return world, client.generate_text(model, "hi", max_tokens=90, **options)


def positions(model: str, how: str, pipeline: Any = None) -> tuple[str, ...]:
    """Return the names of the steps that a fallback can be placed just inside of."""
    with Client(api_keys=KEYS, pipeline=pipeline) as client:
        return client.pipeline_for(model, stream="streamed" in how).names()


def inside(name: str, step: Any) -> Callable[[Any], Any]:
    return lambda pipeline: pipeline.after(name, step) if name in pipeline else pipeline


CASES = [pytest.param(first, other, id=f"{first} to {other}") for first in FIRST for other in OTHERS]
HOWS = pytest.mark.parametrize("how", thorough_after(2, ["sync", "async streamed", "sync streamed", "async"]))


@HOWS
@pytest.mark.parametrize(("first", "other"), CASES)
def test_another_model_gets_the_same_request_from_every_place_in_the_pipeline(first: str, other: str, how: str) -> None:
    options = FIRST[first]
    best, reported = call_model(first, options, fallback(other), how)
    moved = first.partition(":")[0] != other.partition(":")[0]
    assert (SECRET in str(best.second)) == (not moved)
    for name in positions(first, how):
        world, reply = call_model(first, options, inside(name, fallback(other)), how)
        assert world.second == best.second, f"inside {name}"
        assert (reply.text, reply.provider, reply.usage) == (reported.text, reported.provider, reported.usage), (
            f"inside {name}"
        )
        subjects = {warning.subject for warning in reply.warnings if warning.model == other}
        assert ("provider_options" in subjects) == moved, f"inside {name}"


@HOWS
@pytest.mark.parametrize("other", OTHERS)
def test_keyed_options_reach_the_one_they_are_for_from_every_place(other: str, how: str) -> None:
    first = "openai:gpt-5.1"
    keyed = {"openai": {"x_tenant": SECRET}, other.partition(":")[0]: {"x_mine": "mine"}}
    for name in positions(first, how):
        world, _ = call_model(first, {"provider_options": keyed}, inside(name, fallback(other)), how)
        assert world.second[1]["x_mine"] == "mine" and SECRET not in str(world.second), f"inside {name}"


@HOWS
def test_options_given_by_another_spelling_of_a_providers_id_are_its_own(how: str) -> None:
    keyed = {"openai-codex": {"x_mine": "mine"}, "groq": {"x_tenant": SECRET}}
    world, _ = call_model("groq:m", {"provider_options": keyed}, fallback("openai_codex:gpt-5.2"), how)
    assert world.second[1]["x_mine"] == "mine" and SECRET not in str(world.second)


@HOWS
@pytest.mark.parametrize("between", ["concurrency", "cache", "fit_context", "budget", "rate_limit", "of my own"])
def test_steps_in_between_change_nothing(between: str, how: str) -> None:
    first, other = "openai:gpt-5.1", "groq:llama-3.3-70b-versatile"
    make: Callable[[], Any] = {
        "concurrency": lambda: concurrency(2),
        "cache": lambda: cache(MemoryStore()),
        "fit_context": fit_context,
        "budget": lambda: Budget(5, unknown="allow"),
        "rate_limit": lambda: RateLimit(requests=100),
        "of my own": lambda: on_request("mine", lambda request: request.with_state(MINE, 1)),
    }[between]
    best, _ = call_model(first, FIRST[first], fallback(other), how)
    for name in positions(first, how, make()):
        world, reply = call_model(first, FIRST[first], [make(), inside(name, fallback(other))], how)
        assert world.second[1] == best.second[1] and reply.provider == "groq", f"inside {name}"


@HOWS
def test_a_custom_outer_step_may_still_change_the_request(how: str) -> None:
    first, other = "openai:gpt-5.1", "groq:llama-3.3-70b-versatile"
    seeded = on_request("seeded", lambda request: request.replace(options={**request.options, "seed": 7}))
    for before in ("check_options", "resolve_key", "prepare_request", "translate_options"):
        steps = [lambda pipeline, at=before: pipeline.before(at, seeded), inside("seeded", fallback(other))]
        world, _ = call_model(first, FIRST[first], steps, how)
        assert world.second[1]["seed"] == 7 and SECRET not in str(world.second), f"before {before}"


# --- the notes that steps leave on a request

MINE: StateKey[Any] = StateKey("mine", None, travels=True)
NOTES: Mapping[StateKey[Any], Any] = {RAW_OPTIONS: {"x": SECRET}, PREFILL: SECRET, StateKey("own", None): SECRET}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("other", [*OTHERS, "openai:gpt-5.2"])
def test_a_custom_steps_request_to_another_model_has_shared_state_only(other: str, stream: bool, tmp_path: Any) -> None:
    """Whatever stands in `private`, and from every place: another model gets the notes that are nobody's alone."""
    first, found = "openai:gpt-5.1", {}
    (tmp_path / ".env").write_text(f"GROQ_API_KEY={SECRET}\n")

    def curious(request: Request, call: Any) -> Any:
        noted = request.replace(state={**request.state, **NOTES, MINE: "goes along"})
        pipeline, moved = request.request_for_model(noted, other, {})
        found[place] = (moved, pipeline.inside("curious"))
        return (yield from call(request))

    handler = httpx.MockTransport(lambda request: httpx.Response(200, content=RESPONSES.text.body))
    for place in positions(first, "streamed" if stream else ""):
        pipeline = inside(place, around("curious", curious))
        client = Client(transport=handler, api_keys=KEYS, pipeline=pipeline, env_file=tmp_path / ".env", retries=0)
        try:
            if stream:
                client.stream_text(first, "hi", **FIRST[first]).close()
            else:
                client.generate_text(first, "hi", **FIRST[first])
        except Exception:
            assert place in found  # what became of the first model's own answer is not the subject
        moved, pipeline = found[place]
        assert moved.get(MINE) == "goes along" and NOTES.keys().isdisjoint(moved.state), f"inside {place}"
        assert moved.credential is None or SECRET not in repr(moved.credential.reveal())
        assert (moved.url, moved.body, dict(moved.headers)) == ("", b"", {})
        steps = client.pipeline_for(other, stream=stream).names()
        assert pipeline.names() == tuple(name for name in steps if name != "curious"), "its own steps make its request"


@HOWS
def test_a_budget_outside_a_fallback_is_settled_by_the_attempt_of_the_other_model(how: str) -> None:
    budget = Budget(5, unknown="allow")
    sent: list[bool] = []

    def look(request: Request) -> Request:
        sent.append(next(note for key, note in request.state.items() if key.name == "budget").sent)
        return request

    steps = [budget, inside("budget", fallback("groq:llama-3.3-70b-versatile")), lambda p: p.append(on_request(look))]
    _, reply = call_model("openai:gpt-5.1", {}, steps, how)
    assert reply.provider == "groq" and sent == [True, True]
    assert budget.calls == 1 and budget.reserved == 0


@pytest.mark.parametrize("kind", [Budget, RateLimit])
@pytest.mark.parametrize("name", [key.name for key in NOTES])
def test_a_limit_may_be_called_like_a_note(kind: Any, name: str) -> None:
    limit = kind(5, name=name, unknown="allow") if kind is Budget else kind(requests=100, name=name)
    handler = httpx.MockTransport(lambda request: httpx.Response(200, content=RESPONSES.text.body))
    with Client(transport=handler, api_keys=KEYS, pipeline=limit, retries=0) as client:
        reply = client.generate_text("openai:gpt-5.1", "hi", wire="openai_responses", provider_options={"x": 1})
    assert reply.text == RESPONSES.text.text


@HOWS
def test_a_pipeline_that_is_passed_keeps_its_places_for_the_other_model(how: str) -> None:
    """The steps outside the fallback are not run once more, and those inside it are, each at its place."""
    ran: list[str] = []

    def noting(name: str) -> Any:
        return on_request(name, lambda request: ran.append(f"{name} {request.model.provider}") or request)

    places, own, budget = concurrency(1), "openai:gpt-5.1", Budget(5, unknown="allow")
    client = Client(api_keys=KEYS, pipeline=[places, noting("outside"), budget])
    usual = client.pipeline_for(own, stream="streamed" in how)
    usual = usual.after("outside", fallback("groq:llama-3.3-70b-versatile"), noting("inside"))
    passed = usual.after("retry", noting("attempt")).append(noting("innermost"))
    # The total timeout ends a call that waits for a place which it holds itself.
    options = {"pipeline": passed, "timeout": 5}
    _, reply = call_model(own, options, [places, noting("outside"), budget], how)
    assert reply.provider == "groq"
    names = ["inside", "attempt", "innermost"]
    assert ran == ["outside openai", *(f"{name} {id}" for id in ("openai", "groq") for name in names)]
    assert places.states() == {}


def test_the_models_of_a_pipeline_that_is_passed_are_checked_before_the_call() -> None:
    with Client(transport=httpx.MockTransport(lambda request: pytest.fail("sent")), api_keys=KEYS) as client:
        passed = client.pipeline_for("openai:gpt-5.1").prepend(fallback("gorq:llama"))
        with pytest.raises(UnknownProvider, match="gorq"):
            client.generate_text("openai:gpt-5.1", "hi", pipeline=passed)
