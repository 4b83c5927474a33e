"""Option rules for models of the Claude family that think, wherever they are served.

https://docs.claude.com/en/docs/build-with-claude/extended-thinking#feature-compatibility
"""

from __future__ import annotations

from typing import Any

from ...schemas.model import Model
from .rules import Losses, Options

BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768}
"""Tokens to think with, by effort."""
ADAPTIVE = tuple(
    f"claude-{kind}-{version}*" for kind in ("opus", "sonnet", "haiku") for version in ("4-[678]", "[5-9]")
)
"""The models that set their own budget: https://docs.claude.com/en/docs/build-with-claude/adaptive-thinking"""
MIN_BUDGET = 1024
ROOM = 4096
"""Tokens left for the answer itself when the caller's max_tokens leaves none."""


def budgeted_thinking(options: Options, model: Model) -> Losses:
    """reasoning_effort and reasoning_budget become a budget of tokens, and what thinking forbids is dropped."""
    effort, budget = options.pop("reasoning_effort", None), options.pop("reasoning_budget", None)
    losses: Losses = []
    if "thinking" not in options:
        if budget is None:
            budget = BUDGETS.get(effort or "none", 0)
        elif 0 < budget < MIN_BUDGET:
            losses.append(("reasoning_budget", f"{budget} became {MIN_BUDGET}, the least there is"))
            budget = MIN_BUDGET
        if not budget:
            return losses
        if model.reasoning is False:
            return [*losses, ("reasoning_effort", "this model does not think")]
        if _forced(options.get("tool_choice")):
            return [*losses, ("reasoning_effort", "a forced tool choice and thinking exclude each other")]
        options["thinking"] = {"type": "enabled", "budget_tokens": budget}
    thinking = options["thinking"]
    if thinking.get("type") == "disabled":
        return losses
    asked, needed = options.get("max_tokens"), thinking.get("budget_tokens", 0) + 1
    if asked is not None and asked < needed:
        losses.append(("max_tokens", f"{asked} became {needed + ROOM}: it must hold the thinking, too"))
    if asked is None or asked < needed:
        options["max_tokens"] = needed + ROOM
    return losses + without_sampling(options)


def adaptive_thinking(options: Options, model: Model) -> Losses:
    """reasoning_effort is the model's own affair: it gets the word and sets its budget."""
    if "reasoning_budget" in options or "thinking" in options:
        return budgeted_thinking(options, model)
    effort = options.pop("reasoning_effort", None)
    if effort in (None, "none"):
        return []
    word = {"minimal": "low", "xhigh": "max"}.get(effort, effort)
    options["output_config"] = {**options.get("output_config", {}), "effort": word}
    if _forced(options.get("tool_choice")):
        return [("reasoning_effort", "a forced tool choice and thinking exclude each other")]
    options["thinking"] = {"type": "adaptive"}
    return without_sampling(options)


def without_sampling(options: Options) -> Losses:
    """Thinking takes no temperature but 1, no top_k, and a top_p of 0.95 or more."""
    losses: Losses = []
    if options.get("temperature") not in (None, 1):
        losses.append(("temperature", "thinking takes no temperature but 1"))
    options.pop("temperature", None)
    if options.pop("top_k", None) is not None:
        losses.append(("top_k", "thinking takes no top_k"))
    if (top_p := options.get("top_p")) is not None and top_p < 0.95:
        losses.append(("top_p", f"{top_p} became 0.95, the least that thinking takes"))
        options["top_p"] = 0.95
    return losses


def _forced(choice: Any) -> bool:
    return choice not in (None, "auto", "none")
