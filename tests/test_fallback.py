"""Fallback: which models are called when one fails, with what, and what is reported."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import orjson
import pytest

from stepwell import AsyncClient, Budget, Client, Reply, Timeouts, around, errors, fallback, on_request, tool
from stepwell.providers.wires.anthropic_messages.samples import SAMPLES as ANTHROPIC
from stepwell.providers.wires.openai_chat.samples import SAMPLES as OPENAI
from stepwell.steps import circuit_breaker, round_robin

PRIMARY, SECOND, THIRD = "groq:llama-3.3-70b-versatile", "anthropic:claude-sonnet-5", "deepseek:deepseek-chat"
HOSTS = {"api.groq.com": "groq", "api.anthropic.com": "anthropic", "api.deepseek.com": "deepseek"}
KEYS = {"groq": "k-groq", "anthropic": "k-anthropic", "deepseek": "k-deepseek"}
Answer = Callable[[httpx.Request], httpx.Response] | httpx.Response | Exception


def busy(status: int = 503, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": "busy"}}, headers=headers)


class World:
    """Three providers; each gives its set answer, or a good one. `asked` are the ids of those called, in order."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.requests: list[httpx.Request] = []

    @property
    def asked(self) -> list[str]:
        return [HOSTS[request.url.host] for request in self.requests]

    def body(self, at: int) -> Any:
        return orjson.loads(self.requests[at].content)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        who = HOSTS[request.url.host]
        answer = self.answers.get(who)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        if answer is not None:
            return answer(request)
        sample = (ANTHROPIC if who == "anthropic" else OPENAI).text
        stream = orjson.loads(request.content).get("stream")
        return httpx.Response(200, content=sample.stream if stream else sample.body)

    def settings(self, **how: Any) -> dict[str, Any]:
        return {"transport": httpx.MockTransport(self), "api_keys": KEYS, "retries": 0, **how}


def ask(
    world: World, *, stream: bool = False, driver: str = "sync", options: Mapping[str, Any] = {}, **how: Any
) -> Reply:
    settings = world.settings(**how)

    async def later() -> Reply:
        async with AsyncClient(**settings) as client:
            if stream:
                return await client.stream_text(PRIMARY, "hi", **options).reply()
            return await client.generate_text(PRIMARY, "hi", **options)

    if driver == "async":
        return asyncio.run(later())
    with Client(**settings) as client:
        if stream:
            return client.stream_text(PRIMARY, "hi", **options).reply()
        return client.generate_text(PRIMARY, "hi", **options)


@pytest.mark.parametrize("driver", ["sync", "async"])
@pytest.mark.parametrize("stream", [False, True])
def test_the_next_model_answers_as_itself(stream: bool, driver: str) -> None:
    world = World(groq=busy())
    reply = ask(world, stream=stream, driver=driver, pipeline=fallback(SECOND, THIRD), options={"max_tokens": 7})
    assert world.asked == ["groq", "anthropic"]
    assert reply.provider == "anthropic" and reply.text == ANTHROPIC.text.text
    assert world.requests[1].headers["x-api-key"] == "k-anthropic" and world.body(1)["max_tokens"] == 7
    (warning,) = [each for each in reply.warnings if each.subject == "model" and "in place" in each.why]
    assert warning.why.startswith(f"called in place of {PRIMARY}, which failed: Overloaded: ")
    assert warning.model == SECOND
    assert reply.context.messages[0].text == "hi"


def test_the_models_are_called_in_order() -> None:
    world = World(groq=busy(), anthropic=busy(529))
    assert ask(world, pipeline=fallback(SECOND, THIRD)).provider == "deepseek"
    assert world.asked == ["groq", "anthropic", "deepseek"]


def test_every_call_starts_at_its_own_model() -> None:
    world = World(groq=busy())
    with Client(**world.settings(pipeline=fallback(SECOND))) as client:
        client.generate_text(PRIMARY, "hi")
        del world.answers["groq"]
        assert client.generate_text(PRIMARY, "hi").provider == "groq"
    assert world.asked == ["groq", "anthropic", "groq"]


