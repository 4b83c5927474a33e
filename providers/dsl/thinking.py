"""Option rules for models of the Claude family, wherever they are served: how each generation thinks, and what sampling
it takes.

https://platform.claude.com/docs/en/build-with-claude/extended-thinking, .../adaptive-thinking, .../effort and
https://platform.claude.com/docs/en/about-claude/models/migration-guide
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...schemas.model import Model
from .provider import Override, override
from .rules import Losses, Options, Rule, clamp, drop, effort_of, nearest_effort, not_both, only

BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768}
"""Tokens to think with, by effort."""
MIN_BUDGET = 1024
ROOM = 4096
"""Tokens left for the answer itself when the caller's max_tokens leaves none."""
SAMPLING = ("temperature", "top_p", "top_k")


def budgeted_thinking(options: Options, model: Model) -> Losses:
    """reasoning_effort and reasoning_budget become a budget of tokens, and what thinking forbids is dropped."""
    effort, budget = options.pop("reasoning_effort", None), options.pop("reasoning_budget", None)
    summary = options.pop("reasoning_summary", None)
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
        if summary == "none":
            options["thinking"]["display"] = "omitted"
    thinking = options["thinking"]
    if thinking.get("type") == "disabled":
        return losses
    asked, needed = options.get("max_tokens"), thinking.get("budget_tokens", 0) + 1
    if asked is not None and asked < needed:
        losses.append(("max_tokens", f"{asked} became {needed + ROOM}: it must hold the thinking, too"))
    if asked is None or asked < needed:
        options["max_tokens"] = needed + ROOM
    return losses + without_sampling(options)


def adaptive_thinking(*known: str, budgets: bool = False, unasked: bool = False, always: bool = False) -> Rule:
    """reasoning_effort is the model's own affair: it gets the word and sets its budget.

    `known` are the efforts that it knows, least first. `budgets`: it still takes one in place of an effort. `unasked`:
    it thinks unless told not to. `always`: it cannot be told not to. Whoever asks for thinking is shown a summary of
    it, unless unwanted: the newer models leave it out by themselves.
    """

    def rule(options: Options, model: Model) -> Losses:
        if "thinking" in options or (budgets and "reasoning_budget" in options):
            return budgeted_thinking(options, model)
        asked, losses = _asked(options)
        summary = options.pop("reasoning_summary", None)
        if asked == "none" and always:
            losses.append(("reasoning_effort", "this model cannot but think; it does so with the effort low"))
            asked = "low"
        if asked == "none":
            if unasked:
                options["thinking"] = {"type": "disabled"}
            return losses
        if asked is None:
            return losses
        effort = nearest_effort(asked, known)
        # `max` is above the scale that providers share: it is the nearest where there is no xhigh.
        word = "max" if asked == "xhigh" and "xhigh" not in known else effort
        if word != asked:
            losses.append(("reasoning_effort", f"{asked} became {word}; this model knows {', '.join(known)}, max"))
        options["output_config"] = {**options.get("output_config", {}), "effort": word}
        if _forced(options.get("tool_choice")):
            return [*losses, ("reasoning_effort", "a forced tool choice and thinking exclude each other")]
        options["thinking"] = {"type": "adaptive", "display": "omitted" if summary == "none" else "summarized"}
        return losses + (without_sampling(options) if budgets else [])

    return rule


def _asked(options: Options) -> tuple[str | None, Losses]:
    """The effort that is asked for, by name or by tokens."""
    effort, budget = options.pop("reasoning_effort", None), options.pop("reasoning_budget", None)
    if budget is None:
        return effort, []
    if effort is not None:
        return effort, [("reasoning_budget", "reasoning_effort was given, too, and this model sets its own budget")]
    effort = effort_of(budget)
    return effort, [("reasoning_budget", f"{budget} tokens became the effort {effort}; this model sets its own budget")]


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


def user_id_alone(options: Options, model: Model) -> Losses:
    """Anthropic's metadata hold one name, and refuse others: https://docs.claude.com/en/api/messages#body-metadata"""
    given = options.pop("metadata", None) or {}
    user = options.pop("user", given.get("user_id"))
    if user is not None:
        options["metadata"] = {"user_id": user}
    others = [name for name in given if name != "user_id"]
    return [("metadata", f"Anthropic keeps user_id alone, not {', '.join(others)}")] if others else []


_WARM = clamp("temperature", 0, 1, why="Claude's scale ends there")
_ONE_OF = not_both("temperature", "top_p", why="this model takes temperature or top_p, not both")
_NO_SAMPLING = drop(*SAMPLING, why="this model sets its own sampling")
_LEVELS = ("low", "medium", "high")

CLAUDE: tuple[Rule, ...] = (budgeted_thinking, _WARM)
"""The first generations that think, 3.7 and 4, and those before, which do not."""

_GENERATIONS: Mapping[str, tuple[Rule, ...]] = {
    "claude-*-4-[15]*": (budgeted_thinking, _WARM, _ONE_OF),
    "claude-*-4-6*": (adaptive_thinking(*_LEVELS, budgets=True), _WARM, _ONE_OF),
    "claude-*-4-[78]*": (adaptive_thinking(*_LEVELS, "xhigh"), _NO_SAMPLING),
    # Generations to come are taken for the newest one known.
    "claude-sonnet-[5-9]*": (adaptive_thinking(*_LEVELS, "xhigh"), _NO_SAMPLING),
    "claude-haiku-[5-9]*": (adaptive_thinking(*_LEVELS, unasked=True), _NO_SAMPLING),
    "claude-opus-[5-9]*": (adaptive_thinking(*_LEVELS, "xhigh", unasked=True), _NO_SAMPLING),
    "claude-*-5-5*": (adaptive_thinking(*_LEVELS, unasked=True), _NO_SAMPLING),
    "claude-opus-5-5*": (adaptive_thinking(*_LEVELS, always=True), _NO_SAMPLING),
    **dict.fromkeys(
        ("claude-fable-*", "claude-mythos-*"), (adaptive_thinking(*_LEVELS, "xhigh", always=True), _NO_SAMPLING)
    ),
}


def claude_models(*rules: Rule, prefix: str = "") -> Mapping[str, Override]:
    """What is special about which models. `rules` are the provider's own, which stay in force, and `prefix` is what a
    cloud puts before the ids."""
    return {prefix + pattern: override(translate_options=only(*rules, *own)) for pattern, own in _GENERATIONS.items()}
