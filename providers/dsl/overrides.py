"""A user's overrides: single steps replaced for one model, a pattern of models or a provider."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

from .provider import Override, override


class Overrides:
    """Replaced steps by pattern: `openai:gpt-5*`, `*:qwen*`, `groq:*`, or a provider's id alone. The most specific
    pattern wins, which is the one with the most literal characters; among equals the later one."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, Override]] = []
        self.version = 0

    def add(self, models: str, **steps: Any) -> Overrides:
        """Raises UnknownStep for a name that no step has."""
        pattern = models if ":" in models else f"{models}:*"
        self._rows.append((pattern, override(scope=f"override of {models}", **steps)))
        self.version += 1
        return self

    def remove(self, models: str) -> None:
        """Take back everything said of this pattern."""
        pattern = models if ":" in models else f"{models}:*"
        self._rows = [row for row in self._rows if row[0] != pattern]
        self.version += 1

    def matching(self, provider: str, model_id: str) -> list[tuple[int, Override]]:
        """Those that apply, in the order in which they were added, each with how specific it is."""
        name = f"{provider}:{model_id}"
        return [(len(_WILD.sub("", pattern)), each) for pattern, each in self._rows if fnmatchcase(name, pattern)]


_WILD = re.compile(r"\[[^]]*\]|[*?]")


def in_force(provider: str, model_id: str, *scopes: Overrides) -> list[Override]:
    """The overrides that apply, from the general to the specific, so that the most specific has the last word. Among
    equals it is that of the narrower scope; `scopes` are given from wide to narrow."""
    found = [row for scope in scopes for row in scope.matching(provider, model_id)]
    return [each for _, each in sorted(found, key=lambda row: row[0])]


OVERRIDES = Overrides()
"""Those of the whole process."""
