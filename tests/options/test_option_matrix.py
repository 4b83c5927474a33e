"""The bodies for the same options on 40 models of 11 providers, against a snapshot reviewed by hand.

The reviews: each vendor's reference as linked in its declaration, and the lists of modelparams.dev (0.0.53) beside it.
`python tests/support/option_matrix.py` renews the snapshot; read the difference against the vendor's documents.
"""

from __future__ import annotations

import pytest
from catalog_hosts import TOOL
from option_matrix import MODELS, block, sent, snapshot

REVIEWED = snapshot()


def test_the_snapshot_has_about_forty_models_of_ten_providers():
    assert len(MODELS) >= 40
    assert len({model.partition(":")[0] for model in MODELS}) >= 10
    assert list(REVIEWED) == MODELS


@pytest.mark.parametrize("model", MODELS)
def test_the_bodies_for_a_model_equal_the_reviewed_snapshot(model):
    assert block(model) == REVIEWED[model]


@pytest.mark.parametrize(
    ("model", "place"),
    [
        ("openai:gpt-4o", ()),
        ("anthropic:claude-haiku-4-5", ()),
        ("google:gemini-2.5-flash", ("generationConfig",)),
        ("amazon_bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0", ("inferenceConfig",)),
        ("xai:grok-4.3", ()),
        ("groq:llama-3.3-70b-versatile", ()),
        ("mistral:mistral-large-2512", ()),
        ("deepseek:deepseek-chat", ()),
        ("cohere:command-a-03-2025", ()),
        ("openrouter:qwen/qwen3.5-397b-a17b", ()),
    ],
)
def test_an_explicit_zero_is_sent(model, place):
    body, warnings = sent(model, temperature=0)
    for key in place:
        body = body[key]
    assert body["temperature"] == 0 and warnings == ()


@pytest.mark.parametrize(
    "model", ["openai:gpt-4o", "groq:llama-3.3-70b-versatile", "openrouter:qwen/qwen3.5-397b-a17b"]
)
def test_an_explicit_false_is_sent(model):
    body, warnings = sent(model, parallel_tool_calls=False, tools=[TOOL])
    assert body["parallel_tool_calls"] is False and warnings == ()
