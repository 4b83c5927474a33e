"""Option rules for models of the Claude family, wherever they are served: how each generation thinks, and what sampling
it takes.

https://platform.claude.com/docs/en/build-with-claude/extended-thinking, .../adaptive-thinking, .../effort and
https://platform.claude.com/docs/en/about-claude/models/migration-guide
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...schemas.model import Model
from ..declare.constraints import Constraints, constrained, fitting, sampling_within
from ..declare.provider import Override, override
from ..declare.rules import (
    BUDGET_FIRST,
    DroppedOptions,
    Options,
    Rule,
    clamp,
    drop,
    effort_of,
    nearest_effort,
    not_both,
    only,
)

BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768}
"""Tokens to think with, by effort."""
CLAUDE_OPTIONS: Mapping[str, Any] = {
    "reasoning_effort": {"enum": ["none", *BUDGETS]},
    "reasoning_budget": {"type": "integer", "minimum": 0},
    "reasoning_summary": {"enum": ["auto", "concise", "detailed", "none"]},
    "anthropic_beta": {"type": "array", "items": {"type": "string"}},
    "thinking": {"type": "object"},
    "output_config": {"type": "object"},
    "cache_control": {"type": "object"},
    "container": {},
    "context_management": {"type": "object"},
    "mcp_servers": {"type": "array"},
}
"""Options beyond the canonical ones that Anthropic's own API takes, as JSON Schemas."""
CONSTRAINTS: Constraints = {"min_budget": 1024, "temperature": 1, "min_top_p": 0.95, "top_k": False}
ROOM = 4096
"""Tokens left for the answer itself when the caller's max_tokens leaves none."""
SAMPLING = ("temperature", "top_p", "top_k")
_EXCLUSIVE = "a forced tool choice and thinking exclude each other"


def _budgeted(constraints: Constraints) -> Rule:
    held = {**CONSTRAINTS, **constraints}

    def rule(options: Options, model: Model) -> DroppedOptions:
        losses = _given_up(options) if "thinking" in options else _budget(options, model, held)
        thinking = options.get("thinking")
        if not thinking or thinking.get("type") == "disabled":
            return losses
        return losses + _make_room(options, model, thinking.get("budget_tokens", 0)) + _without_sampling(options, held)

    return rule


budgeted_thinking = constrained("budgeted_thinking", _budgeted)
"""reasoning_effort and reasoning_budget become a budget of tokens, and what thinking forbids is dropped."""


def _given_up(options: Options) -> DroppedOptions:
    """What goes when the vendor's own object is given, which says it all."""
    options.pop("reasoning_summary", None)
    names = ("reasoning_effort", "reasoning_budget")
    return [(name, "thinking was given, too") for name in names if options.pop(name, None) is not None]


def _budget(options: Options, model: Model, held: Constraints) -> DroppedOptions:
    """The object that asks for a budget, if one is wanted and possible."""
    losses = BUDGET_FIRST(options, model)
    effort, asked = options.pop("reasoning_effort", None), options.pop("reasoning_budget", None)
    summary = options.pop("reasoning_summary", None)
    name = "reasoning_effort" if asked is None else "reasoning_budget"
    wanted = BUDGETS.get(effort or "none", 0) if asked is None else asked
    if not wanted:
        return losses
    if model.reasoning is False:
        return [*losses, (name, "this model does not think")]
    if _forced(options.get("tool_choice")):
        return [*losses, (name, _EXCLUSIVE)]
    budget = fitting(wanted, {**held, "max_budget": _most(model, held)})
    if budget < wanted:
        what = f"{wanted} became {budget}" if effort is None else f"{effort} became {budget} tokens"
        losses.append((name, f"{what}, the most that leaves room for an answer"))
    elif budget > wanted and effort is None:
        losses.append((name, f"{wanted} became {budget}, the least there is"))
    options["thinking"] = {"type": "enabled", "budget_tokens": budget}
    if summary == "none":
        options["thinking"]["display"] = "omitted"
    return losses


