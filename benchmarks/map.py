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
from pathlib import Path
from typing import Any

import stepwell
from benchmarks.own_cost import MODEL, AsyncInstant, Instant

ITEMS, RUNS = 1000, 9
PROMPT = "Is this kind? {text}"
LINES = {
    "1 worker": {"workers": 1},
    "16 workers": {"workers": 16},
    "16 workers, as done": {"workers": 16, "order": "as done"},
}


def rows(count: int) -> Any:
    return ({"id": at, "text": f"text {at}"} for at in range(count))


def client_of(kind: type[Any]) -> Any:
    http = Instant(0.0) if kind is stepwell.Client else AsyncInstant(0.0)
    return kind(http=http, api_keys={"groq": "key"})


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


def measure(name: str, calls: Callable[[], object], maps: dict[str, Callable[[], object]]) -> None:
    """Print the differences. The subjects take turns, so that other load affects all of them."""
    least: dict[str, float] = {}
    for _ in range(RUNS):
        for subject, work in {"calls": calls, **maps}.items():
            least[subject] = min(cpu(work), least.get(subject, 1e9))
    print(f"{name}: {least.pop('calls'):.0f} µs a call")
    for subject in maps:
        print(f"{name}, {subject:24} {least[subject]:6.0f} µs an item in all")
    base = min(cpu(calls) for _ in range(3))
    print(f"{name}: above a call, " + ", ".join(f"{subject}: {least[subject] - base:.0f}" for subject in maps))


def memory(count: int, folder: Path) -> float:
    """Return the MB by which a process grows that maps so many items."""
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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def fresh() -> Path:
            path = folder / "out.jsonl"
            path.unlink(missing_ok=True)
            return path

        client = client_of(stepwell.Client)
        sync_maps = {
            line: lambda settings=settings: client.map(
                rows(ITEMS), model=MODEL, prompt=PROMPT, out=fresh(), **settings
            ).run()
            for line, settings in LINES.items()
        }
        measure("sync", lambda: sync_calls(client), sync_maps)
        asynchronous = client_of(stepwell.AsyncClient)
        with asyncio.Runner() as runner:
            async_maps = {
                line: lambda settings=settings: runner.run(
                    asynchronous.map(rows(ITEMS), model=MODEL, prompt=PROMPT, out=fresh(), **settings).run()
                )
                for line, settings in LINES.items()
            }
            measure("async", lambda: runner.run(async_calls(asynchronous)), async_maps)
        if "--quick" not in sys.argv:
            for count in (1_000, 100_000):
                print(f"memory, {count:>7,} items: grows by {memory(count, folder):.1f} MB")


if __name__ == "__main__":
    main()
