"""Which function each step is for one model, and who said so: the wire, the provider, its row for the model, a user."""

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
    """The steps in force. `scopes` tells whose each is; `tables` are the option rules with theirs, as they run."""

    steps: Mapping[str, Any]
    scopes: Mapping[str, str] = field(factory=dict)
    tables: tuple[tuple[str, Rules], ...] = ()

    def __getitem__(self, name: str) -> Any:
        return self.steps[name]

    def get(self, name: str) -> Any:
        return self.steps.get(name)


def resolve_steps(provider: Provider, model: Model, wire: Wire, overrides: Iterable[Override] = ()) -> Resolved:
    """Each step for this model: the wire's, unless provider, model row or user says otherwise, each within its place.
    `overrides` are those of users, the most specific last. Raises ConfigError for a step of a wire that does not say
    which of several it was written for."""
    overrides = tuple(overrides)
    spoken, said = _declared(provider, wire)
    rows = _rows(provider, listed_id(provider, model.id, overrides))
    said, *layers = (_held(layer, provider, wire) for layer in (said, *rows, *overrides))
    steps: dict[str, Any] = {}
    scopes: dict[str, str] = {}
    for layer in (spoken, said, *layers):
        steps.update(layer.steps)
        scopes.update(dict.fromkeys(layer.steps, layer.scope))
    own = Override({"translate_options": provider.translate_options}, provider.id)
    given = [each for each in (own, *layers) if "translate_options" in each.steps]
    tables = [(each.scope, each.steps["translate_options"]) for each in given]
    rules = joined([rules for _, rules in tables])
    steps["translate_options"] = with_constraints(rules, steps.get("thinking_constraints"))
    return Resolved(steps, scopes, tuple(surviving(tables, lambda each: each[1])))


def listed_id(provider: Provider, model_id: str, overrides: Iterable[Override]) -> str:
    """The id that a model is listed by: the model's own, unless a normalize_model_id says otherwise."""
    normalize = provider.normalize_model_id
    for layer in (*_rows(provider, model_id), *overrides):
        normalize = layer.steps.get("normalize_model_id", normalize)
    if normalize is same_id:
        return model_id
    listed = normalize(model_id)
    if not isinstance(listed, str) or not listed:
        raise ConfigError(
            f"normalize_model_id gave a {type(listed).__name__} for {provider.id}:{model_id}",
            hint="it must give the id of a model",
        )
    return listed


def _held(layer: Override, provider: Provider, wire: Wire) -> Override:
    """The layer with those of its steps that hold for this wire."""
    steps = {name: step for name, step in layer.steps.items() if layer.place.covers(name, wire, provider.wires)}
    layer.place.check_meant(steps, provider.wires, provider.id, layer.scope)
    return Override(steps, layer.scope, layer.place)


def _rows(provider: Provider, model_id: str) -> list[Override]:
    """The provider's own rows for a model."""
    rows = [(pattern, each) for pattern, each in provider.models.items() if fnmatchcase(model_id, pattern)]
    return [Override(each.steps, f"{provider.id}, models {pattern}", each.place) for pattern, each in rows]


def _declared(provider: Provider, wire: Wire) -> tuple[Override, ...]:
    """What the wire says, and what the provider says of all its models."""
    spoken = {name: getattr(wire, name) for name in STEPS if hasattr(wire, name)}
    said = {name: given for name in _FIELDS if (given := getattr(provider, name)) is not None}
    if provider.normalize_model_id is not same_id:
        said["normalize_model_id"] = provider.normalize_model_id
    if provider.auth is not None:
        said["authenticate"] = provider.auth
    return (
        Override({"authenticate": wire.auth, **spoken}, f"wire {wire.name}"),
        Override({**said, **provider.steps}, provider.id),
    )
