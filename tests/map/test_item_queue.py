"""The queue of items: no worker waits while there is an item for it, and none is woken for nothing again and again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from interleaved import Interleaved, Stuck
from mapping import echo, map_sync

from stepwell.pipeline.effects import Flow
from stepwell.testing import FakeModel
from stepwell.workflows.map import item_queue
from stepwell.workflows.map.item_queue import ItemQueue

from loopback import SOON


class Scene:
    """A reader of three items and three workers, each of which keeps its item until all three have been taken."""

    def __init__(self, seed: int, *, first: int, closer: str) -> None:
        self.threads = Interleaved(seed, item_queue)
        self.queue = ItemQueue[int]()
        self.taken: list[int] = []
        self.first, self.closer = first, closer

    def all_taken(self) -> bool:
        return len(self.taken) == 3

    def read(self) -> None:
        self.threads.wait(lambda: self.queue.idle >= self.first)
        for item in range(3):
            self.queue.put(item)
        self.threads.wait(self.all_taken)
        if self.closer == "reader":
            self.queue.close()

    def work(self) -> None:
        while True:
            try:
                self.taken.append(self.queue.take())
            except IndexError:
                if self.queue.over:
                    return
                for effect in self.queue.wait():
                    signal = effect.signal
                    self.threads.wait(lambda: signal.is_set)  # noqa: B023 - it is over before the next turn
                continue
            self.threads.wait(self.all_taken)
            if self.closer == "worker":
                self.queue.close()


@pytest.mark.parametrize("closer", ["reader", "worker"])
def test_each_item_wakes_a_worker_whichever_thread_goes_on_at_each_line(closer: str) -> None:
    """With a worker that is not woken for its item, all would wait for ever."""
    for seed in range(150):
        scene = Scene(seed, first=seed % 4, closer=closer)
        scene.threads.run([scene.read, scene.work, scene.work, scene.work])
        assert sorted(scene.taken) == [0, 1, 2]


def test_functions_that_all_wait_are_noticed() -> None:
    threads = Interleaved(0, item_queue)
    with pytest.raises(Stuck):
        threads.run([lambda: threads.wait(lambda: False), lambda: None])


def test_an_item_wakes_one_worker_and_that_one_the_next() -> None:
    queue = ItemQueue[str]()
    flows = [queue.wait() for _ in range(16)]
    signals = [next(flow).signal for flow in flows]
    woken = lambda: [signal.is_set for signal in signals].count(True)
    for item in "abc":
        queue.put(item)
        assert woken() == 1  # who is on its way sees the others
    for number, item in enumerate("abc"):
        next(flows[number], None)
        assert queue.take() == item
        assert woken() == min(number + 2, 3) and queue.idle == 16 - woken()
    queue.close()
    assert woken() == 16


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Count how often a worker has waited for items."""
    counter, wait = threading.Semaphore(0), ItemQueue.wait

    def counted(queue: ItemQueue[Any]) -> Flow:
        counter.release()
        yield from wait(queue)

    monkeypatch.setattr(ItemQueue, "wait", counted)
    return counter


def test_no_item_waits_for_the_next_one_of_a_slow_iterable(waits: threading.Semaphore) -> None:
    two, three = threading.Barrier(2, timeout=SOON), threading.Barrier(4, timeout=SOON)

    def items() -> Iterator[int]:
        yield from range(2)
        for _ in range(2):
            assert waits.acquire(timeout=SOON)
        yield from range(2, 5)  # two workers wait now, so that a third has to be started
        three.wait()

    def answer(request: Any) -> str:
        (two if int(echo(request)) < 2 else three).wait()
        return "yes"

    assert map_sync(FakeModel(answer, repeat=True), items(), prompt="{item}", workers=8).answered == 5


def test_items_that_come_one_by_one_wake_one_worker_each(waits: threading.Semaphore) -> None:
    together, answered = threading.Barrier(8, timeout=SOON), threading.Semaphore(0)

    def items() -> Iterator[int]:
        yield from range(8)
        for _ in range(8):
            assert answered.acquire(timeout=SOON)
        for number in range(8, 58):
            yield number
            assert answered.acquire(timeout=SOON)

    def answer(request: Any) -> str:
        if int(echo(request)) < 8:
            together.wait()  # so that there are eight workers, all of which wait afterwards
        answered.release()
        return "yes"

    assert map_sync(FakeModel(answer, repeat=True), items(), prompt="{item}", workers=8).answered == 58
    assert [waits.acquire(blocking=False) for _ in range(8 * 50)].count(True) <= 58 + 8
