"""Overrides by users: single steps replaced for one model, a pattern of models or a provider."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Unpack

from ...model_metadata.provider_ids import canonical
from ...schemas.errors import InvalidOption
from ...schemas.undo import Undo
from .option_names import check_names
from .provider import Override, Provider, names_of, override, rules_of
from .steps import PlacedSteps

Specificity = tuple[bool, int]


class Overrides:
    """Replaced steps by pattern: `openai:gpt-5*`, `*:qwen*`, `groq:*`, or a provider's id alone.

    The most specific pattern wins: one without wildcards, then the one with the most literal characters; among equals
    the later one. `scope` names whose overrides they are, for `describe()`.
    """

    def __init__(self, scope: str = "") -> None:
        self._scope = scope
        self._rows: list[tuple[str, Override]] = []
        self.version = 0

    def add(self, models: str, **steps: Unpack[PlacedSteps]) -> Undo:
        """Add an override, and return what removes it.

        Raises UnknownStep for a name that no step has, ConfigError for a value that cannot be that step or place.
        """
        row = (_pattern(models), override(scope=f"{self._scope}override of {models}", **steps))
        self._rows = [*self._rows, row]
        self.version += 1
        return Undo(lambda: self._remove(row))

    def _remove(self, row: tuple[str, Override]) -> None:
        self._rows = [each for each in self._rows if each is not row]
        self.version += 1

    def all(self) -> list[Override]:
        """Return all overrides, in the order of their adding."""
        return [each for _, each in self._rows]

    def matching(self, provider: str, model_id: str) -> list[tuple[Specificity, Override]]:
        """Return the overrides that apply to a model, in the order of their adding, each with its specificity."""
        name = f"{canonical(provider)}:{model_id}"
        return [(_specificity(pattern), each) for pattern, each in self._rows if fnmatchcase(name, pattern)]


def _pattern(models: str) -> str:
    """Write the provider's part of a pattern as its canonical id; text in brackets is left as it is."""
    provider, colon, ids = models.partition(":")
    parts = re.split(r"(\[[^]]*\])", provider)
    parts[::2] = map(canonical, parts[::2])
    return f"{''.join(parts)}:{ids if colon else '*'}"


_WILD = re.compile(r"\[[^]]*\]|[*?]")


def _specificity(pattern: str) -> Specificity:
    literal = _WILD.sub("", pattern)
    return literal == pattern, len(literal)


def in_force(provider: Provider, model_id: str, *scopes: Overrides) -> list[Override]:
    """Return the overrides that apply to a model, the most specific last, so that it wins.

    provider: its own changes, by with_steps and override, are the widest scope.
    model_id: the model.
    scopes: further overrides, the wider scope first. Among equals, the narrower scope wins.
    """
    own = [
        (
            _specificity(f"{canonical(provider.id)}:{pattern}"),
            Override(each.steps, f"{provider.id}, {each.scope}", each.place),
        )
        for pattern, each in provider.changes
        if fnmatchcase(model_id, pattern)
    ]
    found = [*own, *(row for scope in scopes for row in scope.matching(provider.id, model_id))]
    return [each for _, each in sorted(found, key=lambda row: row[0])]


def check_rules(changes: Iterable[Override], beside: Iterable[Override], providers: Iterable[Provider]) -> None:
    """Check that the rules of overrides read options which exist. Raises InvalidOption.

    changes: the overrides to check.
    beside: further ones, whose rules may write such an option.
    providers: those that they may hold for, whose own options count. They are asked for only where a name is none of
        the options of all providers, as it takes time to load many.
    """
    for change in changes:
        if (table := change.steps.get(_RULES)) is None:
            continue
        tables = [table, *(each.steps[_RULES] for each in beside if _RULES in each.steps)]
        try:
            check_names(tables, (), change.scope)
        except InvalidOption:
            known = tuple(providers)
            tables += [each for provider in known for each in rules_of(provider)]
            check_names(tables, set().union(*map(names_of, known)), change.scope)


def check_for_call(changes: Iterable[Override], overrides: Iterable[Override], provider: Provider) -> None:
    """Check that the overrides of one call fit the provider that is called. Raises InvalidOption.

    overrides: all that are in force for the call.
    """
    for change in changes:
        change.place.check(change.steps, provider.wires, provider.id, change.scope)
        check_rules((change,), overrides, (provider,))


_RULES = "translate_options"

OVERRIDES = Overrides("process, ")
"""The overrides of the whole process."""
