"""Answers of every wire with something odd in the place of one of their fields."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from attrs import evolve

from stepwell import Client
from stepwell.catalog import Model
from stepwell.pipeline.stream.decoder import StreamDecoder
from stepwell.providers.declare.registry import REGISTRY
from stepwell.providers.declare.wire import Wire
from stepwell.schemas.fold import fold
from stepwell.testing.conformance import samples_of

SPEAKERS = {
    "openai_chat": "groq",
    "openai_responses": "openai",
    "anthropic_messages": "anthropic",
    "google_generate": "google",
    "bedrock_converse": "amazon_bedrock",
    "ollama_chat": "ollama",
    "cohere_chat": "cohere",
    "mistral_chat": "mistral",
}
KEYS = {**dict.fromkeys(SPEAKERS.values(), "k"), "amazon_bedrock": {"access_key": "a", "secret_key": "s"}}
ODD = (None, "odd", 7, -1.5, True, [7], ["odd"], {"odd": 1}, [{"odd": [None]}], {"odd": {"odd": []}})
ABSENT: Any = object()
"""In the place of a value: there is none."""
STRANGE = (
    *(
        ABSENT,
        None,
        "",
        "odd",
        "7",
        "²",
        "9" * 5000,
        "\ud83d",
        7,
        -1.5,
        10**30,
        10**400,
        float("nan"),
        float("inf"),
        True,
        False,
    ),
    *([], [7], ["odd"], [None], [[]], {}, {"odd": 1}, [{"odd": [None]}], {"odd": {"odd": []}}),
)
"""All that a field of an answer has been seen to hold, or may. See `written` for those that are not quite JSON."""
wires = pytest.mark.parametrize("name", SPEAKERS)
_TOKENS = {"token": "a", "logprob": -0.1, "top_logprobs": []}
MORE: dict[str, dict[tuple[Any, ...], Any]] = {
    "openai_chat": {
        ("system_fingerprint",): "fp",
        ("service_tier",): "default",
        ("citations",): ["https://a"],
        ("x_groq",): {"usage": {"prompt_tokens": 1}},
        ("choices", 0, "logprobs"): {"content": [_TOKENS]},
        ("choices", 0, "message", "annotations"): [{"type": "url_citation"}],
        ("choices", 0, "message", "reasoning_details"): [{"type": "reasoning.text", "text": "", "signature": "s"}],
        ("choices", 0, "message", "refusal"): "",
        ("usage", "prompt_tokens_details"): {"cached_tokens": 1, "audio_tokens": 0},
        ("usage", "completion_tokens_details"): {"reasoning_tokens": 1},
    },
    "openai_responses": {("incomplete_details",): {"reason": "x"}, ("tools",): [{"type": "custom", "name": "t"}]},
    "anthropic_messages": {
        ("stop_sequence",): "x",
        ("container",): {"id": "c"},
        ("usage", "server_tool_use"): {"web_search_requests": 1},
        ("usage", "cache_creation"): {"ephemeral_1h_input_tokens": 1},
        ("usage", "iterations"): [{"type": "message"}],
    },
    "google_generate": {
        ("candidates", 0, "safetyRatings"): [{"category": "c"}],
        ("candidates", 0, "citationMetadata"): {"citationSources": []},
        ("candidates", 0, "groundingMetadata"): {"webSearchQueries": ["q"]},
        ("candidates", 0, "logprobsResult"): {
            "topCandidates": [{"candidates": [{"token": "a"}]}],
            "chosenCandidates": [{"token": "a", "logProbability": -0.1}],
        },
        ("usageMetadata", "promptTokensDetails"): [{"modality": "AUDIO", "tokenCount": 3}],
        ("promptFeedback",): {"safetyRatings": []},
    },
    "bedrock_converse": {
        ("metrics",): {"latencyMs": 1},
        ("trace",): {"guardrail": {}},
        ("serviceTier",): {"type": "priority"},
        ("usage", "cacheDetails"): [{"ttl": "1h", "inputTokens": 1}],
    },
    "ollama_chat": {("logprobs",): [_TOKENS], ("created_at",): "2026", ("total_duration",): 5},
    "cohere_chat": {
        ("logprobs",): [_TOKENS],
        ("message", "citations"): [{"start": 1}],
        ("message", "tool_plan"): "plan",
        ("usage", "cached_tokens"): 3,
    },
}
MORE["mistral_chat"] = MORE["openai_chat"]
MARKS = ("type", "index", "contentBlockIndex", "thought")
"""Beside the text: what it is, and which part of the answer it belongs to."""


def speaker(name: str) -> Wire:
    return next(each for each in REGISTRY.get_or_raise(SPEAKERS[name]).wires if each.name == name)


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if here:
        yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield from places(each, (*here, name))


def put(value: Any, place: tuple[Any, ...], other: Any) -> Any:
    if not place:
        return other
    value = copy.copy(value)
    if other is ABSENT and len(place) == 1:
        del value[place[0]]
    elif isinstance(value, dict):
        value[place[0]] = put(value.get(place[0], {}), place[1:], other)
    else:
        value[place[0]] = put(value[place[0]], place[1:], other)
    return value


def written(value: Any) -> bytes:
    """Write JSON as lenient writers do: with NaN, infinities and halves of surrogate pairs."""
    return json.dumps(value).encode()


def at(value: Any, place: tuple[Any, ...]) -> Any:
    for name in place:
        value = value[name]
    return value


def essential(data: Any, text: str) -> set[tuple[Any, ...]]:
    """Find the places of the text, what it stands in, and what says how to read that."""
    found: set[tuple[Any, ...]] = set()
    for place in places(data):
        value = at(data, place)
        if isinstance(value, str) and value in text and place[-1] in ("text", "content", "delta"):
            for end in range(1, len(place) + 1):
                found.add(place[:end])
                found |= {(*place[: end - 1], name) for name in MARKS}
    return found


def malformed_fields(data: Any, text: str) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    needed = essential(data, text)
    for place in places(data):
        if place not in needed and place[-1] not in ("type", "error", "done"):
            for other in ODD:
                if type(other) is not type(at(data, place)):
                    yield place, other, put(data, place, other)


def client_of(body: bytes) -> Client:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=body))
    return Client(transport=transport, api_keys=KEYS, retries=0)


def full_body(name: str) -> Any:
    body = orjson.loads(samples_of(speaker(name)).text.body)
    for place, value in MORE[name].items():
        body = put(body, place, value)
    return body


def streamed(wire: Wire, events: list[Any]) -> Any:
    steps = evolve(wire.stream_steps(), parse_stream_protocol=lambda data, buffer: (events if data else [], buffer))
    decoder = StreamDecoder(steps, Model("p", "m"))
    chunks = decoder.feed(b"all")
    while decoder.failure is not None or not decoder.ended:
        if decoder.failure is None and decoder.finished:
            break
        chunks += decoder.end()
    return fold(chunks)
