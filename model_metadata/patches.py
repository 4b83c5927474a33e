"""Patches: corrections of the catalog, by stepwell or by its users.

A patch file is one JSON object, or a list of them:

    {"provider": "openai", "models": "gpt-5*-pro", "set": {"wire": "openai_responses"},
     "add": {"my-model": {...}}, "exclude": ["old-*"],
     "why": "...", "source": "https://...", "as_of": "2026-08-18"}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import translate
from typing import Any

from attrs import field, frozen

from ..schemas.errors import ConfigError
from ..schemas.memo import memo
from ..schemas.model import Model
from .rows import Row, as_row, merged

FIELDS: Mapping[str, str] = {
    "provider": 'a provider\'s id, or a pattern such as `"azure*"` or `"*"`',
    "models": 'a pattern of ids, or a list of patterns; all models (`"*"`) if it is left out',
    "set": "fields that are merged into each model that matches; null removes one",
    "add": "new models by id; one that is there already gets the fields",
    "exclude": "patterns of models to remove",
    "why": "a note for people",
    "source": "where the facts come from",
    "as_of": "the day (ISO) on which they were read",
}
"""The fields of a patch, each with its meaning."""


@frozen
class Patch:
    """A change of the rows of the providers that match `provider`. See the module for its fields."""

    provider: str
    models: tuple[str, ...] = ("*",)
    set: Mapping[str, Any] = field(factory=dict)
    add: Mapping[str, Row] = field(factory=dict)
    exclude: tuple[str, ...] = ()
    put: Mapping[str, Row | Model] = field(factory=dict)
    """Rows that replace any of that name; not possible in files."""

    def touches(self, provider: str) -> bool:
        """Return whether the patch applies to this provider."""
        return _matcher[(self.provider,)](provider)

    def only_adds_to(self, rows: Mapping[str, Row | Model]) -> bool:
        """Return whether all that this patch does to the rows of its one provider is to add some of other ids."""
        wild = _WILD.search(self.provider)
        return (
            bool(self.put) and not (wild or self.set or self.add or self.exclude) and rows.keys().isdisjoint(self.put)
        )

    def misses(self, rows: Mapping[str, Row | Model]) -> str | None:
        """Return a pattern of this patch that matches none of the rows; None if each matches some."""
        present = {**rows, **self.add}
        patterns = (*self.exclude, *(self.models if self.set else ()))
        return next((pattern for pattern in patterns if not _matching((pattern,), present)), None)

    def apply(self, after: dict[str, Row | Model]) -> None:
        """Change a provider's rows by this patch, the dict itself. Whole Models are not merged with rows."""
        for id in _matching(self.exclude, after):
            del after[id]
        for id, added in self.add.items():
            after[id] = merged({} if isinstance(after.get(id), Model) else after.get(id, {}), added)
        after.update(self.put)
        for id in _matching(self.models, after) if self.set else ():
            if not isinstance(after[id], Model):
                after[id] = merged(after[id], self.set)


def read_patches(content: object, *, where: str) -> tuple[Patch, ...]:
    """Return the patches of a decoded patch file.

    content: a patch, or a list of them.
    where: the file, named in errors.

    Raises ConfigError for anything that is not a patch.
    """
    return tuple(_read(entry, where) for entry in (content if isinstance(content, list) else [content]))


def _read(entry: object, where: str) -> Patch:
    if not isinstance(entry, dict) or not isinstance(entry.get("provider"), str):
        raise ConfigError(f'a patch in {where} names no provider: it needs a "provider"')
    unknown = sorted(entry.keys() - FIELDS.keys())
    if unknown:
        raise ConfigError(
            f"the patch of {entry['provider']} in {where} has unknown keys: {', '.join(unknown)}",
            hint=f"the keys are {', '.join(sorted(FIELDS))}",
        )
    models, added, exclude = entry.get("models", "*"), entry.get("add") or {}, entry.get("exclude") or ()
    for name, value, fits in (
        ("models", models, _are_patterns(models)),
        ("add", added, isinstance(added, dict)),
        ("exclude", exclude, _are_patterns(exclude)),
    ):
        if not fits:
            raise ConfigError(
                f"{name!r} of the patch of {entry['provider']} in {where} cannot be {value!r:.40}",
                hint=f"it is {FIELDS[name]}",
            )
    return Patch(
        provider=entry["provider"],
        models=_patterns(models),
        set=as_row(entry.get("set") or {}),
        add={id: as_row(row) for id, row in added.items()},
        exclude=_patterns(exclude),
    )


def _are_patterns(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list | tuple) and all(isinstance(each, str) for each in value))


def _patterns(patterns: str | Iterable[str]) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)


def _matching(patterns: tuple[str, ...], ids: Mapping[str, Any]) -> list[str]:
    """Return the ids that match. Most patterns are plain ids, which are looked up: some providers have thousands."""
    plain = [pattern for pattern in patterns if not _WILD.search(pattern)]
    found = dict.fromkeys(filter(ids.__contains__, plain))
    if len(plain) < len(patterns):
        found |= dict.fromkeys(filter(_matcher[tuple(each for each in patterns if each not in plain)], ids))
    return list(found)


_WILD = re.compile(r"[*?[]")


@memo(1000)
def _matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a function that tells whether an id matches one of the patterns."""
    tests = [_test(pattern) for pattern in patterns]
    return tests[0] if len(tests) == 1 else lambda id: any(test(id) for test in tests)


def _test(pattern: str) -> Callable[[str], bool]:
    """Return fnmatchcase for one pattern, without a regular expression if a method of str is enough."""
    middle = pattern.strip("*")
    if _WILD.search(middle):
        match = re.compile(translate(pattern)).match
        return lambda id: match(id) is not None
    if pattern == middle:
        return lambda id: id == pattern
    if not pattern.startswith("*"):
        return lambda id: id.startswith(middle)
    return (lambda id: middle in id) if pattern.endswith("*") else (lambda id: id.endswith(middle))