def test_a_failing_model_is_skipped_if_a_breaker_is_inside_the_fallback() -> None:
    world = World(groq=busy())
    steps = [fallback(SECOND), circuit_breaker(failures=2)]
    with Client(**world.settings(pipeline=steps)) as client:
        for _ in range(4):
            assert client.generate_text(PRIMARY, "hi").provider == "anthropic"
    assert world.asked == ["groq", "anthropic", "groq", "anthropic", "anthropic", "anthropic"]


def test_a_fallback_may_be_one_calls_own() -> None:
    world = World(groq=busy())
    assert ask(world, options={"pipeline": fallback(SECOND)}).provider == "anthropic"


def test_options_may_differ_for_a_model() -> None:
    world = World(groq=busy())
    pairs = fallback((SECOND, {"max_tokens": 5, "reasoning_effort": None, "api_key": "own"}))
    ask(world, pipeline=pairs, options={"max_tokens": 900, "temperature": 0.5})
    assert world.body(1)["max_tokens"] == 5
    assert world.requests[1].headers["x-api-key"] == "own"


def test_the_calls_own_key_address_and_headers_stay_behind() -> None:
    world = World(groq=busy())
    given = {"api_key": "sk-call", "headers": {"x-tenant": "secret"}, "base_url": "https://api.groq.com/openai/v1"}
    ask(world, pipeline=fallback(SECOND), headers={"x-app": "ours"}, options=given)
    second = world.requests[1]
    assert "secret" not in str(second.headers.raw) and "sk-call" not in str(second.headers.raw)
    assert second.url.host == "api.anthropic.com" and second.headers["x-app"] == "ours"


def test_system_tools_and_limits_come_along() -> None:
    @tool
    def look(city: str) -> str:
        """Look at a city."""
        return city

    world = World(groq=busy())
    ask(world, pipeline=fallback(SECOND), options={"system": "Be brief.", "tools": [look]})
    assert world.body(1)["system"][0]["text"] == "Be brief."
    assert world.body(1)["tools"][0]["name"] == "look"


def test_provider_options_go_to_the_provider_of_their_key() -> None:
    keyed = {"groq": {"user": "a"}, "anthropic": {"container": "b"}}
    world = World(groq=busy())
    reply = ask(world, pipeline=fallback(SECOND), options={"provider_options": keyed})
    assert world.body(0)["user"] == "a" and "anthropic" not in world.body(0)
    assert world.body(1)["container"] == "b" and "groq" not in world.body(1)
    assert not [each for each in reply.warnings if each.subject == "provider_options"]


def test_options_without_a_provider_key_are_not_passed_on_with_a_warning() -> None:
    world = World(groq=busy())
    reply = ask(world, pipeline=fallback(SECOND), options={"provider_options": {"compound": 1}})
    assert world.body(0)["compound"] == 1 and "compound" not in world.body(1)
    assert [each.model for each in reply.warnings if each.subject == "provider_options"] == [SECOND]


def test_keyed_options_with_nothing_for_this_provider_are_not_sent() -> None:
    world = World()
    ask(world, options={"provider_options": {"anthropic": {"container": "b"}}})
    assert "anthropic" not in world.body(0)


OTHER_KEYS = [
    {"anthropic": {"container": "b"}, "mygateway": {"z": 1}},
    {"groq": {"user": "a"}, "anthropic": {"container": "b"}, "mygateway": {"z": 1}},
    {"mygateway": {"z": 1}, "groq": {"user": "a"}},
    {"anthropic": {"container": "b"}, "mygateway": 1},
]


