"""Option rules for the models of the Claude family, at any provider: thinking and sampling of each generation.

https://platform.claude.com/docs/en/build-with-claude/extended-thinking, .../adaptive-thinking, .../effort and
https://platform.claude.com/docs/en/about-claude/models/migration-guide
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen

from ...pipeline.http.request import Request
from ...schemas.errors import NotSupported
from ...schemas.json_types import JSONSchema
from ...schemas.model import Model
from ...schemas.parts import Text
from ..declare.constraints import EXCLUSIVE, Constraints, constrained, fitting, sampling_within
from ..declare.dropped import drop_options
from ..declare.prefill import PrefillSupport
from ..declare.provider import Override, override
from ..declare.rule_tables import DroppedOptions, Options, Rule, described
from ..declare.rules import BUDGET_FIRST, clamp, drop, effort_of, nearest_effort, not_both, only

BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 65536}
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


def _budget_rule(constraints: Constraints) -> Rule:
    limits = {**CONSTRAINTS, **constraints}

    def rule(options: Options, model: Model) -> DroppedOptions:
        losses = _drop_thinking_options(options) if "thinking" in options else _budget(options, model, limits)
        thinking = options.get("thinking")
        if not thinking or thinking.get("type") == "disabled":
            return losses
        return (
            losses + _make_room(options, model, thinking.get("budget_tokens", 0)) + _without_sampling(options, limits)
        )

    return rule


budgeted_thinking = constrained("budgeted_thinking", _budget_rule)
"""Sends reasoning_effort and reasoning_budget as a budget of tokens, and drops the options that thinking forbids."""


def _drop_thinking_options(options: Options) -> DroppedOptions:
    """Drop the thinking options if the vendor's own object is given, which replaces them."""
    names = ("reasoning_effort", "reasoning_budget", "reasoning_summary")
    return [(name, "thinking was given, too") for name in names if options.pop(name, None) is not None]


def _budget(options: Options, model: Model, limits: Constraints) -> DroppedOptions:
    """Set the object that requests a budget, if one is wanted and possible."""
    losses = BUDGET_FIRST(options, model)
    effort, requested = options.pop("reasoning_effort", None), options.pop("reasoning_budget", None)
    summary = options.pop("reasoning_summary", None)
    name = "reasoning_effort" if requested is None else "reasoning_budget"
    tokens = BUDGETS.get(effort or "none", 0) if requested is None else requested
    if not tokens:
        return losses + _unshown(summary)
    if model.reasoning is False:
        return [*losses, (name, "this model does not think")]
    if _forced(options.get("tool_choice")):
        return [*losses, (name, EXCLUSIVE)]
    budget = fitting(tokens, {**limits, "max_budget": _most(model, limits)})
    if budget < tokens:
        what = f"{tokens} became {budget}" if effort is None else f"{effort} became {budget} tokens"
        losses.append((name, f"{what}, the most that leaves room for an answer"))
    elif budget > tokens and effort is None:
        losses.append((name, f"{tokens} became {budget}, the lowest allowed"))
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
    max_tokens, enough = options.get("max_tokens"), budget + 1 + ROOM
    if model.max_output_tokens is not None:
        enough = min(enough, model.max_output_tokens)
    if max_tokens is None or max_tokens <= budget:
        options["max_tokens"] = enough
    if max_tokens is None or max_tokens > budget:
        return []
    return [("max_tokens", f"{max_tokens} became {enough}: it must hold the thinking, too")]


def adaptive_thinking(*known: str, budgets: bool = False, unasked: bool = False, always: bool = False) -> Rule:
    """Send reasoning_effort by its name; the model sets its own budget.

    known: the efforts of the model, the lowest first.
    budgets: it still takes a budget in the place of an effort.
    unasked: it thinks by default; the effort "none" stops it.
    always: it thinks always.

    The summary of the thinking is requested, too, unless `reasoning_summary` is "none": newer models omit it.
    """

    def make(constraints: Constraints) -> Rule:
        by_budget = _budget_rule(constraints)
        limits = {**CONSTRAINTS, **constraints}

        def rule(options: Options, model: Model) -> DroppedOptions:
            if "thinking" in options or (budgets and "reasoning_budget" in options):
                return by_budget(options, model)
            name, effort, losses = _requested_effort(options)
            summary = options.pop("reasoning_summary", None)
            if effort == "none" and always:
                losses.append((name, "this model always thinks; it does so with the effort low"))
                effort = "low"
            if effort == "none" and unasked:
                options["thinking"] = {"type": "disabled"}
            shown = summary is not None and (unasked or always) and not _forced(options.get("tool_choice"))
            if effort is None and shown:
                options["thinking"] = {"type": "adaptive", "display": "omitted" if summary == "none" else "summarized"}
                return losses
            if effort is None or effort == "none":
                return losses + _unshown(summary)
            losses += _put_effort(options, name, effort, known)
            if _forced(options.get("tool_choice")):
                return [*losses, (name, EXCLUSIVE)]
            options["thinking"] = {"type": "adaptive", "display": "omitted" if summary == "none" else "summarized"}
            return losses + (_without_sampling(options, limits) if budgets else [])

        return rule

    return constrained(f"adaptive_thinking {', '.join(known)}", make)


