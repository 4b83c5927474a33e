"""Choose the function of each step for a model (user > model row > provider > wire), and record whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from attrs import field, frozen

from ...schemas.errors import ConfigError
from ...schemas.model import Model
from .constraints import with_constraints
from .provider import Override, Provider, same_id
from .rules import Rules, joined, surviving
from .steps import STEPS
from .wire import Wire

_FIELDS = ("prepare_request", "attach", "attach_stream", "tool_call_id_policy", "thinking_constraints")


@frozen
class Resolved:
    """The steps in force, the scope of each, and the tables of option rules with their scopes, in their order."""

    steps: Mapping[str, Any]
    scopes: Mapping[str, str] = field(factory=dict)
    tables: tuple[tuple[str, Rules], ...] = ()

    def __getitem__(self, name: str) -> Any:
        return self.steps[name]

    def get(self, name: str) -> Any:
        return self.steps.get(name)


def resolve_steps(provider: Provider, model: Model, wire: Wire, overrides: Iterable[Override] = ()) -> Resolved:
    """Choose the function of each step for a model: the wire's, unless provider, model row or user replaces it.

    provider: whose model it is.
    model: the model.
    wire: the wire of the call.
    overrides: those of users, the most specific last.

    Raises ConfigError for a step of a wire that may mean several wires.
    """
    overrides = tuple(overrides)
    of_wire, of_provider = _declared(provider, wire)
    rows = _rows(provider, listed_id(provider, model.id, overrides))
    of_provider, *layers = (_for_wire(layer, provider, wire) for layer in (of_provider, *rows, *overrides))
    steps: dict[str, Any] = {}
    scopes: dict[str, str] = {}
    for layer in (of_wire, of_provider, *layers):
        steps.update(layer.steps)
        scopes.update(dict.fromkeys(layer.steps, layer.scope))
    own = Override({"translate_options": provider.translate_options}, provider.id)
    given = [each for each in (own, *layers) if "translate_options" in each.steps]
    tables = [(each.scope, each.steps["translate_options"]) for each in given]
    rules = joined([rules for _, rules in tables])
    steps["translate_options"] = with_constraints(rules, steps.get("thinking_constraints"))
    return Resolved(steps, scopes, tuple(surviving(tables, lambda each: each[1])))


def listed_id(provider: Provider, model_id: str, overrides: Iterable[Override]) -> str:
    """Return the id that a model is listed by: its own, or what a normalize_model_id makes of it."""
    normalize = provider.normalize_model_id
    for layer in (*_rows(provider, model_id), *overrides):
        normalize = layer.steps.get("normalize_model_id", normalize)
    if normalize is same_id:
        return model_id
    listed = normalize(model_id)
    if not isinstance(listed, str) or not listed:
        raise ConfigError(
            f"normalize_model_id returned a {type(listed).__name__} for {provider.id}:{model_id}",
            hint="return the id of a model",
        )
    return listed


def _for_wire(layer: Override, provider: Provider, wire: Wire) -> Override:
    """Return the layer with only those steps that hold for this wire."""
    steps = {name: step for name, step in layer.steps.items() if layer.place.covers(name, wire, provider.wires)}
    layer.place.check_meant(steps, provider.wires, provider.id, layer.scope)
    return Override(steps, layer.scope, layer.place)


def _rows(provider: Provider, model_id: str) -> list[Override]:
    """Return the provider's rows for a model."""
    rows = [(pattern, each) for pattern, each in provider.models.items() if fnmatchcase(model_id, pattern)]
    return [Override(each.steps, f"{provider.id}, models {pattern}", each.place) for pattern, each in rows]


def _declared(provider: Provider, wire: Wire) -> tuple[Override, ...]:
    """Return the steps of the wire, and those of the provider for all its models."""
    of_wire = {name: getattr(wire, name) for name in STEPS if hasattr(wire, name)}
    of_provider = {name: given for name in _FIELDS if (given := getattr(provider, name)) is not None}
    if provider.normalize_model_id is not same_id:
        of_provider["normalize_model_id"] = provider.normalize_model_id
    if provider.auth is not None:
        of_provider["authenticate"] = provider.auth
    return (
        Override({"authenticate": wire.auth, **of_wire}, f"wire {wire.name}"),
        Override({**of_provider, **provider.steps}, provider.id),
    )