@pytest.mark.parametrize("keyed", OTHER_KEYS)
@pytest.mark.parametrize("driver", ["sync", "async"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_key_that_is_no_provider_is_refused_before_anything_is_sent(keyed: Any, driver: str, stream: bool) -> None:
    world = World(groq=busy())
    with pytest.raises(errors.InvalidOption, match="no provider is called 'mygateway'"):
        ask(world, stream=stream, driver=driver, pipeline=fallback(SECOND), options={"provider_options": keyed})
    assert world.requests == []


def test_a_key_that_is_nearly_a_provider_is_corrected() -> None:
    world = World()
    with pytest.raises(errors.InvalidOption) as caught:
        ask(world, options={"provider_options": {"groq": {"user": "a"}, "antropic": {"container": "b"}}})
    assert "did you mean 'anthropic'" in caught.value.hint and world.requests == []


def test_a_plain_option_among_keyed_ones_is_refused() -> None:
    world = World()
    with pytest.raises(errors.InvalidOption) as caught:
        ask(world, options={"provider_options": {"groq": {"user": "a"}, "seed": 3}})
    assert "{'groq': {'seed': …}}" in caught.value.hint and world.requests == []


def test_keyed_options_of_a_fallbacks_own_are_held_to_the_same() -> None:
    world = World(groq=busy())
    with pytest.raises(errors.ProviderError) as caught:
        pair = (SECOND, {"provider_options": {"anthropic": {"container": "b"}, "mygateway": {}}})
        ask(world, pipeline=fallback(pair))
    assert "no provider is called 'mygateway'" in str(caught.value.__notes__) and len(world.requests) == 1
    world = World(groq=busy())
    ask(world, pipeline=fallback((SECOND, {"provider_options": {"groq": {"z": 1}}})))
    assert "groq" not in world.body(1) and "z" not in world.body(1)


def test_keyed_options_must_be_mappings_and_stand_once() -> None:
    for wrong in ({"groq": {"user": "a"}, "anthropic": 5}, {"groq": {"user": "a"}, "Groq": {"user": "b"}}):
        with pytest.raises(errors.InvalidOption, match=r"anthropic'\] cannot be a int|'groq' twice"):
            ask(World(), options={"provider_options": wrong})
    world = World()
    ask(world, options={"provider_options": {"groq": {"user": "a"}, "anthropic": None}})
    assert world.body(0)["user"] == "a" and "anthropic" not in world.body(0)


def test_mappings_under_names_that_are_no_providers_are_options_as_they_are() -> None:
    world = World()
    ask(world, options={"provider_options": {"search_settings": {"a": 1}}})
    assert world.body(0)["search_settings"] == {"a": 1}


def test_steps_outside_run_once_and_steps_inside_once_a_model() -> None:
    seen: list[str] = []

    def noting(where: str) -> Any:
        def run(request: Any, call: Any) -> Any:
            seen.append(f"{where} {request.model.provider}")
            return (yield from call(request))

        return around(where, run)

    ask(World(groq=busy()), pipeline=[noting("outside"), fallback(SECOND), noting("inside")])
    assert seen == ["outside groq", "inside groq", "inside anthropic"]


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429, 500, 503])
def test_errors_of_the_provider_fall_back(status: int) -> None:
    assert ask(World(groq=busy(status)), pipeline=fallback(SECOND)).provider == "anthropic"


def test_a_broken_answer_and_a_failed_connection_fall_back_too() -> None:
    for answer in (httpx.Response(200, content=b"<html>"), httpx.ConnectError("no")):
        assert ask(World(groq=answer), pipeline=fallback(SECOND)).provider == "anthropic"


def test_an_invalid_request_is_raised_without_a_fallback() -> None:
    world = World(groq=busy(400))
    with pytest.raises(errors.InvalidRequest):
        ask(world, pipeline=fallback(SECOND))
    with pytest.raises(errors.InvalidOption):
        ask(world, pipeline=fallback(SECOND), options={"temperatur": 1})
    assert world.asked == ["groq"]


@pytest.mark.parametrize(
    "when",
    [errors.InvalidRequest, (errors.InvalidRequest,), lambda error: error.status == 400],
    ids=["a class", "classes", "a function"],
)
def test_when_selects_the_errors(when: Any) -> None:
    assert ask(World(groq=busy(400)), pipeline=fallback(SECOND, when=when)).provider == "anthropic"
    with pytest.raises(errors.Overloaded):
        ask(World(groq=busy(503)), pipeline=fallback(SECOND, when=when))


