"""Results that many threads put: each is counted, written and emitted once, in its order, whichever thread writes."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

import stepwell
from stepwell.pipeline.signal import News
from stepwell.schemas.errors import ConfigError
from stepwell.schemas.prices import Cost
from stepwell.schemas.reply import Reply
from stepwell.schemas.usage import Usage
from stepwell.testing import FakeModel
from stepwell.workflows.map.result import MapResult
from stepwell.workflows.map.result_order import ResultOrder
from stepwell.workflows.map.results import ResultFile
from stepwell.workflows.map.summary import Tally

from loopback import SOON

KINDS = pytest.mark.parametrize("kept", [True, False], ids=["kept", "as done"])


def result(index: int) -> MapResult:
    return MapResult(index, f"k{index}", None, Reply(usage=Usage(1, 1)), None, 0.1, Cost(Decimal(1)), None)


def order_in(folder: Path, kept: bool, workers: int) -> ResultOrder:
    file = ResultFile(str(folder / "out.jsonl"), kept, "job")
    file.open()
    order = ResultOrder(kept, file, workers, Tally(), News())
    order.emits = True
    return order


def written(folder: Path) -> list[int]:
    return [orjson.loads(line)["index"] for line in (folder / "out.jsonl").read_bytes().splitlines()]


def in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(at,)) for at in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@KINDS
def test_what_threads_put_at_once_is_written_once(tmp_path: Path, kept: bool) -> None:
    order = order_in(tmp_path, kept, workers=8)
    turns = [order.give_turn() for _ in range(2000)]
    random.Random(1).shuffle(turns)

    def work(at: int) -> None:
        for turn in turns[at::8]:
            order.put(turn, result(turn))
            if turn % 50 == 0:
                with order.locked():
                    pass

    in_threads(8, work)
    order.finish()
    assert order.tally.answered == 2000
    assert order.turn == 2000
    assert (written(tmp_path) if kept else sorted(written(tmp_path))) == list(range(2000))
    assert sorted(each.index for each in order.ready) == list(range(2000))
    assert not kept or [each.index for each in order.ready] == list(range(2000))


@KINDS
def test_what_is_put_while_another_thread_has_the_lock_is_written_by_that_one(tmp_path: Path, kept: bool) -> None:
    order = order_in(tmp_path, kept, workers=8)
    for _ in range(3):
        order.give_turn()
    with order.locked():
        in_threads(3, lambda at: order.put(at, result(at)))  # none of them waits
        assert written(tmp_path) == []
    assert sorted(written(tmp_path)) == [0, 1, 2]
    assert order.tally.answered == 3


def test_no_more_results_are_left_to_another_thread_than_there_are_workers(tmp_path: Path) -> None:
    order, put = order_in(tmp_path, kept=False, workers=3), list[int]()

    def work(at: int) -> None:
        order.put(at, result(at))
        put.append(at)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(6)]
    with order.locked():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(0.05)
        assert len(put) <= 3
    for thread in threads:
        thread.join()
    assert sorted(written(tmp_path)) == sorted(put) == list(range(6))


@KINDS
def test_results_left_together_are_one_write(tmp_path: Path, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    order, writes = order_in(tmp_path, kept, workers=8), list[int]()
    append = ResultFile.append
    monkeypatch.setattr(
        ResultFile, "append", lambda self, lines, held=(): (writes.append(len(lines)), append(self, lines, held))[1]
    )
    for _ in range(6):
        order.give_turn()
    order.put(2, result(2))  # in the order "kept" it waits for its turn
    with order.locked():
        in_threads(6, lambda at: None if at == 2 else order.put(at, result(at)))
    assert (written(tmp_path) if kept else sorted(written(tmp_path))) == list(range(6))
    assert writes == ([2, 3] if kept else [1, 5])


def test_a_file_that_was_deleted_is_an_error_after_sixteen_lines(tmp_path: Path) -> None:
    order = order_in(tmp_path, kept=True, workers=1)
    (tmp_path / "out.jsonl").unlink()
    with pytest.raises(ConfigError, match="deleted"):
        for at in range(16):
            order.put(order.give_turn(), result(at))


def test_what_is_put_after_the_end_is_dropped(tmp_path: Path) -> None:
    order = order_in(tmp_path, kept=True, workers=1)
    order.close()
    order.put(order.give_turn(), result(0))
    assert order.tally.answered == 0
    assert written(tmp_path) == []


@KINDS
def test_what_was_left_is_written_before_the_file_is_closed(tmp_path: Path, kept: bool) -> None:
    order = order_in(tmp_path, kept, workers=8)
    for _ in range(3):
        order.give_turn()
    with order.locked():
        in_threads(3, lambda at: order.put(at, result(at)))
        order.close()
    assert sorted(written(tmp_path)) == [0, 1, 2]


@KINDS
def test_a_handler_of_signals_may_read_the_summary_during_a_write(
    tmp_path: Path, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_in(tmp_path, kept, workers=8)
    turns = [order.give_turn() for _ in range(20)]
    left, append = turns[1:], ResultFile.append

    def interrupted(self: ResultFile, lines: Any, held: Any = ()) -> None:
        append(self, lines, held)
        if left:
            at = left.pop(0)
            in_threads(1, lambda _: order.put(at, result(at)))
            with order.locked():  # as in the handler, which runs in this thread
                pass

    monkeypatch.setattr(ResultFile, "append", interrupted)
    order.put(0, result(0))
    assert written(tmp_path) == turns
    assert [each.index for each in order.ready] == turns


@contextmanager
def reader_of_summaries(order: ResultOrder, until: Callable[[], bool]) -> Iterator[None]:
    """Run a thread that has begun to read a summary, and is done with it once `until` holds."""
    began = threading.Event()

    def read() -> None:
        with order.locked():
            began.set()
            end = time.monotonic() + SOON
            while not until() and time.monotonic() < end:
                time.sleep(0.001)

    thread = threading.Thread(target=read)
    thread.start()
    assert began.wait(SOON)
    yield
    thread.join()


@KINDS
def test_the_last_result_is_emitted_although_it_was_left_to_a_reader_of_the_summary(
    kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    finishing, finish, readers = threading.Event(), ResultOrder.finish, ExitStack()

    def answer(request: object) -> str:
        readers.enter_context(reader_of_summaries(run._job.results, finishing.is_set))
        return "yes"

    monkeypatch.setattr(ResultOrder, "finish", lambda self: (finishing.set(), finish(self)))
    with stepwell.Client(registry=FakeModel(answer, repeat=True).registry) as client:
        run = client.map(["hello"], model="fake:m", order="kept" if kept else "as_done")
        assert [each.text for each in run] == ["yes"]
    readers.close()


@KINDS
def test_a_write_that_fails_in_a_reader_of_the_summary_ends_the_map(
    kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers, append, failed = ExitStack(), ResultFile.append, list[int]()

    def answer(request: Any) -> str:
        if request.context.messages[-1].text == "0":
            order = run._job.results
            readers.enter_context(reader_of_summaries(order, lambda: bool(order._left)))
        return "yes"

    def fail_once(self: ResultFile, lines: Any, held: Any = ()) -> None:
        if not failed:
            failed.append(1)
            raise ConfigError("the disk is full")
        append(self, lines, held)

    monkeypatch.setattr(ResultFile, "append", fail_once)
    with stepwell.Client(registry=FakeModel(answer, repeat=True).registry) as client:
        run = client.map(
            map(str, range(3000)), model="fake:m", workers=1, out=tmp_path / "o", order="kept" if kept else "as_done"
        )
        with pytest.raises(ConfigError, match="the disk is full"):
            run.run()
    readers.close()
    assert run.summary.answered < 3000


@pytest.mark.usefixtures("new_process")
@KINDS
def test_a_forked_child_writes_nothing_that_is_left_to_its_parent(tmp_path: Path, kept: bool) -> None:
    order = order_in(tmp_path, kept, workers=8)
    for _ in range(3):
        order.give_turn()
    with order.locked():
        in_threads(3, lambda at: order.put(at, result(at)))
        child = os.fork()
        if child == 0:
            with suppress(BaseException), order.locked():
                pass
            os._exit(0)
        os.waitpid(child, 0)
        assert written(tmp_path) == []
    assert sorted(written(tmp_path)) == [0, 1, 2]
