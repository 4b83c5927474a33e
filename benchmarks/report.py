"""Write samples as tables on stdout, RESULTS.md and results.svg. Ratios come first: they hold on other machines too."""

import os
import platform
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.bounds import BOUNDS
from benchmarks.curves import Curve
from benchmarks.plot import bars
from benchmarks.results import Ratio, Results
from benchmarks.scenarios import BY_NAME, FAST, FLOOR, LIMIT, OPEN, SCENARIOS, TARGETS, Scenario, Target

METHOD = """\
Each subject runs in a process of its own, each peer in a virtual environment of its own; all talk to one cheap server
on the loopback and are checked to have read every character sent. They take turns, round by round, each turn warmed up
by a quarter of itself. The lowest time of all rounds counts, since other load on the machine only adds, and the median
memory; beside a ratio of two such figures are the lowest and the highest ratio within a round.
CPU is the process's own, all threads, user and system, so waiting costs nothing. The floor is the least code that does
the same work: raw httpx, `bytes.split`, `orjson.loads`, take the text; it checks no event, keeps no usage and notices
no cut stream. `floor_httptools` and `floor_socket` do the same over bare sockets, blocking ones and asyncio's; the
first reads an answer by httptools, the second by as little Python as reads it. No Python program can be much cheaper
than the second, which is the line of the plot; it may be dearer than the first where there are many chunks to frame.
An OpenAI text event is 318 bytes, each event an HTTP chunk of its own. Imports, first calls and the memory of 100
streams are read in new processes, the memory as the peak above what the process held after one warm stream. The time to
the first chunk runs from the call to the first text: the server waits 20 ms before it, and 20 ms more after it.
stepwell loads httpx when it first sends something, so "import and first call together" is the line to compare.
`stepwell` goes over httpx, `stepwell_httpx2` over a client of httpx2, `stepwell_fast` over the fast transport, as it
does by itself where that is installed. On plain httpx a hundred streams at once can cost more than ten times ten of
them, for the floor as for stepwell: its pool looks through all its connections whenever one is taken or given back.
Open streams are all open at the same time, since the server holds the second event back until the last client has the
first one. Ten thousand are measured where asked for (`--scenarios open_10000`), and over sockets alone, since plain
httpx takes minutes. Paced events come one by one, 1 ms apart, so that each costs a wait. Threads share one client.
Own cost, growth without a network and the size are commands of their own (README.md), in processes of their own. Own
cost is what a call takes beside a transport that answers at once (warm), or after half a millisecond in which other
work has had the caches (cold). A growth without a network is beside that of other libraries where they do the same
work; an exponent of 1 is linear, and a size that would take a peer more than some seconds is left out.
"""


def table(header: list[str], rows: Iterable[list[str]]) -> str:
    """Write a Markdown table with its columns aligned, so that it can be read on a terminal too."""
    lines = [header, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(header))]
    cells = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


def times(ratio: Ratio | None) -> str:
    """Write a ratio; "" without one."""
    return "" if ratio is None else f"{ratio.value:.2f}" if ratio.value < 10 else f"{ratio.value:.1f}"


def targets_table(results: Results) -> str:
    """Write the table of targets and whether they were met."""
    return table(
        ["target", "aim", "measured", "lowest to highest", ""],
        [[each.title, each.wanted, *_measured(results, each)] for each in TARGETS if _is_usual(results, each)],
    )


def _is_usual(results: Results, target: Target) -> bool:
    """Return whether its scenario was measured, or need not be asked for."""
    scenario = BY_NAME.get(target.scenario)
    return scenario is None or not scenario.asked_for or (target.scenario, target.over) in results.samples


def _measured(results: Results, target: Target) -> list[str]:
    ratio = results.figure(target)
    if ratio is None:
        return ["", "", "not measured"]
    met = ratio.value >= target.goal if target.at_least else ratio.value <= target.goal
    return [times(ratio), f"{ratio.low:.2f} to {ratio.high:.2f}", "met" if met else "MISSED"]


def ratios_table(results: Results) -> str:
    """Write the table of every scenario over the httpx floor, with a column for each subject."""
    subjects = [subject for subject in results.subjects if subject != FLOOR]
    rows = []
    for scenario in _main_scenarios(results):
        ratios = [results.ratio(scenario.name, subject, FLOOR, scenario.measure) for subject in subjects]
        if any(ratios):
            rows.append([f"{scenario.title} ({scenario.measure})", *map(times, ratios)])
    memory = [results.ratio("import", subject, FLOOR, "memory") for subject in subjects]
    if any(memory):
        rows.insert(1, ["import (memory)", *map(times, memory)])
    return table(["times the floor", *subjects], rows)


