"""Option rules: how canonical options become a provider's own, as a table. Every loss is told.

A rule is `(options, model) -> losses`: it changes the dict it is given and returns (option, reason) pairs.

A table given for some models (`override(translate_options=[...])`, in a declaration or by a user) is added to the
provider's: its rules run first, on the canonical names, the most specific last among them. `only(...)` takes the place
of everything more general, and so does a function.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from ...schemas.errors import ConfigError, InvalidOption
from ...schemas.model import Model
from ...schemas.options import EFFORTS
from ...schemas.reply import CallWarning

Options = dict[str, Any]
Losses = list[tuple[str, str]]
Rule = Callable[[Options, Model], Losses]
Translate = Callable[[Options, Model], Any]


class Only(tuple[Rule, ...]):
    """A table that takes the place of more general ones instead of being added to them."""

    __slots__ = ()


def only(*rules: Rule) -> Only:
    """These rules and no others: `override(translate_options=only(rename("max_tokens", "limit")))`."""
    return Only(rules)


def table(given: Iterable[Rule] | Translate) -> tuple[Rule, ...] | Translate:
    """What is given for translate_options, as it is kept."""
    return given if callable(given) or isinstance(given, Only) else tuple(given)


def joined(general: tuple[Rule, ...] | Translate, more: Iterable[Any]) -> tuple[Rule, ...] | Translate:
    """The table in force: the general one, with what is given for ever more specific models."""
    added: tuple[Rule, ...] = ()
    for each in more:
        if callable(each) or isinstance(each, Only):
            general, added = each, ()
        else:
            added += tuple(each)
    if not callable(general):
        return (*added, *general)
    return _before(added, general) if added else general


def _before(rules: tuple[Rule, ...], function: Translate) -> Translate:
    def both(options: Options, model: Model) -> Any:
        losses = [loss for rule in rules for loss in rule(options, model)]
        result = function(options, model)
        options, told = result if isinstance(result, tuple) else (result, ())
        return options, [*losses, *told]

    return both


def rename(option: str, to: str) -> Rule:
    """Send `option` under another name. Raises InvalidOption when both are given."""

    def rule(options: Options, model: Model) -> Losses:
        if option in options:
            if to in options:
                raise InvalidOption(f"{option!r} and {to!r} are the same for {model}", hint="give one of them")
            options[to] = options.pop(option)
        return []

    return rule


def drop(*names: str, why: str) -> Rule:
    """Leave these options out and tell the caller why."""

    def rule(options: Options, model: Model) -> Losses:
        return [(name, why) for name in names if options.pop(name, None) is not None]

    return rule


def clamp(option: str, low: float | None = None, high: float | None = None, *, why: str = "") -> Rule:
    """Bring the value between the limits and tell the caller."""

    def rule(options: Options, model: Model) -> Losses:
        value = options.get(option)
        if value is None:
            return []
        fitted = value if low is None or value >= low else low
        fitted = fitted if high is None or fitted <= high else high
        options[option] = fitted
        return [] if fitted == value else [(option, f"{value} became {fitted}" + (f": {why}" if why else ""))]

    return rule


def move(option: str, path: str) -> Rule:
    """Send the value at a dotted path of the body: `move("top_k", "extra.sampling.top_k")`."""
    *outer, last = path.split(".")

    def rule(options: Options, model: Model) -> Losses:
        if option in options:
            value = options.pop(option)
            place = options
            for key in outer:
                place = place.setdefault(key, {})
            place[last] = value
        return []

    return rule


def default(option: str, value: Any) -> Rule:
    """Send this value when none is given."""

    def rule(options: Options, model: Model) -> Losses:
        options.setdefault(option, value)
        return []

    return rule


def force(option: str, value: Any, *, why: str) -> Rule:
    """Send exactly this value; tell the caller when another was asked for."""

    def rule(options: Options, model: Model) -> Losses:
        asked = options.get(option, value)
        options[option] = value
        return [] if asked == value else [(option, f"{asked!r} became {value!r}: {why}")]

    return rule


def convert(option: str, change: Callable[[Any], Any] | Mapping[Any, Any], to: str | None = None) -> Rule:
    """Change the value by a function or a table (what a table does not list stays), and perhaps the name."""

    def rule(options: Options, model: Model) -> Losses:
        if option in options:
            value = options.pop(option)
            if callable(change):
                value = change(value)
            elif isinstance(value, Hashable):
                value = change.get(value, value)
            options[to or option] = value
        return []

    return rule


def when(test: Callable[[Options, Model], bool], *rules: Rule) -> Rule:
    """Apply the rules only where the test holds of the options and the model's facts."""

    def rule(options: Options, model: Model) -> Losses:
        return [loss for each in rules for loss in each(options, model)] if test(options, model) else []

    return rule


