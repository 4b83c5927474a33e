"""`thinking_constraints`: the limits that thinking sets for other options, as data.

    with_steps(thinking_constraints={"min_budget": 4096, "temperature": 1})

They replace the constraints of the same names that a provider's rules have; None removes one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...schemas.errors import ConfigError
from ...schemas.model import Model
from ...schemas.nearest import nearest
from .rule_tables import DroppedOptions, Options, Rule, Rules, before, described, facts_of

Constraints = Mapping[str, Any]

KEYS: Mapping[str, str] = {
    "min_budget": "the lowest budget of thinking, in tokens; a lower one is raised",
    "max_budget": "the highest budget, in tokens; a higher one is lowered",
    "min_max_tokens": "the lowest `max_tokens`; a lower one is raised",
    "temperature": "the only temperature that is allowed; another one is dropped",
    "min_top_p": "the lowest `top_p`; a lower one is raised",
    "top_k": "False if `top_k` is not allowed; it is then dropped",
}
"""The keys, each with what it sets."""


def checked_constraints(constraints: object) -> Constraints | None:
    """Check constraints and return them. Raises ConfigError for a name that is not in KEYS or a value that is not a
    number."""
    if constraints is None:
        return None
    if not isinstance(constraints, Mapping):
        raise ConfigError(f"thinking_constraints cannot be a {type(constraints).__name__}", hint="pass a mapping")
    for name, value in constraints.items():
        if name not in KEYS:
            raise ConfigError(f"{name!r} is not a constraint of thinking", hint=nearest(str(name), KEYS))
        if not isinstance(value, int | float | None):
            raise ConfigError(f"thinking_constraints[{name!r}] cannot be a {type(value).__name__}")
    return constraints


def constrained(description: str, make: Callable[[Constraints], Rule]) -> Rule:
    """Make a rule that depends on constraints: `make(constraints)` returns it."""
    return described(description, make({}), under=make)


def with_constraints(rules: Rules, constraints: Constraints | None) -> Rules:
    """Apply constraints to the rules; if none of them takes any, check the options of the caller directly."""
    if not constraints:
        return rules
    if callable(rules):
        return before((constrain(constraints),), rules)
    fitted = tuple(_under(rule, constraints) for rule in rules)
    return (constrain(constraints), *rules) if fitted == rules else fitted


def _under(rule: Rule, constraints: Constraints) -> Rule:
    """Return the rule under these constraints; the rule itself if it takes none."""
    facts = facts_of(rule)
    return rule if facts is None or facts.under is None else described(facts.description, facts.under(constraints))


def constrain(constraints: Constraints) -> Rule:
    """Make a rule that holds the options of the caller to the constraints, where thinking is requested."""

    def rule(options: Options, model: Model) -> DroppedOptions:
        effort, budget = options.get("reasoning_effort"), options.get("reasoning_budget")
        thinks = effort not in (None, "none") if budget is None else bool(budget)
        if not thinks:
            return []
        losses: DroppedOptions = []
        if budget and budget > 0:
            options["reasoning_budget"] = fitted = fitting(budget, constraints)
            if fitted != budget:
                losses.append(("reasoning_budget", f"{budget} became {fitted}, as thinking_constraints require"))
        return losses + sampling_within(options, constraints)

    return described(f"within {dict(constraints)}", rule)


def fitting(budget: int, constraints: Constraints) -> int:
    """Bring the budget between the bounds; the lower bound wins."""
    least, most = constraints.get("min_budget") or 0, constraints.get("max_budget")
    return max(least, budget if most is None else min(budget, most))


def sampling_within(options: Options, constraints: Constraints) -> DroppedOptions:
    """Bring temperature, top_k, top_p and max_tokens to what thinking allows, and return what was changed."""
    losses: DroppedOptions = []
    only = constraints.get("temperature")
    if only is not None and options.get("temperature") not in (None, only):
        del options["temperature"]
        losses.append(("temperature", f"thinking takes no temperature but {only}"))
    if constraints.get("top_k") is False and options.pop("top_k", None) is not None:
        losses.append(("top_k", "thinking takes no top_k"))
    for name, least in (("top_p", constraints.get("min_top_p")), ("max_tokens", constraints.get("min_max_tokens"))):
        value = options.get(name)
        if value is not None and least is not None and value < least:
            options[name] = least
            losses.append((name, f"{value} became {least}, the least that thinking takes"))
    return losses


EXCLUSIVE = "a forced tool choice and thinking exclude each other"


def unthinking_if_forced(to: str, off: object, *, by_default: bool = False) -> Rule:
    """Turn thinking off where a tool is forced, for models that refuse both together.

    to: the option that switches it.
    off: the value that turns it off.
    by_default: whether the model thinks unless it is turned off.
    """

    def rule(options: Options, model: Model) -> DroppedOptions:
        if options.get("tool_choice") in (None, "auto", "none") or to in options:
            return []
        names = ("reasoning_effort", "reasoning_budget")
        lost = [name for name in names if options.pop(name, None) not in (None, "none", 0)]
        if lost or by_default:
            options[to] = off
        return [(name, EXCLUSIVE) for name in lost] or ([(to, f"turned off: {EXCLUSIVE}")] if by_default else [])

    return described(f"no thinking if a tool is forced: {to}={off!r}", rule, ["tool_choice"], [to])
