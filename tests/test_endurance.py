"""Long runs: memory does not grow, threads and event loops share a client, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest

import stepwell
from stepwell.schemas.memo import Memo

from loopback import Loopback, answer, completion, serving, whole_stream
from scripted import MODEL, Scripted

pytestmark = pytest.mark.usefixtures("small_heap")


def endless() -> Scripted:
    """Build a model that always has another answer, and keeps no record of its requests."""

    class Forgetful(list):  # type: ignore[type-arg]
        def append(self, item: object) -> None: ...

        def __len__(self) -> int:
            return 1

    return Scripted(["hello there"], seen=Forgetful())


def growth(work: Callable[[], None], rounds: int) -> int:
    """Return the bytes that are held after `rounds` of the work and were not before, after a warm-up."""
    for _ in range(20):
        work()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(rounds):
            work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["unstreamed", "streamed", "left early", "failed", "objects"])
def test_memory_does_not_grow_with_calls(kind: str) -> None:
    client = endless().client
    refused = stepwell.Client(
        transport=httpx.MockTransport(lambda request: httpx.Response(400, json={"error": {"message": "no"}})),
        api_keys={"openai": "test"},
    )

    def work() -> None:
        if kind == "unstreamed":
            client.generate_text(MODEL, "hi")
        elif kind == "streamed":
            client.stream_text(MODEL, "hi").reply()
        elif kind == "left early":
            next(iter(client.stream_text(MODEL, "hi")))
        elif kind == "failed":
            with pytest.raises(stepwell.StepwellError):
                refused.generate_text(MODEL, "hi")
        else:
            with pytest.raises(stepwell.StepwellError):
                client.generate_object(MODEL, "hi", {"type": "integer"}, max_repairs=0)

    assert growth(work, 300) < 60_000  # a reply alone takes 5 kB: were one in ten kept, it would show


def test_names_of_models_made_at_run_time_do_not_fill_the_memory() -> None:
    client = endless().client
    count = iter(range(10**9))

    def work() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            client.generate_text(f"openai:made-up-{next(count)}", "hi")

    client.planner._plans = Memo(500)  # instead of 2,000, which take longer
    for _ in range(1_100):
        work()
    assert len(client.planner._plans) <= 500


@pytest.fixture
def frequent_thread_switches() -> Iterator[None]:
    """Switch threads as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_many_threads_share_a_client_and_its_budget(frequent_thread_switches: None) -> None:
    budget = stepwell.Budget("1000")
    client = stepwell.Client(
        transport=httpx.MockTransport(
            lambda request: httpx.Response(200, content=completion(request.headers["x-mark"]))
        ),
        api_keys={"openai": "test"},
        pipeline=budget,
    )

    def ask(mark: int) -> tuple[str, Decimal | None]:
        reply = client.generate_text(MODEL, "hi", headers={"x-mark": str(mark)})
        return reply.text, reply.cost.total

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(800)))
    assert [text for text, _ in answers] == [str(mark) for mark in range(800)]
    costs = [cost for _, cost in answers]
    assert None not in costs
    assert Decimal("1000") - budget.left == sum(cost or 0 for cost in costs)


def serve_both(seen: object) -> Iterator[bytes]:
    yield whole_stream() if seen.json.get("stream") else answer(completion())  # type: ignore[attr-defined]


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving(serve_both) as running:
        yield running


def test_one_async_client_serves_loop_after_loop_and_loops_at_once(server: Loopback) -> None:
    """With real connections, on the default transport; nothing may be left open, which would be a warning."""
    client = stepwell.AsyncClient(api_keys={"openai": "test"}, base_urls={"openai": f"{server.url}/v1"})

    async def work() -> list[str]:
        replies = await asyncio.gather(*(client.generate_text(MODEL, "hi") for _ in range(5)))
        streamed = await client.stream_text(MODEL, "hi").reply()
        return [*(reply.text for reply in replies), streamed.text]

    for _ in range(3):
        assert asyncio.run(work()) == ["hello"] * 6
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append(asyncio.run(work()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [["hello"] * 6] * 3
    gc.collect()
    assert len(client.connections._opened) == 0


async def test_a_dropped_client_is_closed_silently_and_after_its_streams(server: Loopback) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
    client = stepwell.AsyncClient(api_keys={"openai": "test"}, base_urls={"openai": f"{server.url}/v1"})
    circle: list[Any] = [client]
    circle.append(circle)
    stream = await client.stream_text(MODEL, "hi")
    sender = next(iter(client.connections._opened.values()))[0]
    pool: Any = sender.client.pool
    del client, circle, sender
    gc.collect()
    await asyncio.sleep(0.05)
    assert not pool._closed and (await stream.reply()).text == "hello"
    del stream
    gc.collect()
    async with asyncio.timeout(20):
        while not pool._closed:
            await asyncio.sleep(0.001)
    assert reported == []
