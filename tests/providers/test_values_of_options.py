"""What a provider's own API names is sent, values of options and media, and else is refused before anything is sent.

Facts from the types of the vendors' SDKs: openai 3.57, anthropic 2.15, mistralai 3.7, botocore 1.44.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepwell import Client, File, Image, Message
from stepwell.errors import InvalidOption, NotSupported
from stepwell.messages import Audio

AWS = {"access_key": "a", "secret_key": "s", "region": "us-east-1"}
CLIENT = Client(
    api_keys={"openai": "k", "anthropic": "k", "mistral": "k", "groq": "k", "google": "k", "amazon_bedrock": AWS}
)
VALUES: list[tuple[str, str, tuple[Any, ...], Any]] = [
    ("openai:gpt-5.1", "prompt_cache_retention", ("in_memory", "24h"), "in-memory"),
    ("anthropic:claude-sonnet-4-5", "service_tier", ("auto", "standard_only"), "flex"),
    ("anthropic:claude-sonnet-4-5", "max_tokens", (0, 1), -1),  # 0 fills the cache alone
    ("mistral:mistral-large-latest", "service_tier", ("auto", "standard_only"), "priority"),
    ("amazon_bedrock:amazon.nova-lite-v1:0", "service_tier", ("priority", "default", "flex", "reserved"), "auto"),
    ("groq:llama-3.3-70b-versatile", "service_tier", ("auto", "on_demand", "flex", "performance"), "priority"),
    ("google:gemini-2.5-flash", "service_tier", ("standard", "flex", "priority"), "auto"),
]


@pytest.mark.parametrize(("model", "name", "known", "unknown"), VALUES, ids=[f"{row[0]} {row[1]}" for row in VALUES])
def test_the_vendors_own_values_are_sent_and_no_other(
    model: str, name: str, known: tuple[Any, ...], unknown: object
) -> None:
    for value in known:
        sent = CLIENT.preview(model, "hi", provider_options={name: value}).json
        assert json.dumps(value) in json.dumps(sent)
    with pytest.raises(InvalidOption, match=name):
        CLIENT.preview(model, "hi", provider_options={name: unknown})


@pytest.mark.parametrize("wire", ["openai_chat", "openai_responses"])
@pytest.mark.parametrize("summary", ["none", "auto", "detailed"])
def test_a_model_that_does_not_think_is_asked_for_no_summary(wire: str, summary: str) -> None:
    asked = CLIENT.preview(
        "openai:gpt-4o", "hi", wire=wire, provider_options={"reasoning_summary": summary}, reasoning_effort="low"
    )
    assert "reasoning" not in asked.json and "reasoning_effort" not in asked.json
    assert "reasoning_effort" in {warning.subject for warning in asked.warnings}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stop": [1]}, "/0 must be of type string; use string or array of strings"),
        ({"stop": 5}, "must be of type string or array; use string or array of strings"),
        ({"modalities": ["text", 3]}, "/1 must be of type string; use array of strings"),
        ({"top_p": 3}, "must be at most 1; use number, at least 0, at most 1"),
    ],
    ids=str,
)
def test_an_error_names_the_place_inside_of_a_value(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        CLIENT.preview("openai:gpt-4o", "hi", **options)
    assert str(caught.value).endswith(said)


@pytest.mark.parametrize("part", [Audio(data=b"RIFF0000WAVE"), File(data=b"%PDF-1.4 x")], ids=["audio", "a document"])
@pytest.mark.parametrize("model", ["llama-3.3-70b-versatile", "openai/gpt-oss-120b", "qwen/qwen3-32b"])
def test_groq_is_sent_no_media_but_images(model: str, part: Audio | File) -> None:
    with pytest.raises(NotSupported, match="it takes text and images"):
        CLIENT.preview(f"groq:{model}", [Message("user", [part])])
    assert (
        "image_url"
        in CLIENT.preview(f"groq:{model}", [Message("user", [Image(data=b"\x89PNG\r\n\x1a\n")])]).body.decode()
    )
