"""A step of whole answers that is given alone is not called for a stream, and the stream's reply says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from attrs import evolve

import stepwell
from stepwell.declare import declare_provider, openai_chat, override
from stepwell.providers.declare.registry import Registry
from stepwell.schemas.usage import Usage

from scripted import Scripted

MODEL = "acme:m"
URL = "https://api.acme.example/v1"
WHOLE: dict[str, Callable[..., Any]] = {
    "decode_response": lambda data, model: openai_chat.decode_response(data, model),
    "extract_usage": lambda data, model: Usage(input_tokens=7),
}


def client_of(provider: Any) -> stepwell.Client:
    registry = Registry()
    registry.register(provider)
    transport = httpx.MockTransport(Scripted(["one", "two", "three"]))
    return stepwell.Client(transport=transport, api_keys={"acme": "any"}, registry=registry)


def client_with(where: str, **steps: Any) -> stepwell.Client:
    """Return a client of a provider, with these steps declared or overridden there."""
    declared = {"a declaration": steps, "a row": {"models": {"*": override(**steps)}}}.get(where, {})
    provider: Any = declare_provider("acme", wire=openai_chat, base_url=URL, **declared)
    client = client_of(provider.with_steps(**steps) if where == "with_steps" else provider)
    if where == "a client":
        client.override("acme:*", **steps)
    return client


def warned(client: stepwell.Client, **more: Any) -> list[str]:
    whole = client.generate_text(MODEL, "hi", **more)
    assert not whole.warnings
    return [warning.why for warning in client.stream_text(MODEL, "hi", **more).reply().warnings]


@pytest.mark.parametrize("step", WHOLE)
@pytest.mark.parametrize("where", ["a declaration", "a row", "with_steps", "a client", "a call"])
def test_a_stream_warns_once_of_a_step_that_it_does_not_call(where: str, step: str) -> None:
    steps = {step: WHOLE[step]}
    client = client_with(where, **steps)
    more = {"overrides": override(**steps)} if where == "a call" else {}
    (why,) = warned(client, **more)
    assert f"the {step} given" in why and "decode_stream_event" in why and "stream=False" in why
    assert not client.stream_text(MODEL, "hi", **more).reply().warnings


@pytest.mark.parametrize(
    "steps",
    [
        {"stream": False},
        {"decode_stream_event": openai_chat.decode_stream_event},
        {"flush_stream_state": openai_chat.flush_stream_state},
    ],
    ids=lambda steps: next(iter(steps)),
)
def test_nothing_is_said_of_one_for_whole_answers_only_or_beside_one_for_streams(steps: dict[str, Any]) -> None:
    assert warned(client_with("a client", **WHOLE, **steps)) == []


def test_steps_of_a_wire_and_of_some_calls() -> None:
    own: Any = evolve(openai_chat, **WHOLE)
    assert warned(client_of(declare_provider("acme", wire=own, base_url=URL))) == []
    (why,) = warned(client_with("a client", when=lambda request: True, **WHOLE))
    assert "the decode_response and extract_usage given" in why
