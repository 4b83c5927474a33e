"""A user's overrides: single steps replaced for one model, a pattern of models or a provider."""

from __future__ import annotations

from collections.abc import Iterator
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

    def matching(self, provider: str, model_id: str) -> Iterator[Override]:
        """Those that apply, the most specific last, so that it wins."""
        name = f"{provider}:{model_id}"
        rows = [row for row in self._rows if fnmatchcase(name, row[0])]
        rows.sort(key=lambda row: len(row[0]) - row[0].count("*") - row[0].count("?"))
        return (each for _, each in rows)


OVERRIDES = Overrides()
"""Those of the whole process."""
