"""A map that is killed again and again: each item is once in its file, and only what was in flight is sent twice."""

from __future__ import annotations

import mmap
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mapping import rows

from stepwell import Client

from loopback import Seen, answer, completion, serving

WORKERS = 8


@contextmanager
def counting_server(items: int) -> Iterator[tuple[str, mmap.mmap]]:
    """Serve in a process of its own; give the address, and how often each item was sent: a byte each."""
    counts = mmap.mmap(-1, items)  # shared with the process that is forked
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        chance = random.Random(0)

        def script(seen: Seen) -> Iterator[bytes | float]:
            number = int(str(seen.json["messages"][0]["content"]).split()[-1])  # type: ignore[index]
            counts[number] += 1
            yield chance.uniform(0.0001, 0.02)
            yield answer(completion(f"re {number}"))

        try:
            with serving(script) as server:
                os.write(writer, server.url.encode())
                signal.pause()
        finally:
            os._exit(0)
    try:
        yield os.read(reader, 100).decode(), counts
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(reader)
        os.close(writer)


class Maps:
    """A map over numbers, with answers that take up to 20 ms."""

    def __init__(self, folder: Path, url: str, counts: mmap.mmap) -> None:
        self._out, self._url, self._counts = folder / "out.jsonl", url, counts
        self._kills = 0
        self._done: dict[int, int] = {}
        """How often the items were sent that had a result at the last look."""

    def work(self, first: int) -> Iterator[int]:
        yield from self._answers()
        yield 0  # there was perhaps nothing left to do; now the kill may come
        signal.pause()

    def _answers(self) -> Iterator[int]:
        with Client(base_urls={"openai": f"{self._url}/v1"}, api_keys={"openai": "k"}, retries=0) as client:
            prompt, items = "number {item}", range(len(self._counts))
            with client.map(items, model="openai:gpt-4.1", prompt=prompt, out=self._out, workers=WORKERS) as run:
                yield from (result.index for result in run)

    def faults(self, first: int, acknowledged: list[int]) -> list[str]:
        self._kills += 1
        written = [row["index"] for row in rows(self._out)]
        waiting = {row["index"] for row in rows(Path(f"{self._out}.waiting"))}
        again = sum(max(0, count - 1) for count in self._counts[:])
        found = [f"{number} is not in the file" for number in acknowledged if number >= len(written)]
        found += ["the file is not in order"] * (written != list(range(len(written))))
        found += [f"{number} was sent again" for number, sent in self._done.items() if self._counts[number] != sent]
        found += [f"{again} were sent again"] * (again > self._kills * WORKERS)
        self._done = {number: self._counts[number] for number in waiting.union(written)}
        return found

    def finish(self) -> list[str]:
        """Answer the rest, and look at the whole file."""
        for _ in self._answers():
            pass
        found = self.faults(0, [])
        texts = [row["text"] for row in rows(self._out)]
        return found + ["not each item is in the file"] * (texts != [f"re {at}" for at in range(len(self._counts))])