def not_both(first: str, second: str, *, why: str) -> Rule:
    """Leave out the second where both are given."""

    def rule(options: Options, model: Model) -> Losses:
        if options.get(first) is None or second not in options:
            return []
        del options[second]
        return [(second, why)]

    return rule


TOKENS = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768}
"""How many tokens an effort stands for, from low to high by https://ai.google.dev/gemini-api/docs/openai"""


def effort_of(budget: int) -> str:
    """The least effort that has so many tokens to think with."""
    return next((effort for effort, tokens in TOKENS.items() if tokens >= budget), EFFORTS[-1])


def nearest_effort(asked: str, known: Iterable[str]) -> str:
    """Of the efforts that a model knows, least first: the one asked for, else the next higher, else the highest."""
    known = tuple(known)
    return next((each for each in known if EFFORTS.index(each) >= EFFORTS.index(asked)), known[-1])


def efforts(*known: str, to: str = "reasoning_effort", spelt: Mapping[str, Any] | None = None) -> Rule:
    """The efforts that a model knows, least first; others become the nearest of them. A budget becomes the effort that
    has room for it. `to` is the dotted place in the body and `spelt` the model's own words for some efforts."""
    put, words = move("reasoning_effort", to), spelt or {}

    def rule(options: Options, model: Model) -> Losses:
        losses = without_thinking(options, model)
        budget, asked = options.pop("reasoning_budget", None), options.get("reasoning_effort")
        if budget is None and asked is None:
            return losses
        effort = nearest_effort(asked or effort_of(budget or 0), known)
        word = words.get(effort, effort)
        if budget is not None:
            what = f"{budget} tokens became the effort {word}" if asked is None else "reasoning_effort was given, too"
            losses.append(("reasoning_budget", f"{what}; this model takes no budget"))
        if asked not in (None, effort):
            there = ", ".join(words.get(each, each) for each in known)
            losses.append(("reasoning_effort", f"{asked} became {word}; this model knows {there}"))
        options["reasoning_effort"] = word
        return losses + (put(options, model) if to != "reasoning_effort" else [])

    return rule


def without_thinking(options: Options, model: Model) -> Losses:
    """A model that is known not to think is not asked to."""
    if model.reasoning is not False:
        return []
    asked = {name: options.pop(name) for name in _THINKING if name in options}
    return [(name, "this model does not think") for name, value in asked.items() if value not in (0, "none")]


def switch(to: str, *, on: Any, off: Any) -> Rule:
    """reasoning_effort for a model that thinks or does not, without degrees: `on` or `off` in the option `to`."""

    def rule(options: Options, model: Model) -> Losses:
        asked = options.pop("reasoning_effort", None)
        if asked is not None:
            options.setdefault(to, off if asked == "none" else on)
        return degrees_lost(asked)

    return rule


def degrees_lost(asked: str | None) -> Losses:
    """What is told of an effort where there are only all and nothing."""
    if asked in (None, "none", "high"):
        return []
    return [("reasoning_effort", f"{asked} became on; this model thinks or does not, without degrees")]


BY_FACTS: tuple[Rule, ...] = (
    without_thinking,
    when(
        lambda options, model: model.temperature is False,
        drop("temperature", "top_p", "top_k", why="this model sets its own sampling"),
    ),
)
"""What the catalog alone knows of a model's options: for providers that refuse or pass over what a model lacks."""

_THINKING = ("reasoning_effort", "reasoning_budget", "reasoning_summary")


def translate(
    steps: Iterable[Rule] | Translate, options: Options, model: Model, on_unsupported: str
) -> tuple[Options, tuple[CallWarning, ...]]:
    """Apply a table of rules, or a function that gives options or (options, warnings).

    Losses become warnings, or with on_unsupported="error" one InvalidOption, or nothing with "ignore".
    """
    losses: Losses = []
    warnings: tuple[CallWarning, ...] = ()
    if callable(steps):
        result = steps(options, model)
        if isinstance(result, tuple):
            options, told = result
            for item in told:
                if isinstance(item, CallWarning):
                    warnings += (item,)
                else:
                    losses.append(item if isinstance(item, tuple) else ("options", str(item)))
        else:
            options = result
        if not isinstance(options, dict):
            raise ConfigError("translate_options must return the options, or (options, warnings)")
    else:
        for rule in steps:
            losses += rule(options, model)
    return options, warnings + judged(losses, model, on_unsupported)


def judged(losses: Losses, model: Model, on_unsupported: str) -> tuple[CallWarning, ...]:
    """What becomes of losses: warnings, an InvalidOption, or nothing."""
    if not losses or on_unsupported == "ignore":
        return ()
    if on_unsupported == "error":
        said = "; ".join(f"{name!r}: {why}" for name, why in losses)
        raise InvalidOption(f"{model} does not take what was asked: {said}", hint="drop it, or on_unsupported='warn'")
    return tuple(CallWarning(name, why, str(model)) for name, why in losses)