def absolute_table(results: Results) -> str:
    """Write the table of absolute figures on this machine."""

    def per_run(value: float, scenario: Scenario) -> float:
        return value / 1e3 / scenario.runs

    shown: list[tuple[str, str, str, Callable[[float, Scenario], float]]] = [
        ("import", "cpu", "ms CPU", lambda value, _: value * 1e3),
        ("import", "memory", "MB", lambda value, _: value / 1e6),
        ("first_call", "cpu", "ms CPU", lambda value, _: value * 1e3),
        ("ready", "cpu", "ms CPU", lambda value, _: value * 1e3),
        ("streams_100", "memory", "MB", lambda value, _: value / 1e6),
        *((name, "memory", "kB a stream", per_run) for name in OPEN),
        *((name, "cpu", "µs CPU a stream", lambda value, _: value * 1e6) for name in OPEN),
        ("first_chunk", "wall", "ms", lambda value, _: value * 1e3),
        ("call_sync", "wall", "calls/s", lambda value, _: 1 / value),
        ("call_50", "wall", "calls/s", lambda value, _: 1 / value),
        ("decode_only", "wall", "thousand events/s", lambda value, scenario: scenario.per / value / 1e3),
    ]
    names = {name for name, *_ in shown}
    for scenario in _main_scenarios(results):
        if scenario.name not in names or scenario.name in ("call_sync", "call_50"):
            shown.append((scenario.name, "cpu", "µs CPU", lambda value, scenario: value * 1e6 / scenario.per))
    rows = []
    for name, measure, unit, convert in shown:
        values = [results.value(name, subject, measure) for subject in results.subjects]
        if any(values):
            cells = ["" if value is None else _figure(convert(value, BY_NAME[name])) for value in values]
            rows.append([f"{BY_NAME[name].title}, {unit}", *cells])
    return table(["on this machine", *results.subjects], rows)


def growth_table(results: Results) -> str:
    """Write the table of what a whole run costs at three sizes, over the loopback and then without a network."""
    rows = []
    for kind in dict.fromkeys(scenario.growth for scenario in SCENARIOS if scenario.growth):
        steps = [scenario for scenario in SCENARIOS if scenario.growth == kind]
        sizes = tuple(int(scenario.title.replace(",", "")) for scenario in steps)
        for subject in results.subjects:
            values = [results.value(scenario.name, subject, "cpu") for scenario in steps]
            whole = [value * s.runs for value, s in zip(values, steps, strict=True) if value is not None]
            if len(whole) == len(steps):
                rows.append(_growth_row(Curve(kind, subject, sizes, whole)))
    rows += map(_growth_row, results.curves)
    return table(["growth, ms CPU a run", "sizes", "subject", "small", "middle", "large", "exponents"], rows)


def _growth_row(curve: Curve) -> list[str]:
    figures = [_figure(seconds * 1e3) for seconds in curve.seconds]
    figures += ["too slow"] * (len(curve.sizes) - len(figures))
    exponents = ", ".join(f"{each:.2f}" for each in curve.exponents)
    sizes = ", ".join(f"{size:,}" for size in curve.sizes)
    return [curve.name, sizes, curve.subject, *figures, exponents]


def bounds_table(results: Results) -> str:
    """Write the table of what bounds each figure of the fast transport, and how much of it a bare socket would take."""
    rows = []
    for scenario in _main_scenarios(results):
        value = results.value(scenario.name, FAST, scenario.measure)
        if value is not None and scenario.name in BOUNDS:
            part = results.ratio(scenario.name, LIMIT, FAST, scenario.measure)
            share = "" if part is None else f"{min(part.value, 1):.0%}"
            rows.append([f"{scenario.title} ({scenario.measure})", share, BOUNDS[scenario.name]])
    return table([f"{FAST} now", "of it a bare socket", "bounded by"], rows)


def size_table(results: Results) -> str:
    """Write the table of what an installation takes."""
    largest = sorted(results.sizes.items(), key=lambda item: -item[1])
    rows = [[name, f"{size / 2**20:.2f}"] for name, size in largest[:8]]
    rows.append(["the rest", f"{sum(size for _, size in largest[8:]) / 2**20:.2f}"])
    return table(["installed without extras, without byte code", "MiB"], rows if largest else [])


def _main_scenarios(results: Results) -> list[Scenario]:
    measured = {name for name, _ in results.samples}
    return [scenario for scenario in SCENARIOS if scenario.name in measured and not scenario.growth]


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def notes(results: Results) -> str:
    """Write the versions of the subjects, and why any of them could not be measured or failed."""
    lines = []
    for subject, versions in results.versions.items():
        lines.append(f"- {subject}: {', '.join(f'{name} {version}' for name, version in versions.items())}")
    for subject, reason in results.unavailable.items():
        lines.append(f"- {subject} is not available: {reason}")
    for (scenario, subject), reason in results.failures.items():
        lines.append(f"- {subject} failed in {BY_NAME[scenario].title!r}: {reason}")
    return "\n".join(lines) + "\n"


def machine() -> str:
    """Return the processor, the number of cores, the system and the version of Python."""
    model = platform.processor() or platform.machine()
    try:
        text = Path("/proc/cpuinfo").read_text()
        model = next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def load() -> str:
    """Return the load average, which is little more than 1 if nothing else runs on the machine."""
    return f"load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"


def write_report(results: Results, folder: Path, *, seconds: float) -> str:
    """Write RESULTS.md and results.svg into `folder`, and return what to print."""
    when = f"{time.strftime('%Y-%m-%d')}, {machine()}, {seconds:.0f} seconds, {load()}."
    sections = [
        ("Targets", targets_table(results)),
        ("Times the floor", ratios_table(results)),
        ("Bounds", bounds_table(results)),
        ("Growth", growth_table(results)),
        ("Figures", absolute_table(results)),
        ("Size", size_table(results)),
        ("Versions", notes(results)),
    ]
    body = "\n".join(f"## {title}\n\n{text}" for title, text in sections)
    picture = "![CPU and memory beside the floors and the peers; the line is a bare socket's](results.svg)"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "RESULTS.md").write_text(
        f"# What stepwell costs\n\n{when} Written by `make bench`.\n\n{picture}\n\n{body}\n## Method\n\n{METHOD}"
    )
    (folder / "results.svg").write_text(bars(results))
    return f"{when}\n\n{body}\nwritten: {folder / 'RESULTS.md'}, {folder / 'results.svg'}"