def test_when_all_fail_the_first_error_is_raised_and_reports_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPSEEK_API_KEY", raising=False)
    world = World(groq=busy(429, **{"retry-after": "7"}), anthropic=busy(529))
    keys = {"groq": "k", "anthropic": "k"}
    with pytest.raises(errors.RateLimitError) as caught:
        ask(world, pipeline=fallback(SECOND, THIRD), api_keys=keys)
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.retry_after == 7 and error.provider == "groq"
    assert [note.partition(":")[0] for note in error.__notes__] == ["then anthropic", "then deepseek"]
    assert "MissingKey: no API key for deepseek" in error.__notes__[1]


def test_a_stream_that_has_begun_does_not_fall_back() -> None:
    begun = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    world = World(groq=httpx.Response(200, content=begun))
    with pytest.raises(errors.StreamTruncated) as caught:
        ask(world, stream=True, pipeline=fallback(SECOND))
    assert caught.value.partial.text == "a" and world.asked == ["groq"]


def test_an_error_in_place_of_a_streams_first_event_falls_back() -> None:
    world = World(groq=httpx.Response(200, content=b'data: {"error":{"message":"no","code":503}}\n\n'))
    assert ask(world, stream=True, pipeline=fallback(SECOND)).provider == "anthropic"


def test_retries_come_before_the_fallback_and_the_total_timeout_is_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    world = World(groq=busy())
    ask(world, pipeline=fallback(SECOND), retries=2)
    assert world.asked == ["groq", "groq", "groq", "anthropic"]
    seen: list[Any] = []
    inside = on_request("look", lambda request: seen.append((request.started, request.timeouts)) or request)
    ask(World(groq=busy()), pipeline=[fallback(SECOND), inside], options={"timeout": Timeouts(total=9.0)})
    assert seen[0] == seen[1] and seen[0][1].total == 9.0


EMBEDDING = "mistral:mistral-embed"


def embedded(*steps: Any, ok: str = "openai") -> Any:
    """Return the reply of a call for vectors by Mistral, while only one host answers."""
    vectors = {"object": "list", "data": [{"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": 1}}

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=vectors) if ok in request.url.host else busy()

    keys = {"mistral": "k", "openai": "k"}
    with Client(transport=httpx.MockTransport(handler), api_keys=keys, retries=0) as client:
        return client.embed(EMBEDDING, "a", pipeline=list(steps))


def test_other_operations_fall_back_as_well() -> None:
    reply = embedded(fallback("openai:mistral-embed"))
    assert reply.provider == "openai" and reply.embedding == [1.0]
    assert embedded(fallback("openai:org/Mistral-Embed")).embedding == [1.0]


@pytest.mark.parametrize("step", [fallback, lambda other: round_robin(EMBEDDING, other)], ids=["fallback", "turns"])
def test_vectors_of_another_model_take_the_place_of_none(step: Any) -> None:
    other, why = "openai:text-embedding-3-small", "vectors of different models cannot be compared"
    with pytest.raises(errors.Overloaded) as caught:
        embedded(step(other))
    assert any(f"{other} was not called: {why}" in note for note in getattr(caught.value, "__notes__", ())) or any(
        why in warning.why for warning in caught.value.warnings
    )
    for _ in range(4):  # of round_robin, each of them begins once
        reply = embedded(step(other), ok="mistral")
        assert reply.provider == "mistral" and all(why in warning.why for warning in reply.warnings)


def test_a_budget_inside_a_fallback_uses_each_models_own_prices() -> None:
    budget = Budget("5.00")
    reply = ask(World(groq=busy()), pipeline=lambda given: budget(given).prepend(fallback(SECOND)))
    assert budget.spent == reply.cost.total and budget.reserved == 0


def test_a_fallback_to_itself_or_in_a_ring_ends() -> None:
    world = World(groq=busy(), anthropic=busy())
    with pytest.raises(errors.Overloaded):
        ask(world, pipeline=fallback(PRIMARY, SECOND, PRIMARY))
    assert world.asked == ["groq", "groq", "anthropic", "groq"]


def test_a_fallback_without_valid_models_is_refused() -> None:
    with pytest.raises(errors.ConfigError, match="needs at least one model"):
        fallback()
    with pytest.raises(errors.ConfigError, match="when= of fallback must be classes"):
        fallback(SECOND, when=("busy",))  # type: ignore[arg-type]
