"""A call that goes on from an answer which its provider keeps is sent to no provider that does not know it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from stepwell import Client, errors, fallback, tool
from stepwell.providers.wires.openai_responses.samples import SAMPLES
from stepwell.steps import alloy, round_robin

GPT, OTHER_GPT, CLAUDE = "openai:gpt-5", "openai:gpt-5-mini", "anthropic:claude-sonnet-5"
KEYS = {"openai": "k", "anthropic": "k"}
GIVEN = pytest.mark.parametrize(
    ("name", "options"),
    [
        ("previous_response_id", {"previous_response_id": "resp_0"}),
        ("conversation", {"provider_options": {"conversation": "conv_1"}}),
        ("conversation", {"provider_options": {"openai": {"conversation": "conv_1"}}}),
    ],
    ids=["option", "provider's", "keyed"],
)


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def generate(client: Client, **options: Any) -> object:
    return client.generate_text(GPT, "Go on.", **options)


def stream(client: Client, **options: Any) -> object:
    return client.stream_text(GPT, "Go on.", **options).reply()


def run(client: Client, **options: Any) -> object:
    return client.run_tools(GPT, "Go on.", [tool(add)], **options)


WAYS = pytest.mark.parametrize("way", [generate, stream, run])


class Provider:
    """OpenAI's server, which is busy for some models. `bodies` is what it got; it is the only one that may be asked."""

    def __init__(self, *busy: str) -> None:
        self.busy = busy
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.host == "api.openai.com", "another provider was sent a part of a conversation"
        self.bodies.append(body := orjson.loads(request.content))
        if body["model"] in self.busy:
            return httpx.Response(503, json={"error": {"message": "busy"}})
        sample = SAMPLES.text
        return httpx.Response(200, content=sample.stream if body.get("stream") else sample.body)

    def client(self, step: Any) -> Client:
        return Client(transport=httpx.MockTransport(self), api_keys=KEYS, retries=0, pipeline=step)


@WAYS
@GIVEN
def test_a_fallback_to_another_provider_is_no_answer_without_the_conversation(
    way: Callable[..., Any], name: str, options: dict[str, Any]
) -> None:
    server = Provider("gpt-5")
    with server.client(fallback(CLAUDE)) as client, pytest.raises(errors.Overloaded) as caught:
        way(client, wire="openai_responses", **options)
    (note,) = [note for note in caught.value.__notes__ if "anthropic" in note]
    assert f"the conversation is kept at openai, and {name} says nothing to anthropic" in note
    assert len(server.bodies) == 1


@WAYS
@GIVEN
def test_another_model_of_the_provider_goes_on(way: Callable[..., Any], name: str, options: dict[str, Any]) -> None:
    server = Provider("gpt-5")
    with server.client(fallback(CLAUDE, OTHER_GPT)) as client:
        way(client, wire="openai_responses", **options)
    assert [name in body for body in server.bodies] == [True, True]


@pytest.mark.parametrize("step", [round_robin, alloy])
def test_models_that_take_turns_refuse_it_where_it_is_another_providers_turn(step: Callable[..., Any]) -> None:
    server, refused = Provider(), []
    with server.client(step(GPT, CLAUDE)) as client:
        for _ in range(4):
            try:
                generate(client, wire="openai_responses", previous_response_id="resp_0")
            except errors.NotSupported as error:
                refused.append(error.message)
    assert len(server.bodies) == 2
    assert len(refused) == 2 and all("is kept at openai" in each for each in refused)


def test_a_model_with_an_id_of_its_own_gets_that() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(orjson.loads(request.content))
        if request.url.host == "api.openai.com":
            return httpx.Response(503, json={"error": {"message": "busy"}})
        return httpx.Response(200, content=SAMPLES.text.body)

    bodies: list[dict[str, Any]] = []
    other = ("xai:grok-4", {"previous_response_id": "theirs", "wire": "openai_responses"})
    with Client(
        transport=httpx.MockTransport(handler), api_keys={**KEYS, "xai": "k"}, retries=0, pipeline=fallback(other)
    ) as client:
        generate(client, wire="openai_responses", previous_response_id="ours")
    assert [body["previous_response_id"] for body in bodies] == ["ours", "theirs"]


@WAYS
@GIVEN
def test_it_goes_by_the_wire_that_keeps_conversations(
    way: Callable[..., Any], name: str, options: dict[str, Any]
) -> None:
    server = Provider()
    with server.client(None) as client:
        way(client, **options)
    assert [(name in body, "input" in body) for body in server.bodies] == [(True, True)]


@pytest.mark.parametrize("model", ["openai:gpt-4.1", "azure:mine", "xai:grok-4", "openrouter:openai/gpt-5"])
def test_every_provider_that_keeps_conversations_is_asked_over_that_wire(model: str) -> None:
    kept = {model.partition(":")[0]: "k"}
    with Client(api_keys=kept, base_urls={"azure": "https://mine.openai.azure.com"}) as client:
        url = client.preview(model, "Go on.", previous_response_id="resp_0").url
        if has_it := model != "openrouter:openai/gpt-5":
            assert "/responses" in url
        assert has_it or "/chat/completions" in url


def test_a_server_of_the_callers_is_not_taken_to_have_another_wire() -> None:
    options: dict[str, Any] = {"previous_response_id": "resp_0", "base_url": "https://proxy.test/v1", "api_key": "k"}
    with Client() as client:
        preview = client.preview(GPT, "Go on.", **options)
        assert preview.url == "https://proxy.test/v1/chat/completions"
        assert [each.why for each in preview.warnings if each.subject == "previous_response_id"] == [
            "openai has it over openai_responses alone: pass wire='openai_responses'"
        ]
        named = client.preview(GPT, "Go on.", wire="openai_responses", **options)
        assert named.url == "https://proxy.test/v1/responses" and not named.warnings
