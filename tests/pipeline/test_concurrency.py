"""The number of concurrent calls is limited across threads and event loops."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from stepwell import AsyncClient, Client
from stepwell.providers.wires.openai_chat.samples import SAMPLES
from stepwell.schemas.errors import ConfigError, ServerError, TotalTimeout
from stepwell.steps import Pipeline, concurrency

MODEL = "groq:some-model"


class World:
    """Counts the answers under way at once.

    Each takes a moment, and the first ones until `together` were under way at once, however busy the machine is.
    """

    def __init__(self, together: int = 1, moment: float = 0.02, status: int = 200) -> None:
        self.now = self.most = self.calls = 0
        self.moment = moment
        self._together = together
        self._latest = time.monotonic() + 10
        self._status = status
        self._lock = threading.Lock()

    def _begin(self) -> None:
        with self._lock:
            self.now += 1
            self.calls += 1
            self.most = max(self.most, self.now)

    def _end(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.now -= 1
        body = SAMPLES.text.stream if b'"stream":true' in request.content else SAMPLES.text.body
        return httpx.Response(self._status, content=body)

    def _lonely(self) -> bool:
        return self.most < self._together and time.monotonic() < self._latest

    def sync(self, request: httpx.Request) -> httpx.Response:
        self._begin()
        while self._lonely():
            time.sleep(0.001)
        time.sleep(self.moment)
        return self._end(request)

    async def asynchronous(self, request: httpx.Request) -> httpx.Response:
        self._begin()
        while self._lonely():
            await anyio.sleep(0.001)
        await anyio.sleep(self.moment)
        return self._end(request)

    def client(self, **how: Any) -> Client:
        return Client(transport=httpx.MockTransport(self.sync), api_keys={"groq": "k"}, retries=0, **how)

    def async_client(self, **how: Any) -> AsyncClient:
        return AsyncClient(transport=httpx.MockTransport(self.asynchronous), api_keys={"groq": "k"}, retries=0, **how)


def in_threads(*work: Callable[[], Any]) -> None:
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_threads_wait_for_a_place() -> None:
    world = World(together=2)
    client = world.client(pipeline=concurrency(2))
    in_threads(*[lambda: client.generate_text(MODEL, "hi")] * 8)
    assert (world.calls, world.most) == (8, 2)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_wait_for_a_place(backend: str) -> None:
    world = World(together=3)

    async def main() -> None:
        async with world.async_client(pipeline=concurrency(3)) as client, anyio.create_task_group() as group:
            for _ in range(9):
                group.start_soon(client.generate_text, MODEL, "hi")

    anyio.run(main, backend=backend)
    assert (world.calls, world.most) == (9, 3)


def test_threads_and_event_loops_are_counted_together() -> None:
    world, step = World(together=2), concurrency(2)
    client = world.client(pipeline=step)

    async def several() -> None:
        async with world.async_client(pipeline=step) as later:
            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(later.generate_text, MODEL, "hi")

    ask = lambda: client.generate_text(MODEL, "hi")
    in_threads(ask, ask, ask, lambda: anyio.run(several), lambda: anyio.run(several, backend="trio"))
    assert (world.calls, world.most) == (11, 2)


def test_calls_can_be_grouped_by_a_function() -> None:
    world = World(together=2)
    client = world.client(pipeline=concurrency(1, by=lambda request: request.model.id))
    ask = [lambda id=id: client.generate_text(f"groq:{id}", "hi") for id in "abcabc"]
    in_threads(*ask)
    assert 2 <= world.most <= 3


def test_a_stream_counts_as_a_call_until_its_end() -> None:
    world = World()
    client = world.client(pipeline=concurrency(1))
    with client.stream_text(MODEL, "hi") as stream, pytest.raises(TotalTimeout, match="for its turn among 1"):
        client.generate_text(MODEL, "hi", timeout=0.2)
    assert client.generate_text(MODEL, "hi").text
    assert stream.usage is None


def test_errors_and_cancelled_calls_give_their_place_back() -> None:
    broken = World(status=500)
    client = broken.client(pipeline=concurrency(1))
    for _ in range(3):
        with pytest.raises(ServerError):
            client.generate_text(MODEL, "hi")

    world = World(moment=60)

    async def main() -> None:
        async with world.async_client(pipeline=concurrency(1)) as later:
            tasks = [asyncio.ensure_future(later.generate_text(MODEL, "hi")) for _ in range(4)]
            while not world.calls:
                await asyncio.sleep(0.001)
            world.moment = 0
            tasks[0].cancel()  # it has the place
            tasks[2].cancel()  # it stands in line
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(each).__name__ for each in done] == ["CancelledError", "Reply", "CancelledError", "Reply"]

    asyncio.run(asyncio.wait_for(main(), 20))


def test_a_slot_of_a_call_whose_loop_has_ended_goes_to_the_next() -> None:
    world, step = World(), concurrency(1)
    client = world.client(pipeline=step)

    async def left_waiting() -> None:
        later = world.async_client(pipeline=step, timeout=0.05)
        with pytest.raises(TotalTimeout):
            await later.generate_text(MODEL, "hi")

    with client.stream_text(MODEL, "hi"):
        asyncio.run(left_waiting())
    assert client.generate_text(MODEL, "hi").text


def test_a_concurrency_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="whole number above 0, not 0"):
        concurrency(0)


def test_a_pipeline_may_have_several_under_names_of_their_own() -> None:
    steps = [concurrency(4, name="all"), concurrency(1, by=lambda request: request.model.provider, name="each")]
    assert Pipeline(steps).names() == ("all", "each")
