"""Describe steps for `describe()`: the place of each function in the code, who added it, and the rows of tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve, fields, has

from ...pipeline.step import Step
from .extending import Extending
from .resolve import Resolved
from .rule_tables import description_of


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
    for each in dict.fromkeys((name, *details)) if steps.extends or steps.unmet else ():
        lines += [f"{each} extends {source_of(step)}  ({scope})" for step, scope in steps.extends.get(each, ())]
        others = [layer for layer in steps.unmet if each in layer.steps]
        lines += [f"{each}, for other calls: {source_of(layer.steps[each])}  ({layer.scope})" for layer in others]
    if name == "translate_options":
        return evolve(step, details=(*_rules(steps), *lines))
    if steps.get(name) is None:
        return evolve(step, details=tuple(lines))
    return evolve(step, source=source_of(steps[name]), origin=steps.scopes.get(name, ""), details=tuple(lines))


def source_of(value: object) -> str:
    """Return file and line of a function; a short text for any other value."""
    if isinstance(value, Extending):
        value = value.function
    code = getattr(getattr(value, "func", value), "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    kind: type[Any] = type(value)
    if isinstance(value, type) or not has(kind):
        return type(value).__name__ if callable(value) else repr(value)
    # Of an object with fields, those that differ from their defaults.
    values = ((each.name, getattr(value, each.name), each.default) for each in fields(kind))
    reported = [f"{name}={source_of(each_value)}" for name, each_value, default in values if each_value != default]
    return f"{type(value).__name__}({', '.join(reported)})"


def _rules(steps: Resolved) -> list[str]:
    """List the constraints of thinking and the rules in the order in which they run, each with its scope."""
    constraints, scope = steps.get("thinking_constraints"), steps.scopes.get("thinking_constraints")
    lines = [f"thinking_constraints: {dict(constraints)}  ({scope})"] if constraints else []
    for scope, rules in steps.tables:
        texts = [source_of(rules)] if callable(rules) else map(description_of, rules)
        lines += [f"{text}  ({scope})" for text in texts]
    return lines
