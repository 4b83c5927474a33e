"""A line of text on a terminal that is written anew while work goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable

REFRESH = 0.1
"""Seconds between two writings."""


class RewrittenLine:
    """One line on stderr, rewritten at most ten times a second and wiped at the end."""

    def __init__(self, delay: float, now: Callable[[], float]) -> None:
        """Write nothing for `delay` seconds."""
        self._now, self._next, self._width = now, now() + delay, 0

    def show(self, text: Callable[[], str]) -> None:
        """Write what `text` returns, if it is time for that."""
        if self._now() >= self._next:
            self._next = self._now() + REFRESH
            line = text()
            self._width = max(self._width, len(line))
            print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Wipe the line."""
        if self._width:
            print(f"\r{'':<{self._width}}\r", end="", file=sys.stderr, flush=True)
