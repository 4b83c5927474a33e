"""The requests for the same options to 40 models, as text: `python tests/support/option_matrix.py` renews the snapshot.

Read what changed against the vendors' documents before you commit it: the snapshot is the review.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from catalog_hosts import prepared

from stepwell import Client, Tool
from stepwell.messages import CallWarning
from stepwell.schemas.options import EFFORTS

SNAPSHOT = Path(__file__).parent.parent / "options" / "option_matrix.txt"

_BY_PROVIDER = {
    "openai": ("gpt-4o", "gpt-4.1-mini", "o3", "gpt-5", "gpt-5.1", "gpt-5.2-pro", "gpt-5.4", "gpt-5.6-sol"),
    "azure": ("gpt-5.4", "claude-opus-4-6", "my-grok-4.3"),
    "anthropic": (
        *("claude-sonnet-4-20250514", "claude-haiku-4-5", "claude-opus-4-6"),
        *("claude-opus-4-8", "claude-opus-5", "claude-fable-5"),
    ),
    "google": (
        *("gemini-2.5-pro", "gemini-2.5-flash-lite", "gemini-3-flash-preview"),
        *("gemini-3.1-pro-preview", "gemma-4-31b-it"),
    ),
    "amazon_bedrock": (
        *("us.anthropic.claude-sonnet-4-6", "us.amazon.nova-2-lite-v1:0"),
        *("openai.gpt-oss-120b-1:0", "us.meta.llama3-3-70b-instruct-v1:0"),
    ),
    "xai": ("grok-4.20-0309-reasoning", "grok-4.20-0309-non-reasoning", "grok-4.3", "grok-4.6"),
    "groq": ("llama-3.3-70b-versatile", "openai/gpt-oss-120b", "qwen/qwen3.6-27b"),
    "mistral": ("mistral-large-2512", "mistral-small-2603", "magistral-medium-latest"),
    "deepseek": ("deepseek-chat", "deepseek-v4-pro"),
    "cohere": ("command-a-03-2025", "command-a-reasoning-08-2025"),
    "openrouter": (
        *("anthropic/claude-opus-4.8", "anthropic/claude-sonnet-4.5", "openai/gpt-5.4"),
        *("google/gemini-2.5-pro", "x-ai/grok-4.3", "qwen/qwen3.5-397b-a17b"),
    ),
}
MODELS = [f"{provider}:{id}" for provider, ids in _BY_PROVIDER.items() for id in ids]

KEYS: dict[str, Any] = {
    "amazon_bedrock": {"access_key": "a", "secret_key": "b", "region": "us-east-1"},
    "azure": {"api_key": "k", "endpoint": "https://r.openai.azure.com"},
}
TOOL = Tool("look", "Look something up", {"type": "object", "properties": {"word": {"type": "string"}}})
SCENES: dict[str, dict[str, Any]] = {
    "everything": {
        "temperature": 0,
        "top_p": 0.9,
        "top_k": 40,
        "max_tokens": 1000,
        "stop": ["END"],
        "seed": 0,
        "n": 2,
        "presence_penalty": -0.5,
        "frequency_penalty": 0.25,
        "logit_bias": {"50256": -1},
        "logprobs": True,
        "top_logprobs": 2,
        "verbosity": "low",
        "user": "u-1",
        "metadata": {"team": "search"},
    },
    "tools": {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False},
    "one tool": {"tools": [TOOL], "tool_choice": {"name": "look"}},
    "thinking": {"reasoning_effort": "high", "temperature": 0.5, "top_p": 0.9, "top_k": 40, "max_tokens": 1000},
    "too much": {"temperature": 3, "max_tokens": 9_999_999, "stop": [str(n) for n in range(20)]},
    "budget": {"reasoning_budget": 5000},
    "great budget": {"reasoning_budget": 100_000},
    "effort and budget": {"reasoning_effort": "low", "reasoning_budget": 5000},
    **{f"effort {effort}": {"reasoning_effort": effort} for effort in EFFORTS},
}
# What is no option: the conversation, the model, the tools, what every call to a wire has.
_NOT_OPTIONS = ("model", "messages", "contents", "system", "input", "instructions", "tools", "store", "include")


def client_for(model: str, **settings: Any) -> Client:
    """Build a client with a key for this model's provider."""
    provider = model.partition(":")[0]
    return Client(api_keys={provider: KEYS.get(provider.replace("-", "_"), "k")}, **settings)


def sent(model: str, client: Client | None = None, **options: Any) -> tuple[dict[str, Any], tuple[CallWarning, ...]]:
    """Return the body for these options, without the conversation, and the warnings."""
    with client or client_for(model) as client:
        request = prepared(client, "chat", model, "hi", options)
    body = json.loads(request.body)
    if "toolConfig" in body:
        body["toolConfig"] = {name: value for name, value in body["toolConfig"].items() if name != "tools"}
    return {name: value for name, value in body.items() if name not in _NOT_OPTIONS}, request.warnings


def block(model: str) -> str:
    """Write what one model is sent in each case, with the warnings."""
    return "\n".join([model, *_lines(model)])


def _lines(model: str) -> Iterator[str]:
    for scene, options in SCENES.items():
        body, warnings = sent(model, **options)
        yield f"  {scene}: {json.dumps(body, sort_keys=True)}"
        reported: dict[str, list[str]] = {}
        for warning in warnings:
            assert warning.model == model, warning
            reported.setdefault(warning.why, []).append(warning.subject)
        yield from (f"      {', '.join(names)}: {why}" for why, names in reported.items())


def snapshot() -> dict[str, str]:
    """Read the committed snapshot's blocks by model."""
    blocks = SNAPSHOT.read_text().strip().split("\n\n")
    return {each.partition("\n")[0]: each for each in blocks}


if __name__ == "__main__":
    SNAPSHOT.write_text("\n\n".join(map(block, MODELS)) + "\n")
