"""Option rules: they turn canonical options into a provider's own, and report what cannot be sent."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from ...schemas.errors import InvalidOption
from ...schemas.model import Model
from ...schemas.options import EFFORTS
from .rule_tables import (
    AnyRule,
    DroppedOptions,
    Only,
    Options,
    Rule,
    described,
    description_of,
    facts_of,
    for_operation,
    takes_operation,
)


def only(*rules: Rule) -> Only:
    """Make a table that replaces all others: `override(translate_options=only(rename("max_tokens", "limit")))`."""
    return Only(rules)


def rename(option: str, to: str) -> Rule:
    """Send `option` under another name. Raises InvalidOption when both are given."""

    def rule(options: Options, model: Model) -> DroppedOptions:
        if option in options:
            if to in options:
                raise InvalidOption(f"{option!r} and {to!r} are the same for {model}", hint="give one of them")
            options[to] = options.pop(option)
        return []

    return described(f"rename {option} to {to}", rule, [option], [to])


def drop(*names: str, why: str) -> Rule:
    """Leave these options out, and report why."""

    def rule(options: Options, model: Model) -> DroppedOptions:
        return [(name, why) for name in names if options.pop(name, None) is not None]

    return described(f"drop {', '.join(names)}: {why}", rule, names)


def clamp(option: str, low: float | None = None, high: float | None = None, *, why: str = "") -> Rule:
    """Bring the value between the limits, and report a change."""

    def rule(options: Options, model: Model) -> DroppedOptions:
        value = options.get(option)
        if value is None:
            return []
        limit = low if low is not None and value < low else high if high is not None and value > high else value
        if limit == value:
            return []
        options[option] = limit
        return [(option, f"{value} became {limit}: {why or 'the nearest allowed'}")]

    return described(f"clamp {option} to {'' if low is None else low}..{'' if high is None else high}", rule, [option])


def at_most(option: str, count: int, *, why: str) -> Rule:
    """Send the first `count` values of a list, and report how many were given."""

    def rule(options: Options, model: Model) -> DroppedOptions:
        values = options.get(option)
        if not isinstance(values, list | tuple) or len(values) <= count:
            return []
        options[option] = values[:count]
        return [(option, f"the first {count} of {len(values)} were sent: {why}")]

    return described(f"at most {count} {option}: {why}", rule, [option])


def move(option: str, path: str) -> Rule:
    """Send the value at a dotted path of the body: `move("top_k", "extra.sampling.top_k")`."""
    *outer, last = path.split(".")

    def rule(options: Options, model: Model) -> DroppedOptions:
        if option in options:
            value = options.pop(option)
            place = options
            for key in outer:
                # A copy, since the object there may be the caller's.
                inner = place[key] = dict(place.get(key) or {})
                place = inner
            place[last] = value
        return []

    return described(f"move {option} to {path}", rule, [option], [(*outer, last)[0]])


def default(option: str, value: object) -> Rule:
    """Send this value when none is given."""

    def rule(options: Options, model: Model) -> DroppedOptions:
        options.setdefault(option, value)
        return []

    return described(f"default {option}={value!r}", rule, writes=[option])


def force(option: str, value: object, *, why: str) -> Rule:
    """Send this value, and report if another was given."""

    def rule(options: Options, model: Model) -> DroppedOptions:
        requested = options.get(option, value)
        options[option] = value
        return [] if requested == value else [(option, f"{requested!r} became {value!r}: {why}")]

    return described(f"force {option}={value!r}: {why}", rule, writes=[option])


def convert(option: str, change: Callable[[Any], Any] | Mapping[Any, Any], to: str | None = None) -> Rule:
    """Change the value by a function or a table, and the name if `to` is given. A value not in the table stays."""

    def rule(options: Options, model: Model) -> DroppedOptions:
        if option in options:
            value = options.pop(option)
            if callable(change):
                value = change(value)
            elif isinstance(value, Hashable):
                value = change.get(value, value)
            options[to or option] = value
        return []

    return described(f"convert {option}" + (f" to {to}" if to else ""), rule, [option], [to] if to else ())


def when(test: Callable[[Options, Model], bool] | Callable[[Options, Model, str], bool], *rules: AnyRule) -> Rule:
    """Apply the rules only if `test(options, model)`, or `test(options, model, operation)`, is true."""
    parts: tuple[Any, ...] = (test, *rules)

    def rule(options: Options, model: Model) -> DroppedOptions:
        return [loss for each in parts[1:] for loss in each(options, model)] if parts[0](options, model) else []

    def rule_with_operation(options: Options, model: Model, operation: str) -> DroppedOptions:
        return when(*(for_operation(each, operation) for each in parts))(options, model)

    name = getattr(getattr(test, "func", test), "__name__", type(test).__name__)
    made: Callable[..., DroppedOptions] = rule_with_operation if any(map(takes_operation, parts)) else rule
    facts = [found for each in rules if (found := facts_of(each)) is not None]
    return described(
        f"when {name.strip('_<>')}: {'; '.join(map(description_of, rules))}",
        made,
        [option for each in facts for option in each.reads],
        [option for each in facts for option in each.writes],
        parts=parts,
    )


def not_both(first: str, second: str, *, why: str) -> Rule:
    """Leave out the second option if both are given."""

    def rule(options: Options, model: Model) -> DroppedOptions:
        if options.get(first) is None or second not in options:
            return []
        del options[second]
        return [(second, why)]

    return described(f"not both {first} and {second}: {why}", rule, [first, second])


EFFORT_TOKENS = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 65536}
"""The tokens that an effort stands for; low to high are from https://ai.google.dev/gemini-api/docs/openai"""


