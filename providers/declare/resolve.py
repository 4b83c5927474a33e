"""Choose the function of each step for a model (user > model row > provider > wire), and record whose it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from attrs import field, frozen

from ...pipeline.http.request import Request
from ...schemas.errors import ConfigError
from ...schemas.model import Model
from .constraints import Constraints, with_constraints
from .extending import Extended, Extending, extended
from .place import When
from .provider import Override, Provider, same_id
from .rule_tables import Only, Rule, Rules, before, for_operation, joined, surviving, takes_operation
from .steps import STEPS, STEPS_CALLED_WITH, checked_step
from .wire import Wire

_OF_PROVIDER = {
    "prepare_request": "prepare_request",
    "attach": "attach",
    "attach_stream": "attach_stream",
    "authenticate": "auth",
    "normalize_model_id": "normalize_model_id",
    "tool_call_id_policy": "tool_call_id_policy",
    "thinking_constraints": "thinking_constraints",
}
"""The fields of a provider that are steps, by the names of the steps."""
_OF_WIRE = tuple(name for name in STEPS if hasattr(Wire, name))


class Family(NamedTuple):
    """The facts of a family of models for one model and one wire; see options/families.py."""

    rules: tuple[Rule, ...] = ()
    """its option rules, for providers that have none of their own for it; they take the canonical names"""
    fit: Callable[[Request], Request] | None = None
    """drops or refuses what the model does not take beside its tools or its conversation"""
    text_calls: tuple[str, ...] = ()
    """the forms in which it may write tool calls as text; see text_calls/forms.py"""


@frozen(eq=False)
class Resolved:
    """The steps in force, the scope of each, and the tables of option rules with their scopes, in their order."""

    steps: Mapping[str, Any]
    scopes: Mapping[str, str] = field(factory=dict)
    tables: tuple[tuple[str, Any], ...] = ()
    extends: Mapping[str, tuple[tuple[Any, str], ...]] = field(factory=dict)
    """by name, the steps that an extending one is wrapped around, outermost first, and the scope of each"""
    conditions: tuple[When, ...] = ()
    """the `when` of each layer that holds for some calls only"""
    unmet: tuple[Override, ...] = ()
    """those of these layers that are not in force here"""
    fit: Callable[[Request], Request] | None = None
    """drops or refuses what the model's family does not take beside its tools or its conversation"""
    text_calls: tuple[str, ...] = ()
    """the forms in which the model's family may write tool calls as text"""

    def __getitem__(self, name: str) -> Any:
        return self.steps[name]

    def get(self, name: str) -> Any:
        return self.steps.get(name)


def resolve_steps(
    provider: Provider,
    model: Model,
    wire: Wire,
    overrides: Iterable[Override] = (),
    *,
    stream: bool = False,
    met: tuple[bool, ...] = (),
    family: Family | None = None,
) -> Resolved:
    """Choose the function of each step for a model: the wire's, unless provider, model row or user replaces it.

    provider: whose model it is.
    model: the model.
    wire: the wire of the call.
    overrides: those of users, the most specific last.
    stream: whether the call is streamed.
    met: whether the condition is met, for each layer with a `when`, in their order (default: none is).
    family: the facts of the model's family.

    Raises ConfigError for a step of a wire that may mean several wires, or for an extending one that does not fit.
    """
    overrides = tuple(overrides)
    of_wire, of_provider = _declared_steps(provider, wire)
    rows = _rows(provider, listed_id(provider, model.id, overrides))
    layers = [_for_call(layer, provider, wire, stream) for layer in (of_provider, *rows, *overrides)]
    limited = [each for each in layers if each.place.when is not None and each.steps]
    unmet = [each for at, each in enumerate(limited) if met[at : at + 1] != (True,)]
    layers = [each for each in layers if not any(each is other for other in unmet)]
    chosen = _StepTable(of_wire, provider)
    for layer in layers:
        chosen.add(layer)
    tables = [
        (each.scope, each.steps["translate_options"])
        for each in (*_own_tables(provider, rows, family), *layers)
        if "translate_options" in each.steps
    ]
    chosen.steps["translate_options"], shown = _translation(
        tables, chosen.steps.get("thinking_constraints"), wire.operation
    )
    conditions = tuple(each.place.when for each in limited if each.place.when)
    family = family or Family()
    return Resolved(
        chosen.steps,
        chosen.scopes,
        tuple(shown),
        chosen.extends,
        conditions,
        tuple(unmet),
        family.fit,
        family.text_calls,
    )


def _own_tables(provider: Provider, rows: Iterable[Override], family: Family | None) -> list[Override]:
    """Return the provider's table of rules, and its model family's unless the provider has a whole table for the
    model, or one that replaces all others."""
    own = Override({"translate_options": provider.translate_options}, provider.id)
    if (
        family is None
        or not family.rules
        or callable(provider.translate_options)
        or isinstance(provider.translate_options, Only)
        or any(isinstance(row.steps.get("translate_options"), Only) for row in rows)
    ):
        return [own]
    return [own, Override({"translate_options": family.rules}, "the model's family")]


