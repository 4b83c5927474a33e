"""Describe steps for `describe()`: the place of each function in the code, who added it, and the rows of tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve, fields, has

from ...pipeline.step import Step
from .resolve import Resolved
from .rules import description_of


def with_origin(step: Step, steps: Resolved, name: str = "", details: Iterable[str] = ()) -> Step:
    """Return the step with its origin.

    step: the step.
    steps: the functions in force.
    name: the function that the step runs.
    details: further functions in it; those that are not the wire's get a line.
    """
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


def source_of(given: object) -> str:
    """Return file and line of a function; a short text for any other value."""
    code = getattr(getattr(given, "func", given), "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    kind: type[Any] = type(given)
    if isinstance(given, type) or not has(kind):
        return type(given).__name__ if callable(given) else repr(given)
    # Of an object with fields, those that differ from their defaults.
    values = ((each.name, getattr(given, each.name), each.default) for each in fields(kind))
    reported = [f"{name}={source_of(value)}" for name, value, default in values if value != default]
    return f"{type(given).__name__}({', '.join(reported)})"


def _constraints(steps: Resolved) -> list[str]:
    given = steps.get("thinking_constraints")
    return [f"thinking_constraints: {dict(given)}  ({steps.scopes['thinking_constraints']})"] if given else []


def _rules(steps: Resolved) -> list[str]:
    """List the rules in the order in which they run, each with its scope."""
    lines = []
    for scope, rules in steps.tables:
        if callable(rules):
            lines.append(f"{source_of(rules)}  ({scope})")
        else:
            lines += [f"{description_of(rule)}  ({scope})" for rule in rules]
    return lines
