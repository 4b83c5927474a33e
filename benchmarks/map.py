"""Measure what `client.map` costs an item above generate_text, and what it takes of memory: `python -m benchmarks.map`.

Lines in µs of CPU an item, above the same calls made one after another, over a transport without a network; the lowest
of several runs counts, since other load only adds. Then the growth of the process's memory over 1,000 and over 100,000
items, in MB. `--quick` leaves out the memory.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import stepwell
from benchmarks.own_cost import MODEL, AsyncInstant, Instant

ITEMS, RUNS = 400, 30
PROMPT = "Is this kind? {text}"
LINES: dict[str, dict[str, Any]] = {
    "1 worker": {"workers": 1},
    "16 workers": {"workers": 16},
    "as done": {"workers": 16, "order": "as done"},
    "journal": {"workers": 16, "job": "run"},
}
"""The settings of the maps that are measured; 16 workers where nothing else is said."""


def rows(count: int) -> Any:
    return ({"id": at, "text": f"text {at}"} for at in range(count))


def client_of(kind: type[Any], journal: Path | None = None) -> Any:
    http = Instant(0.0) if kind is stepwell.Client else AsyncInstant(0.0)
    return kind(http=http, api_keys={"groq": "key"}, journal=journal)


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) / ITEMS * 1e6


def sync_calls(client: stepwell.Client) -> None:
    for row in rows(ITEMS):
        client.generate_text(MODEL, f"Is this kind? {row['text']}")


async def async_calls(client: stepwell.AsyncClient) -> None:
    for row in rows(ITEMS):
        await client.generate_text(MODEL, f"Is this kind? {row['text']}")


def measure(name: str, calls: Callable[[], object], mapped: Callable[[dict[str, Any]], object], folder: Path) -> None:
    """Print the differences. The subjects take turns, so that other load affects all of them."""
    least: dict[str, float] = {}
    for run in range(RUNS):
        least["calls"] = min(cpu(calls), least.get("calls", 1e9))
        for line, given in LINES.items():
            place = folder / f"{name} {line} {run}"
            place.mkdir()
            settings = {**given, "out": place / "out.jsonl"}
            if "job" in given:
                settings["job"] = f"run {run}"  # in a journal that is open already
            least[line] = min(cpu(partial(mapped, settings)), least.get(line, 1e9))
    base = least.pop("calls")
    print(f"{name}: a call takes {base:.0f} µs; more for each item:")
    for line, taken in least.items():
        print(f"{name}, {line:12} {taken - base:6.0f} µs")


def memory(count: int, folder: Path) -> float:
    """Return the MB by which a process grows while it maps `count` items."""
    reader, writer = os.pipe()
    if (process := os.fork()) == 0:
        client = client_of(stepwell.Client)
        client.map(rows(100), model=MODEL, prompt=PROMPT, out=folder / "warm.jsonl").run()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        client.map(rows(count), model=MODEL, prompt=PROMPT, out=folder / f"{count}.jsonl").run()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        os.write(writer, str(grown / 1024).encode())
        os._exit(0)
    os.waitpid(process, 0)
    return float(os.read(reader, 100))


def main() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as name, asyncio.Runner() as runner:
        folder = Path(name)
        client = client_of(stepwell.Client, folder / "sync.sqlite")
        other = client_of(stepwell.AsyncClient, folder / "async.sqlite")

        def mapped(settings: dict[str, Any]) -> None:
            client.map(rows(ITEMS), model=MODEL, prompt=PROMPT, **settings).run()

        def amapped(settings: dict[str, Any]) -> None:
            runner.run(other.map(rows(ITEMS), model=MODEL, prompt=PROMPT, **settings).run())

        measure("sync", lambda: sync_calls(client), mapped, folder)
        measure("async", lambda: runner.run(async_calls(other)), amapped, folder)
        if "--quick" not in sys.argv:
            for count in (1_000, 100_000):
                print(f"memory, {count:>7,} items: grows by {memory(count, folder):.1f} MB")


if __name__ == "__main__":
    main()
