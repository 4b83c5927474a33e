"""Run a map on a local Ray cluster of two workers, kill one, and compare with the same map on one machine.

`make test-ray`. A mock server counts the requests, a real redis-server shares the limits; then the local model answers
a few prompts in both ways. Exit code 1 for any difference.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import ray
import ray.data
from redis_server import redis_server

from stepwell import AsyncClient, Budget, Client
from stepwell.integrations.ray import map_dataset
from stepwell.providers.local.install import install
from stepwell.steps import concurrency
from stepwell.stores import RedisStore

from loopback import Seen, answer, completion, serving

ITEMS, BLOCKS, AT_ONCE, PLACES = 1200, 24, 8, 12
SECONDS = 0.03
LOCAL = {"model": "local:smollm2", "prompt": "One word only. {text}", "max_tokens": 6, "temperature": 0, "seed": 1}
MOCK = {"model": "openai:m", "prompt": "Say {id}", "key": "id", "max_tokens": 10, "wire": "openai_chat"}


class Counting:
    """Answers each prompt by itself after a while, and counts: requests by prompt and by worker, most at once."""

    def __init__(self) -> None:
        self.prompts: Counter[str] = Counter()
        self.workers: Counter[int] = Counter()
        self.most = 0
        self._busy = 0
        self._lock = threading.Lock()

    def __call__(self, request: Seen) -> Iterable[bytes | float]:
        messages: Any = request.json["messages"]
        prompt = messages[-1]["content"]
        with self._lock:
            self.prompts[prompt] += 1
            self.workers[int(request.headers.get("x-process", 0))] += 1
            self._busy += 1
            self.most = max(self.most, self._busy)
        try:
            yield SECONDS
        finally:
            with self._lock:
                self._busy -= 1
        yield answer(completion(f"{prompt}!"))

    @property
    def total(self) -> int:
        return self.prompts.total()


def make_client(url: str, redis: str) -> AsyncClient:
    """Make the client of a worker, which shares its limits over Redis."""
    limits = [
        concurrency(PLACES, store=RedisStore(redis), lease=5.0),
        Budget(tokens=10**6, store=RedisStore(redis)),
    ]
    headers = {"x-process": str(os.getpid())}
    return AsyncClient(base_urls={"openai": url}, api_keys={"openai": "k"}, pipeline=limits, headers=headers)


def local_client() -> AsyncClient:
    return AsyncClient()


def kill_one(counting: Counting, killed: list[int]) -> None:
    """Kill the worker that asked last, after a third of the requests and once both workers ask."""
    while counting.total < ITEMS // 3 or len(counting.workers) < 2:
        time.sleep(0.005)
    killed.append(list(counting.workers)[-1])
    os.kill(killed[0], signal.SIGKILL)


def answers_of(dataset: Any, column: str) -> dict[Any, Any]:
    """Return the answers by item; two for one item are an error."""
    rows = dataset.take_all()
    found = {row[column]: row["answer"] for row in rows}
    assert len(found) == len(rows), "an item has two rows"
    assert not [row for row in rows if row["error"]], "an item failed"
    return found


def mapped(items: list[dict[str, Any]], blocks: int, **settings: Any) -> Any:
    return map_dataset(ray.data.from_items(items, override_num_blocks=blocks), **settings)


def against_the_mock(folder: Path, redis: str) -> None:
    items = [{"id": number} for number in range(ITEMS)]
    counting, alone = Counting(), Counting()
    with serving(alone) as server, Client(base_urls={"openai": server.url}, api_keys={"openai": "k"}) as client:
        with client.map(items, workers=AT_ONCE, **MOCK) as run:
            expected = {int(result.key): result.text for result in run}
    with serving(counting) as server:
        client = partial(make_client, server.url, redis)
        settings = {"folder": str(folder), "client": client, "workers": AT_ONCE, **MOCK}
        killed: list[int] = []
        killer = threading.Thread(target=kill_one, args=(counting, killed), daemon=True)
        killer.start()
        began = time.monotonic()
        found = answers_of(mapped(items, BLOCKS, **settings), "id")
        seconds = time.monotonic() - began
        assert killed and len(counting.workers) == 3, "a worker was killed, and another took its place"
        assert found == expected, "the answers are those of one machine"
        twice = [prompt for prompt, count in counting.prompts.items() if count > 1]
        assert max(counting.prompts.values()) <= 2 and len(twice) <= AT_ONCE, f"only what was in flight: {twice}"
        assert counting.most <= PLACES, f"{counting.most} at once, of {PLACES}"
        spent = Budget(tokens=10**6, store=RedisStore(redis)).tokens_used
        assert 5 * ITEMS <= spent <= 5 * ITEMS + 5 * AT_ONCE, f"the shared budget counts every answer once: {spent}"
        before = counting.total
        assert answers_of(mapped(items, BLOCKS, **settings), "id") == expected
        assert counting.total == before, "a finished map sends nothing"
    print(f"{ITEMS:,} items in {BLOCKS} blocks, {seconds:.1f} s; a worker killed; {len(twice)} items sent twice")


def against_the_local_model(folder: Path) -> None:
    install()
    items = [{"text": f"What is the capital of {place}?"} for place in ("France", "Italy", "Japan")]
    with Client() as client, client.map(items, workers=1, **LOCAL) as run:
        expected = {result.item["text"]: result.text for result in run}
    found = answers_of(mapped(items, 2, folder=str(folder), client=local_client, workers=1, **LOCAL), "text")
    assert found == expected, f"{found} is not {expected}"
    print(f"the local model answers {len(items)} prompts alike on two workers and on one machine")


def main() -> int:
    os.environ["RAY_DEDUP_LOGS"] = "1"
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=200 * 2**20, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as redis:
        against_the_mock(Path(folder, "mock"), redis)
        against_the_local_model(Path(folder, "local"))
    ray.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
