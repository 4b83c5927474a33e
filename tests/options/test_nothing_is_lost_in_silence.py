"""Options that are sent in part, or mean nothing beside others: a warning says so."""

from __future__ import annotations

from typing import Any

import pytest
from catalog_hosts import TOOL, flat, sent

CLAUDES = {
    "anthropic:claude-haiku-4-5": False,
    "anthropic:claude-opus-4-6": False,
    "anthropic:claude-opus-5": True,
    "anthropic:claude-fable-5": True,
    "amazon_bedrock:us.anthropic.claude-sonnet-4-6": False,
}
"""Models, and whether each thinks unasked."""


@pytest.mark.parametrize("model", CLAUDES)
def test_a_summary_of_thinking_is_sent_or_warned_of(model: str) -> None:
    _, body, warned = sent(model, reasoning_summary="auto")
    fields = dict(flat(body))
    assert (fields.get("display") == "summarized") == CLAUDES[model] == ("reasoning_summary" not in warned)
    assert "reasoning_summary" not in sent(model, reasoning_summary="auto", reasoning_effort="high")[2]
    own: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    assert "reasoning_summary" in sent(model, reasoning_summary="auto", provider_options=own)[2]
    assert "reasoning_summary" not in sent(model, reasoning_summary="none")[2]


def test_no_thinking_is_switched_on_where_a_tool_is_forced() -> None:
    forced = sent("anthropic:claude-opus-5", reasoning_summary="auto", tools=[TOOL], tool_choice="required")
    assert "thinking" not in forced[1] and "reasoning_summary" in forced[2]


@pytest.mark.parametrize("model", ["google:gemini-2.5-flash", "google_vertex:gemini-3-flash-preview"])
def test_a_format_of_spoken_answers_is_warned_of_where_it_is_not_sent(model: str) -> None:
    spoken = {"modalities": ["audio"], "audio": {"voice": "Kore", "format": "wav"}}
    _, body, warned = sent(model, **spoken)
    assert "audio" in warned and dict(flat(body))["voiceName"] == "Kore"
    assert "audio" not in sent(model, modalities=["audio"], audio={"voice": "Kore"})[2]