def _most(model: Model, held: Constraints) -> int | None:
    """The greatest budget: thinking and answer together must fit into what the model may write."""
    limits = [] if model.max_output_tokens is None else [model.max_output_tokens - ROOM]
    limits += [] if held.get("max_budget") is None else [held["max_budget"]]
    return min(limits, default=None)


def _make_room(options: Options, model: Model, budget: int) -> DroppedOptions:
    asked, enough = options.get("max_tokens"), budget + 1 + ROOM
    if model.max_output_tokens is not None:
        enough = min(enough, model.max_output_tokens)
    if asked is None or asked <= budget:
        options["max_tokens"] = enough
    if asked is None or asked > budget:
        return []
    return [("max_tokens", f"{asked} became {enough}: it must hold the thinking, too")]


def adaptive_thinking(*known: str, budgets: bool = False, unasked: bool = False, always: bool = False) -> Rule:
    """reasoning_effort is the model's own affair: it gets the word and sets its budget.

    `known` are the efforts that it knows, least first. `budgets`: it still takes one in place of an effort. `unasked`:
    it thinks unless told not to. `always`: it cannot be told not to. Whoever asks for thinking is shown a summary of
    it, unless unwanted: the newer models leave it out by themselves.
    """

    def make(constraints: Constraints) -> Rule:
        by_budget = _budgeted(constraints)
        held = {**CONSTRAINTS, **constraints}

        def rule(options: Options, model: Model) -> DroppedOptions:
            if "thinking" in options or (budgets and "reasoning_budget" in options):
                return by_budget(options, model)
            name, asked, losses = _asked(options)
            summary = options.pop("reasoning_summary", None)
            if asked == "none" and always:
                losses.append((name, "this model cannot but think; it does so with the effort low"))
                asked = "low"
            if asked == "none" and unasked:
                options["thinking"] = {"type": "disabled"}
            if asked in (None, "none"):
                return losses
            losses += _put_effort(options, name, asked, known)
            if _forced(options.get("tool_choice")):
                return [*losses, (name, _EXCLUSIVE)]
            options["thinking"] = {"type": "adaptive", "display": "omitted" if summary == "none" else "summarized"}
            return losses + (_without_sampling(options, held) if budgets else [])

        return rule

    return constrained(f"adaptive_thinking {', '.join(known)}", make)


def _asked(options: Options) -> tuple[str, str | None, DroppedOptions]:
    """The option that asks, the effort that it asks for, by name or by tokens, and what is told of that."""
    effort, budget = options.pop("reasoning_effort", None), options.pop("reasoning_budget", None)
    if budget is None:
        return "reasoning_effort", effort, []
    if effort is not None:
        why = "reasoning_effort was given, too, and this model sets its own budget"
        return "reasoning_effort", effort, [("reasoning_budget", why)]
    effort = effort_of(budget)
    why = f"{budget} tokens became the effort {effort}; this model sets its own budget"
    return "reasoning_budget", effort, [("reasoning_budget", why)]


def _put_effort(options: Options, name: str, asked: str, known: tuple[str, ...]) -> DroppedOptions:
    # `max` is above the scale that providers share: it is the nearest where there is no xhigh.
    word = "max" if asked == "xhigh" and "xhigh" not in known else nearest_effort(asked, known)
    options["output_config"] = {**options.get("output_config", {}), "effort": word}
    return [] if word == asked else [(name, f"{asked} became {word}; this model knows {', '.join(known)}, max")]


def _without_sampling(options: Options, held: Constraints) -> DroppedOptions:
    """Thinking takes no temperature but 1, no top_k, and a top_p of 0.95 or more."""
    losses = sampling_within(options, held)
    if held["temperature"] is not None:
        options.pop("temperature", None)  # the one it takes is its default
    return losses


def _forced(choice: Any) -> bool:
    return choice not in (None, "auto", "none")


def user_id_alone(options: Options, model: Model) -> DroppedOptions:
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