class _StepTable:
    """The steps in force. Each layer that is added replaces or extends those of the layers before it."""

    def __init__(self, of_wire: Override, provider: Provider) -> None:
        self.steps: dict[str, Any] = dict(of_wire.steps)
        self.scopes: dict[str, str] = dict.fromkeys(of_wire.steps, of_wire.scope)
        self.extends: dict[str, tuple[tuple[Any, str], ...]] = {}
        self._of_provider = {"default_env_key": provider.default_env_key, "normalize_model_id": same_id}

    def add(self, layer: Override) -> None:
        if "parse_stream_protocol" in layer.steps and type(layer.steps["parse_stream_protocol"]) is not Extending:
            # A begins_stream recognises the protocol for which it was written, not a new one.
            self.steps["begins_stream"] = None
        for name, step in layer.steps.items():
            if type(step) is Extending and name != "translate_options":
                step = self._extended(name, step, layer.scope)
            elif self.extends:
                self.extends.pop(name, None)
            self.steps[name] = step
            self.scopes[name] = layer.scope

    def _extended(self, name: str, step: Extending, scope: str) -> Any:
        inherited = self.steps.get(name) or self._of_provider.get(name)
        if inherited is not None:
            self.extends[name] = ((inherited, self.scopes.get(name, "")), *self.extends.get(name, ()))
        by_name = STEPS_CALLED_WITH.get(name, (None, ()))[1]
        return checked_step(name, extended(name, step.function, inherited, self.steps, scope, by_name))


Tables = list[tuple[str, Any]]


def _translation(tables: Tables, constraints: Constraints | None, operation: str) -> tuple[Rules, Tables]:
    """Return the option rules in force, and their tables in the order in which they run.

    tables: all tables with their scopes, from the general to the specific.
    constraints: thinking_constraints.
    operation: that of the call, for rules that take it.
    """
    collected: Tables = []
    inherited: Tables = []
    for scope, given in tables:
        if type(given) is Extending:
            rules, inherited = _in_force(collected, inherited, constraints)
            # What is extended returns the options and the losses.
            whole = before((), rules) if callable(rules) else before(rules, lambda options, model: options)
            collected = [(scope, Extended(for_operation(given.function, operation), whole))]
        else:
            collected.append((scope, _for_operation(given, operation)))
    return _in_force(collected, inherited, constraints)


def _for_operation(rules: Rules, operation: str) -> Any:
    if callable(rules):
        return for_operation(rules, operation)
    return type(rules)(for_operation(rule, operation) for rule in rules) if any(map(takes_operation, rules)) else rules


def _in_force(collected: Tables, inherited: Tables, constraints: Constraints | None) -> tuple[Rules, Tables]:
    """Return the rules of tables, of which the first may extend the `inherited` ones, and the tables as they run."""
    shown = surviving(collected, lambda each: each[1])
    rules = joined([rules for _, rules in collected])
    if type(shown[-1][1]) is Extended:  # what it extends has the constraints
        return rules, [*shown, *inherited]
    return with_constraints(rules, constraints), shown


def listed_id(provider: Provider, model_id: str, overrides: Iterable[Override]) -> str:
    """Return the id that a model is listed by: its own, or what a normalize_model_id makes of it."""
    normalize: Any = same_id
    for step in (
        provider.normalize_model_id,
        *(layer.steps.get("normalize_model_id") for layer in (*_rows(provider, model_id), *overrides)),
    ):
        if step is not None:
            normalize = Extended(step.function, normalize) if type(step) is Extending else step
    if normalize is same_id:
        return model_id
    listed = normalize(model_id)
    if not isinstance(listed, str) or not listed:
        raise ConfigError(
            f"normalize_model_id returned a {type(listed).__name__} for {provider.id}:{model_id}",
            hint="return the id of a model",
        )
    return listed


def _for_call(layer: Override, provider: Provider, wire: Wire, stream: bool) -> Override:
    """Return the layer with only those steps that hold for this wire and for streamed or unstreamed calls."""
    place, wires = layer.place, provider.wires
    steps = {name: step for name, step in layer.steps.items() if place.covers(name, wire, wires, stream)}
    place.require_named_wire(steps, wires, provider.id, layer.scope)
    return Override(steps, layer.scope, place)


def _rows(provider: Provider, model_id: str) -> list[Override]:
    """Return the provider's rows for a model."""
    return [
        Override(each.steps, f"{provider.id}, models {pattern}{each.place.suffix}", each.place)
        for pattern, each in provider.models.items()
        if fnmatchcase(model_id, pattern)
    ]


def _declared_steps(provider: Provider, wire: Wire) -> tuple[Override, ...]:
    """Return the steps of the wire, and those of the provider for all its models."""
    of_wire = {name: getattr(wire, name) for name in _OF_WIRE}
    given = {name: getattr(provider, field) for name, field in _OF_PROVIDER.items()}
    of_provider = {name: value for name, value in given.items() if value is not None and value is not same_id}
    return (
        Override({"authenticate": wire.auth, **of_wire}, f"wire {wire.name}"),
        Override({**of_provider, **provider.steps}, provider.id),
    )
