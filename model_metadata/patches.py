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
from functools import cache
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
    put: Mapping[str, Row | Model] = field(factory=dict)
    """Rows in the place of any of that name; not in files."""

    def touches(self, provider: str) -> bool:
        return fnmatchcase(provider, self.provider)

    def misses(self, rows: Mapping[str, Row | Model]) -> str | None:
        """A pattern of this patch that none of the rows matches, if there is one."""
        there = {**rows, **self.add}
        patterns = (*self.exclude, *(self.models if self.set else ()))
        return next((pattern for pattern in patterns if not _matching((pattern,), there)), None)

    def apply(self, rows: Mapping[str, Row | Model]) -> dict[str, Row | Model]:
        """The rows after this patch; the rows given stay as they are, and so does a model that was given whole."""
        after: dict[str, Row | Model] = dict(rows)
        for id in _matching(self.exclude, rows):
            del after[id]
        for id, added in self.add.items():
            old = after.get(id)
            after[id] = merged(old if isinstance(old, Mapping) else {}, added)
        after.update(self.put)
        if self.set:
            for id in _matching(self.models, after):
                row = after[id]
                if isinstance(row, Mapping):
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


def _matching(patterns: tuple[str, ...], ids: Mapping[str, Any]) -> list[str]:
    """The ids that match. Most patterns are plain ids, looked up one by one: some patches face thousands."""
    plain = [pattern for pattern in patterns if not _WILD.search(pattern)]
    found = dict.fromkeys(id for id in plain if id in ids)
    if len(plain) < len(patterns):
        matches = _matcher(tuple(pattern for pattern in patterns if pattern not in plain))
        found.update(dict.fromkeys(filter(matches, ids)))
    return list(found)


_WILD = re.compile(r"[*?[]")


@cache
def _matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether an id matches one of them."""
    tests = [_test(pattern) for pattern in patterns]
    return tests[0] if len(tests) == 1 else lambda id: any(test(id) for test in tests)


def _test(pattern: str) -> Callable[[str], bool]:
    """fnmatchcase for one pattern, without a regular expression where a plain method does."""
    middle = pattern.strip("*")
    if _WILD.search(middle):
        match = re.compile(translate(pattern)).match
        return lambda id: match(id) is not None
    if pattern == middle:
        return lambda id: id == pattern
    if not pattern.startswith("*"):
        return lambda id: id.startswith(middle)
    if not pattern.endswith("*"):
        return lambda id: id.endswith(middle)
    return lambda id: middle in id