def effort_of(budget: int) -> str:
    """Return the lowest effort whose budget has at least this number of tokens."""
    return next((effort for effort, tokens in EFFORT_TOKENS.items() if tokens >= budget), EFFORTS[-1])


def nearest_effort(effort: str, known: Iterable[str]) -> str:
    """Return the wanted effort, else the next higher one, else the highest, of those that a model has.

    known: the efforts of the model, the lowest first.
    """
    known = tuple(known)
    return next((each for each in known if EFFORTS.index(each) >= EFFORTS.index(effort)), known[-1])


def efforts(*known: str, to: str = "reasoning_effort", spelt: Mapping[str, Any] | None = None) -> Rule:
    """Send the nearest effort that a model has. A budget becomes the effort that has room for it.

    known: the efforts of the model, the lowest first.
    to: the dotted path in the body.
    spelt: the model's own names of some efforts.
    """
    put, names = move("reasoning_effort", to), spelt or {}

    def rule(options: Options, model: Model) -> DroppedOptions:
        losses = without_thinking(options, model)
        budget, wanted = options.pop("reasoning_budget", None), options.get("reasoning_effort")
        if budget is None and wanted is None:
            return losses
        effort = nearest_effort(wanted or effort_of(budget or 0), known)
        word = names.get(effort, effort)
        if budget is not None:
            what = f"{budget} tokens became the effort {word}" if wanted is None else "reasoning_effort was given, too"
            losses.append(("reasoning_budget", f"{what}; this model takes no budget"))
        if wanted not in (None, effort):
            there = ", ".join(names.get(each, each) for each in known)
            losses.append(("reasoning_effort", f"{wanted} became {word}; this model has {there}"))
        options["reasoning_effort"] = word
        return losses + (put(options, model) if to != "reasoning_effort" else [])

    place = f" to {to}" if to != "reasoning_effort" else ""
    return described(f"efforts {', '.join(known)}{place}", rule, writes=[to.split(".")[0]])


def without_thinking(options: Options, model: Model) -> DroppedOptions:
    """Drop thinking options for models that are known not to think."""
    if model.reasoning is not False:
        return []
    dropped = {name: options.pop(name) for name in _THINKING if name in options}
    return [(name, "this model does not think") for name, value in dropped.items() if value not in (0, "none")]


def switch(to: str, *, on: object, off: object) -> Rule:
    """Send reasoning_effort as on or off, to a model whose thinking has no degrees.

    to: the option that switches it.
    on: its value for any effort.
    off: its value for the effort "none".
    """

    def rule(options: Options, model: Model) -> DroppedOptions:
        effort = options.pop("reasoning_effort", None)
        if effort is not None:
            options.setdefault(to, off if effort == "none" else on)
        return degrees_lost(effort)

    return described(f"switch {to}: {on!r} or {off!r}", rule, (), [to])


def degrees_lost(effort: str | None) -> DroppedOptions:
    """Report an effort between none and high, for a model whose thinking has no degrees."""
    if effort in (None, "none", "high"):
        return []
    return [("reasoning_effort", f"{effort} became on; this model thinks or does not, without degrees")]


def _sampling_is_fixed(options: Options, model: Model) -> bool:
    return model.temperature is False


BUDGET_FIRST = not_both(
    "reasoning_budget", "reasoning_effort", why="reasoning_budget was given, too, and is more exact"
)


def bounded_switch(options: Options, model: Model) -> DroppedOptions:
    """Drop one of effort and budget, for models whose thinking has no degrees; `high` agrees with any budget."""
    if options.get("reasoning_budget") and options.get("reasoning_effort") == "high":
        del options["reasoning_effort"]
    return BUDGET_FIRST(options, model)


def up_to(highest: str) -> Rule:
    """Send no higher effort than this one, and report a change."""

    def rule(options: Options, model: Model) -> DroppedOptions:
        effort = options.get("reasoning_effort")
        if effort not in EFFORTS or EFFORTS.index(effort) <= EFFORTS.index(highest):
            return []
        options["reasoning_effort"] = highest
        return [("reasoning_effort", f"{effort} became {highest}, the highest here")]

    return described(f"efforts up to {highest}", rule)


BY_FACTS: tuple[Rule, ...] = (
    without_thinking,
    # The scale of the common format: https://platform.openai.com/docs/api-reference/chat/create
    up_to("xhigh"),
    when(
        _sampling_is_fixed,
        drop("temperature", "top_p", "top_k", why="this model sets its own sampling"),
    ),
)
"""Rules by the facts of the catalog alone, for providers that refuse or ignore what a model does not take."""

_THINKING = ("reasoning_effort", "reasoning_budget", "reasoning_summary")
