"""Option rules for the models of the Claude family, at any provider: thinking and sampling of each generation.

https://platform.claude.com/docs/en/build-with-claude/extended-thinking, .../adaptive-thinking, .../effort and
https://platform.claude.com/docs/en/about-claude/models/migration-guide
"""

from __future__ import annotations

from collections.abc import Mapping

from ...schemas.json_types import JSONSchema
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
CLAUDE_OPTIONS: Mapping[str, JSONSchema] = {
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
    limits = {**CONSTRAINTS, **constraints}

    def rule(options: Options, model: Model) -> DroppedOptions:
        losses = _given_up(options) if "thinking" in options else _budget(options, model, limits)
        thinking = options.get("thinking")
        if not thinking or thinking.get("type") == "disabled":
            return losses
        return (
            losses + _make_room(options, model, thinking.get("budget_tokens", 0)) + _without_sampling(options, limits)
        )

    return rule


budgeted_thinking = constrained("budgeted_thinking", _budgeted)
"""Sends reasoning_effort and reasoning_budget as a budget of tokens, and drops the options that thinking forbids."""


def _given_up(options: Options) -> DroppedOptions:
    """Drop the thinking options if the vendor's own object is given, which replaces them."""
    options.pop("reasoning_summary", None)
    names = ("reasoning_effort", "reasoning_budget")
    return [(name, "thinking was given, too") for name in names if options.pop(name, None) is not None]


def _budget(options: Options, model: Model, limits: Constraints) -> DroppedOptions:
    """Set the object that requests a budget, if one is wanted and possible."""
    losses = BUDGET_FIRST(options, model)
    effort, given = options.pop("reasoning_effort", None), options.pop("reasoning_budget", None)
    summary = options.pop("reasoning_summary", None)
    name = "reasoning_effort" if given is None else "reasoning_budget"
    wanted = BUDGETS.get(effort or "none", 0) if given is None else given
    if not wanted:
        return losses
    if model.reasoning is False:
        return [*losses, (name, "this model does not think")]
    if _forced(options.get("tool_choice")):
        return [*losses, (name, _EXCLUSIVE)]
    budget = fitting(wanted, {**limits, "max_budget": _most(model, limits)})
    if budget < wanted:
        what = f"{wanted} became {budget}" if effort is None else f"{effort} became {budget} tokens"
        losses.append((name, f"{what}, the most that leaves room for an answer"))
    elif budget > wanted and effort is None:
        losses.append((name, f"{wanted} became {budget}, the lowest allowed"))
    options["thinking"] = {"type": "enabled", "budget_tokens": budget}
    if summary == "none":
        options["thinking"]["display"] = "omitted"
    return losses


def _most(model: Model, limits: Constraints) -> int | None:
    """Return the highest budget: thinking and answer together must fit into the output of the model."""
    highest = [] if model.max_output_tokens is None else [model.max_output_tokens - ROOM]
    highest += [] if limits.get("max_budget") is None else [limits["max_budget"]]
    return min(highest, default=None)


def _make_room(options: Options, model: Model, budget: int) -> DroppedOptions:
    """Raise max_tokens, which includes the thinking, above the budget."""
    given, enough = options.get("max_tokens"), budget + 1 + ROOM
    if model.max_output_tokens is not None:
        enough = min(enough, model.max_output_tokens)
    if given is None or given <= budget:
        options["max_tokens"] = enough
    if given is None or given > budget:
        return []
    return [("max_tokens", f"{given} became {enough}: it must hold the thinking, too")]


def adaptive_thinking(*known: str, budgets: bool = False, unasked: bool = False, always: bool = False) -> Rule:
    """Send reasoning_effort by its name; the model sets its own budget.

    known: the efforts of the model, the lowest first.
    budgets: it still takes a budget in the place of an effort.
    unasked: it thinks by default; the effort "none" stops it.
    always: it thinks always.

    The summary of the thinking is requested, too, unless `reasoning_summary` is "none": newer models omit it.
    """

    def make(constraints: Constraints) -> Rule:
        by_budget = _budgeted(constraints)
        limits = {**CONSTRAINTS, **constraints}

        def rule(options: Options, model: Model) -> DroppedOptions:
            if "thinking" in options or (budgets and "reasoning_budget" in options):
                return by_budget(options, model)
            name, effort, losses = _wanted_effort(options)
            summary = options.pop("reasoning_summary", None)
            if effort == "none" and always:
                losses.append((name, "this model always thinks; it does so with the effort low"))
                effort = "low"
            if effort == "none" and unasked:
                options["thinking"] = {"type": "disabled"}
            if effort is None or effort == "none":
                return losses
            losses += _put_effort(options, name, effort, known)
            if _forced(options.get("tool_choice")):
                return [*losses, (name, _EXCLUSIVE)]
            options["thinking"] = {"type": "adaptive", "display": "omitted" if summary == "none" else "summarized"}
            return losses + (_without_sampling(options, limits) if budgets else [])

        return rule

    return constrained(f"adaptive_thinking {', '.join(known)}", make)


def _wanted_effort(options: Options) -> tuple[str, str | None, DroppedOptions]:
    """Return the option that names the effort, the effort, and what is lost of the options."""
    effort, budget = options.pop("reasoning_effort", None), options.pop("reasoning_budget", None)
    if budget is None:
        return "reasoning_effort", effort, []
    if effort is not None:
        why = "reasoning_effort was given, too, and this model sets its own budget"
        return "reasoning_effort", effort, [("reasoning_budget", why)]
    effort = effort_of(budget)
    why = f"{budget} tokens became the effort {effort}; this model sets its own budget"
    return "reasoning_budget", effort, [("reasoning_budget", why)]


def _put_effort(options: Options, name: str, effort: str, known: tuple[str, ...]) -> DroppedOptions:
    # `max` is above the common scale: it is the nearest where there is no xhigh.
    word = "max" if effort == "xhigh" and "xhigh" not in known else nearest_effort(effort, known)
    options["output_config"] = {**options.get("output_config", {}), "effort": word}
    return [] if word == effort else [(name, f"{effort} became {word}; this model has {', '.join(known)}, max")]


def _without_sampling(options: Options, limits: Constraints) -> DroppedOptions:
    """Drop what thinking does not take: a temperature other than 1, top_k, and a top_p below 0.95."""
    losses = sampling_within(options, limits)
    if limits["temperature"] is not None:
        options.pop("temperature", None)  # the allowed one is the default
    return losses


def _forced(choice: object) -> bool:
    return choice not in (None, "auto", "none")


def user_id_alone(options: Options, model: Model) -> DroppedOptions:
    """Send user_id alone: Anthropic's metadata take no other name.

    https://docs.claude.com/en/api/messages#body-metadata
    """
    given = options.pop("metadata", None) or {}
    user = options.pop("user", given.get("user_id"))
    if user is not None:
        options["metadata"] = {"user_id": user}
    others = [name for name in given if name != "user_id"]
    return [("metadata", f"Anthropic takes user_id alone, not {', '.join(others)}")] if others else []


_WARM = clamp("temperature", 0, 1, why="Claude's scale ends there")
_ONE_OF = not_both("temperature", "top_p", why="this model takes temperature or top_p, not both")
_NO_SAMPLING = drop(*SAMPLING, why="this model sets its own sampling")
_LEVELS = ("low", "medium", "high")

CLAUDE: tuple[Rule, ...] = (budgeted_thinking, _WARM)
"""Rules of the first generations that think, 3.7 and 4, and of those before, which do not."""

_GENERATIONS: Mapping[str, tuple[Rule, ...]] = {
    "claude-*-4-[15]*": (budgeted_thinking, _WARM, _ONE_OF),
    "claude-*-4-6*": (adaptive_thinking(*_LEVELS, budgets=True), _WARM, _ONE_OF),
    "claude-*-4-[78]*": (adaptive_thinking(*_LEVELS, "xhigh"), _NO_SAMPLING),
    # Future generations are taken for the newest known one.
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
    """Return the rules of each generation.

    rules: the provider's own, which run first.
    prefix: what a cloud puts before the ids.
    """
    return {prefix + pattern: override(translate_options=only(*rules, *own)) for pattern, own in _GENERATIONS.items()}
