"""Draw the bar plot of a run as SVG."""

from html import escape

from benchmarks.results import Results
from benchmarks.scenarios import BY_NAME, LIMIT

PANELS = [
    ("Import and first call", "ms CPU", "ready", "cpu", 1e3),
    ("One call, sync", "µs CPU", "call_sync", "cpu", 1e6),
    ("One streamed event, sync", "µs CPU", "event_sync", "cpu", 1e6),
    ("One streamed event, Anthropic", "µs CPU", "event_anthropic", "cpu", 1e6),
    ("One streamed event, async", "µs CPU", "event_async", "cpu", 1e6),
    ("One paced event, sync", "µs CPU", "paced", "cpu", 1e6),
    ("One paced event, async", "µs CPU", "paced_async", "cpu", 1e6),
    ("100 streams at once", "MB", "streams_100", "memory", 1e-6),
    ("1,000 open streams, each", "kB", "open_1000", "memory", 1e-6),
]
WIDTH, LABEL, BAR, STEP, GAP = 430, 120, 220, 18, 34
FILLS = {
    "stepwell": "#0f766e",
    "stepwell_fast": "#14b8a6",
    "stepwell_httpx2": "#5eead4",
    "floor_httpx": "#94a3b8",
    "floor_httptools": "#94a3b8",
    LIMIT: "#475569",
}
PEER_FILL = "#d97706"


def bars(results: Results) -> str:
    """Draw panels of horizontal bars, two in a row, each to a scale of its own; shorter is better.

    A line over all bars shows what a bare socket takes, which is the limit.
    """
    panels = []
    for title, unit, name, measure, scale in PANELS:
        values = {s: results.value(name, s, measure) for s in results.subjects}
        known = {s: value * scale / BY_NAME[name].per for s, value in values.items() if value is not None}
        if known:
            panels.append((f"{title}, {unit}", known))
    height = STEP * max((len(known) for _, known in panels), default=0) + GAP
    rows = (len(panels) + 1) // 2
    parts = [
        _panel(title, known, at % 2 * WIDTH + 12, at // 2 * height + 20) for at, (title, known) in enumerate(panels)
    ]
    size = f'width="{2 * WIDTH}" height="{rows * height + 12}" viewBox="0 0 {2 * WIDTH} {rows * height + 12}"'
    style = "text{font:12px system-ui,sans-serif;fill:#1e293b}.t{font-weight:600}.limit{stroke:#be123c}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{style}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{"".join(parts)}</svg>\n'
    )


def _panel(title: str, known: dict[str, float], left: int, top: int) -> str:
    most = max(known.values()) or 1.0
    lines = [f'<text class="t" x="{left}" y="{top}">{escape(title)}</text>\n']
    for at, (subject, value) in enumerate(known.items()):
        y, width = top + 8 + at * STEP, max(1.0, value / most * BAR)
        fill = FILLS.get(subject, PEER_FILL)
        lines.append(
            f'<text x="{left + LABEL - 6}" y="{y + 11}" text-anchor="end">{escape(subject)}</text>'
            f'<rect x="{left + LABEL}" y="{y}" width="{width:.1f}" height="{STEP - 4}" fill="{fill}"/>'
            f'<text x="{left + LABEL + width + 5:.1f}" y="{y + 11}">{value:,.1f}</text>\n'
        )
    if LIMIT in known:
        x, bottom = left + LABEL + known[LIMIT] / most * BAR, top + 6 + len(known) * STEP
        lines.append(f'<line class="limit" x1="{x:.1f}" y1="{top + 6}" x2="{x:.1f}" y2="{bottom}"/>\n')
    return "".join(lines)
