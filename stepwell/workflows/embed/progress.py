"""Show the progress of long work: a bar on stderr, or a function of the caller."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

from ..rewritten_line import RewrittenLine

Progress = bool | Callable[[int, int], None] | None

SHOW_AFTER = 1.0
"""Seconds before a bar shows that was not asked for."""


class Bar(Protocol):
    """A display of the progress: a bar of tqdm, or one of those below."""

    def update(self, n: int) -> object:
        """Count `n` more texts as done."""

    def close(self) -> object:
        """Remove the bar."""


def bar_for(progress: Progress, total: int, now: Callable[[], float]) -> Bar:
    """Return the progress bar.

    progress: True for a bar, False for none, or a function `progress(done, total)`. None shows a bar if stderr is a
        terminal and the work takes more than a second.
    total: the number of texts.
    """
    if callable(progress):
        return _Reporter(progress, total)
    if progress is False or (progress is None and not sys.stderr.isatty()):
        return _Reporter(lambda done, total: None, total)
    delay = 0.0 if progress else SHOW_AFTER
    try:
        import tqdm  # optional, and not needed by work that shows nothing
    except ImportError:
        return _Line(total, delay, now)
    bar: Bar = tqdm.tqdm(desc="embedding", total=total, unit="text", delay=delay, leave=False, file=sys.stderr)
    return bar


class _Reporter:
    """A bar that calls a function with the numbers."""

    def __init__(self, report: Callable[[int, int], None], total: int) -> None:
        self._report, self._total, self._done = report, total, 0

    def update(self, n: int) -> None:
        self._done += n
        self._report(self._done, self._total)

    def close(self) -> None:
        pass


class _Line:
    """One line of text that counts."""

    def __init__(self, total: int, delay: float, now: Callable[[], float]) -> None:
        self._total, self._done = total, 0
        self._line = RewrittenLine(delay, now)

    def update(self, n: int) -> None:
        self._done += n
        self._line.show(lambda: f"embedding: {self._done} of {self._total} texts")

    def close(self) -> None:
        self._line.close()
