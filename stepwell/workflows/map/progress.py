"""Show the progress of a map: by a bar or a line on a terminal, by lines in a log, or by a function of the caller."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..rewritten_line import REFRESH, RewrittenLine
from .summary import Display, MapSummary, shown_cost

Progress = bool | Callable[[MapSummary], object] | None
"""True shows it, False does not; None shows it on a terminal. A function is called with the summary so far."""
SHOW_AFTER = 1.0
"""Seconds before progress is shown, if the caller did not ask for it."""
EVERY = 10.0
"""Seconds between two lines where stderr is no terminal."""


def display_for(progress: Progress, now: Callable[[], float]) -> Display | None:
    """Return what shows the progress; None for nothing."""
    if callable(progress):
        return _Calls(progress)
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if progress is False or sys.stderr is None or not (progress or terminal):
        return None
    if not terminal:
        return _Lines()
    delay = 0.0 if progress else SHOW_AFTER
    try:
        import tqdm  # optional, and not needed by a map that shows nothing
    except ImportError:
        return _Line(RewrittenLine(delay, now))
    asked_for = {"delay": delay, "mininterval": 0, "miniters": 1}  # it is updated ten times a second at most
    return _Bar(tqdm.tqdm(desc="map", unit="item", leave=False, file=sys.stderr, **asked_for))


def progress_text(summary: MapSummary, expected: float | None) -> str:
    """Return the progress as a line of at most 80 columns: counts, rate, errors, cost so far, time left."""
    done = summary.answered + summary.failed
    total = done + summary.skipped
    rate = done / summary.seconds if summary.seconds > 0 else 0.0
    parts = [f"{total:,} of {expected:,.0f} items" if expected is not None else f"{total:,} items"]
    parts.append(f"{rate:,.1f}/s" if rate < 100 else f"{rate:,.0f}/s")
    parts.append(f"{summary.failed:,} failed")
    parts.append(shown_cost(summary.cost))
    if expected is not None and rate:
        parts.append(f"{_time(max(0.0, expected - total) / rate)} left")
    return "map: " + ", ".join(parts)


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


class _Calls:
    """Calls a function of the caller with the summary."""

    every = REFRESH

    def __init__(self, report: Callable[[MapSummary], object]) -> None:
        self._report = report

    def show(self, summary: MapSummary, expected: float | None) -> None:
        self._report(summary)

    def close(self, summary: MapSummary) -> None:
        self._report(summary)


class _Lines:
    """Prints a line now and then, where stderr is not a terminal."""

    every = EVERY

    def show(self, summary: MapSummary, expected: float | None) -> None:
        print(progress_text(summary, expected), file=sys.stderr, flush=True)

    def close(self, summary: MapSummary) -> None:
        if summary.seconds >= EVERY:
            self.show(summary, None)


class _Line:
    """Rewrites a line of the terminal."""

    every = REFRESH

    def __init__(self, line: RewrittenLine) -> None:
        self._line = line

    def show(self, summary: MapSummary, expected: float | None) -> None:
        self._line.show(lambda: progress_text(summary, expected))

    def close(self, summary: MapSummary) -> None:
        self._line.close()


class _Bar:
    """A bar of tqdm, which counts the rate and the time left by itself."""

    every = REFRESH

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def show(self, summary: MapSummary, expected: float | None) -> None:
        bar = self._bar
        if expected is not None:
            bar.total = round(expected)
        bar.initial = summary.skipped
        bar.set_postfix_str(f"{summary.failed:,} failed, {shown_cost(summary.cost)}", refresh=False)
        bar.update(summary.answered + summary.failed + summary.skipped - bar.n)

    def close(self, summary: MapSummary) -> None:
        self._bar.close()
