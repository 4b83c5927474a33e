"""List the changes between two states of the catalog for people to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Providers = Mapping[str, Mapping[str, Any]]

_NOTHING = "nothing changed"


def difference(before: Providers, after: Providers) -> list[str]:
    """Return a line for each provider and model that was added, removed or changed, then a line of totals."""
    lines = _added_and_removed(before, after, lambda id: f"{id} ({len({**before, **after}[id]['models'])} models)")
    for id in sorted(before.keys() & after.keys()):
        lines += _changes(id, before[id], after[id])
    models = sum(len(provider["models"]) for provider in after.values())
    return [*(lines or [_NOTHING]), f"{len(after)} providers, {models} models"]


def _added_and_removed(
    before: Mapping[str, object], after: Mapping[str, object], describe: Callable[[str], str]
) -> list[str]:
    added, removed = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
    return [f"+ {describe(id)}" for id in added] + [f"- {describe(id)}" for id in removed]


def _changes(provider: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted((before.keys() | after.keys()) - {"models"}):
        if before.get(key) != after.get(key):
            yield f"~ {provider} {key} {_fact_text(before.get(key))} -> {_fact_text(after.get(key))}"
    old, new = before["models"], after["models"]
    yield from _added_and_removed(old, new, lambda id: f"{provider}:{id}")
    for id in sorted(old.keys() & new.keys()):
        changed = list(_changed_facts("", old[id], new[id]))
        if changed:
            yield f"~ {provider}:{id} {', '.join(changed)}"


def _changed_facts(path: str, old: object, new: object) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from _changed_facts(f"{path}.{key}" if path else key, old.get(key), new.get(key))
    elif old != new:
        yield f"{path} {_fact_text(old)} -> {_fact_text(new)}"


def _fact_text(value: object) -> str:
    return "none" if value is None else str(value)