def _unshown(summary: str | None) -> DroppedOptions:
    """Report a summary of thinking that there will not be."""
    return (
        [] if summary in (None, "none") else [("reasoning_summary", "this model thinks only with a reasoning_effort")]
    )


def _requested_effort(options: Options) -> tuple[str, str | None, DroppedOptions]:
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
    word = nearest_effort(effort, known)
    options["output_config"] = {**options.get("output_config", {}), "effort": word}
    return [] if word == effort else [(name, f"{effort} became {word}; this model has {', '.join(known)}")]


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
    metadata = options.pop("metadata", None) or {}
    user = options.pop("user", metadata.get("user_id"))
    if user is not None:
        options["metadata"] = {"user_id": user}
    others = [name for name in metadata if name != "user_id"]
    return [("metadata", f"Anthropic takes user_id alone, not {', '.join(others)}")] if others else []


_WARM = clamp("temperature", 0, 1, why="Claude's scale ends there")
_ONE_OF = not_both("temperature", "top_p", why="this model takes temperature or top_p, not both")
_NO_SAMPLING = drop(*SAMPLING, why="this model sets its own sampling")
_LEVELS, _ALL = ("low", "medium", "high", "max"), ("low", "medium", "high", "xhigh", "max")


def _no_blank_stops(options: Options, model: Model) -> DroppedOptions:
    """Drop stop sequences that are only white space: "each stop sequence must contain non-whitespace"."""
    given = options.get("stop") or []
    stops = [given] if isinstance(given, str) else [*given]
    said = [stop for stop in stops if stop.strip()]
    if len(said) == len(stops):
        return []
    del options["stop"]
    if said:
        options["stop"] = said
    return [("stop", "Claude takes no stop sequences of white space alone")]


_NONE = drop(
    *("presence_penalty", "frequency_penalty", "repetition_penalty", "min_p", "logit_bias"),
    *("logprobs", "top_logprobs", "seed", "n"),
    why="Claude has no such option",
)

CLAUDE: tuple[Rule, ...] = (budgeted_thinking, _no_blank_stops, _WARM)
"""Rules of the first generations that think, 3.7 and 4, and of those before, which do not."""


@frozen
class _Generation:
    """What a generation takes. For the fields of thinking, see `adaptive_thinking`."""

    known: tuple[str, ...] = ()
    """Its efforts, the lowest first; none for one that takes budgets alone."""
    budgets: bool = False
    unasked: bool = False
    always: bool = False
    limits: tuple[Rule, ...] = (_NO_SAMPLING,)

    def native(self) -> tuple[Rule, ...]:
        """Return the rules for Anthropic's own format."""
        how = {"budgets": self.budgets, "unasked": self.unasked, "always": self.always}
        thinking = adaptive_thinking(*self.known, **how) if self.known else budgeted_thinking
        return (thinking, _no_blank_stops, *self.limits)

    def other_formats(self) -> tuple[Rule, ...]:
        """Return the rules for other formats, which take an effort or a budget; the provider makes Claude's of it."""
        return (_held(self), _no_blank_stops, *self.limits, _NONE)


def _held(generation: _Generation) -> Rule:
    """Make the rule that holds effort and budget to what the generation takes, and drops what thinking forbids."""

    def rule(options: Options, model: Model) -> DroppedOptions:
        if options.get("reasoning_effort") in (None, "none") and not options.get("reasoning_budget"):
            return []
        if _forced(options.get("tool_choice")):
            names = ("reasoning_effort", "reasoning_budget")
            return [(name, EXCLUSIVE) for name in names if options.pop(name, None) is not None]
        losses: DroppedOptions = []
        if generation.known and not generation.budgets:
            name, effort, losses = _requested_effort(options)
            options["reasoning_effort"] = word = nearest_effort(effort or "low", generation.known)
            if word != effort:
                losses.append((name, f"{effort} became {word}; this model has {', '.join(generation.known)}"))
        elif budget := options.get("reasoning_budget"):
            options["reasoning_budget"] = fitted = fitting(budget, {**CONSTRAINTS, "max_budget": _most(model, {})})
            if fitted != budget:
                losses.append(("reasoning_budget", f"{budget} became {fitted}, the nearest allowed"))
            if options.get("max_tokens"):
                losses += _make_room(options, model, fitted)
        return losses + (sampling_within(options, CONSTRAINTS) if _NO_SAMPLING not in generation.limits else [])

    return described("thinking of Claude", rule, writes=["reasoning_effort"])


