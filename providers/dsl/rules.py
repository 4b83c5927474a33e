"""Option rules: how canonical options become a provider's own, as a table. Every loss is told.

A rule is `(options, model) -> losses`: it changes the dict it is given and returns (option, reason) pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...schemas.errors import ConfigError, InvalidOption
from ...schemas.model import Model
from ...schemas.reply import CallWarning

Options = dict[str, Any]
Losses = list[tuple[str, str]]
Rule = Callable[[Options, Model], Losses]
Translate = Callable[[Options, Model], Any]


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
            options[to or option] = change(value) if callable(change) else change.get(value, value)
        return []

    return rule


def when(test: Callable[[Options, Model], bool], *rules: Rule) -> Rule:
    """Apply the rules only where the test holds of the options and the model's facts."""

    def rule(options: Options, model: Model) -> Losses:
        return [loss for each in rules for loss in each(options, model)] if test(options, model) else []

    return rule


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
