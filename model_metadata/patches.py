"""Patches: what we, or you, know better than the catalog.

A patch file is one JSON object, or a list of them:

    {"provider": "openai",              a provider id, or a pattern such as "azure*" or "*"
     "models": "gpt-5*-pro",            a pattern, or a list of them; "*" if left out
     "set": {"wire": "openai_responses"},    laid over each row that matches; null takes a key away
     "add": {"my-model": {...}},        new rows, laid over rows of that name if there are any
     "exclude": ["old-*"],              rows to forget
     "why": "...", "source": "https://...", "as_of": "2026-08-18"}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase, translate
from typing import Any

from attrs import field, frozen

from ..schemas.errors import ConfigError
from ..schemas.model import Model
from .rows import Row, as_row, merged

_KEYS = frozenset({"provider", "models", "set", "add", "exclude", "why", "source", "as_of"})


@frozen
class Patch:
    """One change to the rows of the providers that match `provider`."""

    provider: str
    models: tuple[str, ...] = ("*",)
    set: Mapping[str, Any] = field(factory=dict)
    add: Mapping[str, Row] = field(factory=dict)
    exclude: tuple[str, ...] = ()

    def touches(self, provider: str) -> bool:
        return fnmatchcase(provider, self.provider)

    def matches(self, id: str) -> bool:
        return _matcher(self.models)(id)

    def apply(self, rows: Mapping[str, Row | Model]) -> dict[str, Row | Model]:
        """The rows after this patch; the rows given stay as they are, and so does a model that was given whole."""
        forgotten, matches = _matcher(self.exclude), _matcher(self.models)
        after: dict[str, Row | Model] = {id: row for id, row in rows.items() if not forgotten(id)}
        for id, added in self.add.items():
            old = after.get(id)
            after[id] = merged(old if isinstance(old, Mapping) else {}, added)
        if self.set:
            for id, row in after.items():
                if isinstance(row, Mapping) and matches(id):
                    after[id] = merged(row, self.set)
        return after


def read_patches(content: Any, *, where: str) -> tuple[Patch, ...]:
    """The patches of a decoded patch file; raises ConfigError for what is not one."""
    return tuple(_read(entry, where) for entry in (content if isinstance(content, list) else [content]))


def _read(entry: Any, where: str) -> Patch:
    if not isinstance(entry, dict) or not isinstance(entry.get("provider"), str):
        raise ConfigError(f'a patch in {where} names no provider: it needs a "provider"')
    unknown = sorted(entry.keys() - _KEYS)
    if unknown:
        raise ConfigError(
            f"the patch of {entry['provider']} in {where} has unknown keys: {', '.join(unknown)}",
            hint=f"the keys are {', '.join(sorted(_KEYS))}",
        )
    return Patch(
        provider=entry["provider"],
        models=_patterns(entry.get("models", "*")),
        set=as_row(entry.get("set") or {}),
        add={id: as_row(row) for id, row in (entry.get("add") or {}).items()},
        exclude=_patterns(entry.get("exclude") or ()),
    )


def _patterns(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """One regular expression for all patterns: some patches face thousands of ids."""
    if not patterns:
        return lambda id: False
    match = re.compile("|".join(map(translate, patterns))).match
    return lambda id: match(id) is not None