_FIRST = _Generation(limits=(_WARM,))
_GENERATIONS: Mapping[str, _Generation] = {
    "claude-*-4-[15]*": _Generation(limits=(_WARM, _ONE_OF)),
    "claude-*-4-6*": _Generation(_LEVELS, budgets=True, limits=(_WARM, _ONE_OF)),
    "claude-*-4-[78]*": _Generation(_ALL),
    # Future generations are taken for the newest known one.
    "claude-sonnet-[5-9]*": _Generation(_ALL),
    "claude-haiku-[5-9]*": _Generation(_LEVELS, unasked=True),
    "claude-opus-[5-9]*": _Generation(_ALL, unasked=True),
    "claude-*-5-5*": _Generation(_LEVELS, unasked=True),
    "claude-opus-5-5*": _Generation(_LEVELS, always=True),
    **dict.fromkeys(("claude-fable-*", "claude-mythos-*"), _Generation(_ALL, always=True)),
    # The names by which routers call the newest of each.
    **dict.fromkeys(("claude-opus-latest", "claude-sonnet-latest", "claude-haiku-latest"), _Generation(_ALL)),
}
NATIVE: Mapping[str, tuple[Rule, ...]] = {
    "claude-*": (user_id_alone, *CLAUDE),
    **{pattern: (user_id_alone, *each.native()) for pattern, each in _GENERATIONS.items()},
}
"""The rules of each generation in Anthropic's own format, at providers that have none of their own for it."""
OTHER_FORMATS: Mapping[str, tuple[Rule, ...]] = {
    "claude-*": _FIRST.other_formats(),
    **{pattern: each.other_formats() for pattern, each in _GENERATIONS.items()},
}
"""The same in other formats."""


def claude_models(*rules: Rule, prefix: str = "") -> Mapping[str, Override]:
    """Return the rules of each generation.

    rules: the provider's own, which run first.
    prefix: what a cloud puts before the ids.
    """
    return {
        prefix + pattern: override(translate_options=only(*rules, *each.native()))
        for pattern, each in _GENERATIONS.items()
    }


def _no_prefill(request: Request) -> Request:
    """Refuse a conversation that ends with a prefilled answer.

    https://platform.claude.com/docs/en/about-claude/models/migration-guide. Raises NotSupported.
    """
    if _is_prefilled(request):
        raise NotSupported(
            f"{request.model} does not continue a prefilled answer",
            hint="end the conversation with a user message; response_format or a system message can set the form",
        )
    return request


def _no_thinking_if_prefilled(request: Request) -> Request:
    """Drop the thinking options if the answer is prefilled: the model cannot think then.

    https://platform.claude.com/docs/en/build-with-claude/extended-thinking#feature-compatibility
    """
    names = {"reasoning_effort", "reasoning_budget", "thinking"}
    if names.isdisjoint(request.options) or not _is_prefilled(request):
        return request
    return drop_options(request, sorted(names), "thinking and a prefilled answer exclude each other")


def _is_prefilled(request: Request) -> bool:
    """Check whether the last message is text of the assistant: no tool calls, and no tools of the server."""
    last = request.context.messages[-1:]
    return bool(last) and last[0].role == "assistant" and all(type(part) is Text for part in last[0].content)


CLAUDE_PREFILL = PrefillSupport(("*claude-*",), while_thinking=True)
"""A stream that broke off goes on from its text, for models up to 4.5; FITS refuses the later ones.

https://platform.claude.com/docs/en/build-with-claude/streaming#error-recovery
"""
FORMATS = ("anthropic_messages", "bedrock_converse")
FITS: Mapping[str, Callable[[Request], Request]] = {
    "claude-*": _no_thinking_if_prefilled,
    **{pattern: _no_prefill for pattern, each in _GENERATIONS.items() if each.known},
}
"""What the conversation of a model may not have, in every format."""
NATIVE_FITS = FITS
