"""Options of the Gemini models, wherever they are served. https://ai.google.dev/gemini-api/docs/thinking"""

from __future__ import annotations

from collections.abc import Mapping

from ...schemas.model import Model
from ...schemas.options import EFFORTS, JSONSchema
from ..wires.google_generate.encode import body_with
from .provider import Override, override
from .rules import Losses
from .rules import Options as Given

BUDGETS = {"none": 0, "minimal": 512, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576}
"""Tokens to think with, for the models that take a budget."""
LEVELS = {"none": "minimal", "minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "high"}
"""The word for it, for the models that take a level; none of them can be told not to think at all."""

OPTIONS: Mapping[str, JSONSchema] = {
    "reasoning_effort": {"enum": list(EFFORTS)},
    "reasoning_budget": {"type": "integer", "minimum": -1},
    "thinking_config": {"type": "object"},
    "safetySettings": {"type": "array"},
    "cachedContent": {"type": "string"},
    "labels": {"type": "object"},
    "media_resolution": {"type": "string"},
    "speech_config": {"type": "object"},
    "image_config": {"type": "object"},
}


def budgeted_thinking(options: Given, model: Model) -> Losses:
    """reasoning_effort and reasoning_budget become a budget of tokens; thoughts are shown."""
    effort, budget = options.pop("reasoning_effort", None), options.pop("reasoning_budget", None)
    if effort is None and budget is None:
        return []
    if model.reasoning is False:
        return [("reasoning_effort", "this model does not think")]
    budget = BUDGETS[effort] if budget is None and effort is not None else budget
    options.setdefault("thinking_config", {"thinkingBudget": budget, "includeThoughts": budget != 0})
    return []


def levelled_thinking(options: Given, model: Model) -> Losses:
    """reasoning_effort becomes a level; a budget is still taken, in its place."""
    if "reasoning_budget" in options:
        return budgeted_thinking(options, model)
    effort = options.pop("reasoning_effort", None)
    if effort is None:
        return []
    options.setdefault("thinking_config", {"thinkingLevel": LEVELS[effort], "includeThoughts": True})
    return [("reasoning_effort", "this model cannot be told not to think; it thinks least")] if effort == "none" else []


_THREE = override(translate_options=(levelled_thinking,), build_body=body_with(skip_signatures=True))
GEMINI_MODELS: Mapping[str, Override] = {"gemini-3*": _THREE, "gemini-[4-9]*": _THREE}
