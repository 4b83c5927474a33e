"""What `describe()` tells of each step: where its function stands, who put it there, and what a table is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve, fields, has

from ...pipeline.step import Step
from .resolve import Resolved
from .rules import description_of


def with_origin(step: Step, steps: Resolved, name: str = "", details: Iterable[str] = ()) -> Step:
    """The step, said to come from the function `name` that a wire, a provider or a user gave for it. Of the functions
    in `details` those are told that are not the wire's."""
    lines = [
        f"{each}: {source_of(steps[each])}  ({steps.scopes[each]})"
        for each in details
        if each != name and not steps.scopes.get(each, "wire ").startswith("wire ")
    ]
    if name == "translate_options":
        return evolve(step, details=(*_constraints(steps), *_rules(steps), *lines))
    if steps.get(name) is None:
        return evolve(step, details=tuple(lines))
    return evolve(step, source=source_of(steps[name]), origin=steps.scopes.get(name, ""), details=tuple(lines))


def source_of(given: Any) -> str:
    """Where a function stands; what anything else is."""
    code = getattr(getattr(given, "func", given), "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    if isinstance(given, type) or not has(type(given)):
        return type(given).__name__ if callable(given) else repr(given)
    # Of a row of facts those that are not the usual ones, and of functions where they stand.
    facts = ((each.name, getattr(given, each.name), each.default) for each in fields(type(given)))
    reported = [f"{name}={source_of(fact)}" for name, fact, default in facts if fact != default]
    return f"{type(given).__name__}({', '.join(reported)})"


def _constraints(steps: Resolved) -> list[str]:
    held = steps.get("thinking_constraints")
    return [f"thinking_constraints: {dict(held)}  ({steps.scopes['thinking_constraints']})"] if held else []


def _rules(steps: Resolved) -> list[str]:
    """The rules as they run, each with whose it is."""
    lines = []
    for scope, rules in steps.tables:
        if callable(rules):
            lines.append(f"{source_of(rules)}  ({scope})")
        else:
            lines += [f"{description_of(rule)}  ({scope})" for rule in rules]
    return lines
