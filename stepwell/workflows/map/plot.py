"""The plot of a map's summary, as SVG: how long the items took, and the errors by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Protocol

_WIDTH, _LEFT, _TOP, _HEIGHT, _BAR, _STEP = 860, 48, 64, 160, 560, 22
_STYLE = "text{font:12px system-ui,sans-serif;fill:#1e293b}.t{font-weight:600;font-size:14px}.s{fill:#64748b}"
_MARKS = ((50, "#0f766e"), (90, "#d97706"), (99, "#dc2626"))
_MAX_BARS = 60
"""Of the histogram, whose buckets are merged above it."""


class Histogram(Protocol):
    """The part of Latencies that a plot uses."""

    @property
    def counts(self) -> Mapping[int, int]:
        """How many items there are in each bucket."""

    def bucket_at(self, percent: float) -> int:
        """Return the bucket within which `percent` of the items are."""

    def seconds_at(self, bucket: float) -> float:
        """Return the seconds in the middle of a bucket."""


def svg(text: str, counts: Sequence[tuple[str, int]], latencies: Histogram) -> str:
    """Return the plot as an SVG document, without scripts and external references.

    text: the summary as text, whose first two lines are shown.
    counts: how many items were answered, then how many have an error of each class.
    """
    rows = [(name, count, "#dc2626" if at else "#0f766e") for at, (name, count) in enumerate(counts)]
    height = _TOP + _HEIGHT + 60 + _STEP * len(rows) + 12
    head, *about = text.splitlines()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}">',
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
        f'<text class="t" x="{_LEFT}" y="24">{escape(head)}</text>',
        f'<text class="s" x="{_LEFT}" y="42">{escape(about[0])}</text>',
        *_histogram(latencies),
        *_bars(rows, _TOP + _HEIGHT + 60),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _histogram(latencies: Histogram) -> list[str]:
    """Draw how many items took how long; the scale of seconds is logarithmic."""
    if not latencies.counts:
        return []
    first, last = min(latencies.counts), max(latencies.counts)
    merged = max(1, -(-(last - first + 1) // _MAX_BARS))
    heights: dict[int, int] = {}
    for bucket, count in latencies.counts.items():
        at = (bucket - first) // merged
        heights[at] = heights.get(at, 0) + count
    bars, most = (last - first) // merged + 1, max(heights.values())
    width, base = (_WIDTH - 2 * _LEFT) / bars, _TOP + _HEIGHT
    parts = [
        f'<rect x="{_LEFT + at * width:.1f}" y="{base - count / most * _HEIGHT:.1f}" width="{max(width - 1, 0.5):.1f}" '
        f'height="{count / most * _HEIGHT:.1f}" fill="#94a3b8"/>'
        for at, count in sorted(heights.items())
    ]
    parts.append(f'<text class="s" x="{_LEFT}" y="{base + 16}">{_time(latencies.seconds_at(first))}</text>')
    end = latencies.seconds_at(last)
    parts.append(f'<text class="s" x="{_WIDTH - _LEFT}" y="{base + 16}" text-anchor="end">{_time(end)}</text>')
    for row, (percent, fill) in enumerate(_MARKS):
        bucket = latencies.bucket_at(percent)
        x = _LEFT + ((bucket - first) / merged + 0.5 / merged) * width
        label = f"p{percent} {_time(latencies.seconds_at(bucket))}"
        anchor = ' text-anchor="end"' if x > _WIDTH / 2 else ""
        parts.append(f'<path d="M{x:.1f} {_TOP - 6}V{base}" stroke="{fill}" fill="none"/>')
        shift = -4 if anchor else 4
        parts.append(f'<text x="{x + shift:.1f}" y="{_TOP + 8 + 15 * row}"{anchor}>{label}</text>')
    return parts


def _bars(rows: list[tuple[str, int, str]], top: int) -> list[str]:
    most = max(count for _, count, _ in rows) or 1
    parts = []
    for at, (name, count, fill) in enumerate(rows):
        y, width = top + at * _STEP, max(1.0, count / most * _BAR)
        parts.append(
            f'<text x="{_LEFT + 130}" y="{y + 12}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{_LEFT + 138}" y="{y}" width="{width:.1f}" height="{_STEP - 6}" fill="{fill}"/>'
            f'<text x="{_LEFT + 144 + width:.1f}" y="{y + 12}">{count:,}</text>'
        )
    return parts


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
