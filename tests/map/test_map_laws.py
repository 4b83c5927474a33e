"""Laws of maps, in virtual time and from every moment at which a process may be killed."""

from __future__ import annotations

import gc
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mapping import Server, rows, simulated

import stepwell
from stepwell.pipeline.step import Halt, on_request
from stepwell.schemas.reply import Reply
from stepwell.schemas.usage import Usage
from stepwell.steps import concurrency
from stepwell.workflows.map import job, results
from stepwell.workflows.map.keys import KeyTable
from stepwell.workflows.map.result import MapItem, MapResult
from stepwell.workflows.map.summary import Tally

ORDERS = ("kept", "as_done", "as done")


@pytest.mark.parametrize("order", ORDERS)
def test_each_item_is_sent_once_and_no_more_than_the_workers_at_once(order: str, tmp_path: Path) -> None:
    for seed in range(20):
        server, out = Server(), tmp_path / f"{seed}.jsonl"
        workers = 1 + seed % 7
        summary = simulated(seed, server, range(40), out, workers=workers, order=order)
        assert sorted(map(int, server.sent)) == list(range(40)) and server.most == workers
        found = [row["index"] for row in rows(out)]
        assert sorted(found) == list(range(40)) and summary.answered == 40
        assert found == sorted(found) or order != "kept"


def test_the_limits_of_the_pipeline_hold() -> None:
    server = Server()
    simulated(3, server, range(30), None, workers=10, pipeline=concurrency(3))
    assert server.most == 3


def killed_at_each_moment(seed: int, folder: Path, order: str, **settings: Any) -> Iterator[tuple[Path, set[str]]]:
    """Run a map, and yield its files as they were at each request, with the items that were in flight then."""
    out = folder / "out.jsonl"
    moments: list[tuple[Path, set[str]]] = []

    def at_request(said: str) -> None:
        copy = folder / f"at{len(moments)}"
        copy.mkdir()
        for path in folder.glob("out.jsonl*"):
            shutil.copy(path, copy / path.name)
        files = [*rows(copy / "out.jsonl"), *rows(copy / "out.jsonl.waiting")]
        written = {str(row["index"]) for row in files if "text" in row}
        moments.append((copy / "out.jsonl", set(server.sent) - written))

    server = Server(at_request)
    simulated(seed, server, range(25), out, order=order, **settings)
    yield from moments


@pytest.mark.parametrize("order", ORDERS)
def test_killed_at_any_moment_only_what_was_in_flight_is_sent_again(order: str, tmp_path: Path) -> None:
    for seed in range(3):
        (tmp_path / str(seed)).mkdir()
        for out, in_flight in killed_at_each_moment(seed, tmp_path / str(seed), order):
            before, server = rows(out), Server()
            done = {str(row["index"]) for row in before}
            waiting = {str(row["index"]) for row in rows(Path(f"{out}.waiting"))}
            simulated(seed + 100, server, range(25), out, order=order)
            assert Counter(server.sent) == Counter(str(n) for n in range(25) if str(n) not in done | waiting)
            assert len(in_flight) <= 4
            after = [row["index"] for row in rows(out)]
            assert sorted(after) == list(range(25)) and rows(out)[: len(before)] == before
            assert after == sorted(after) or order != "kept"
            assert not Path(f"{out}.waiting").exists()


@pytest.mark.parametrize("order", ORDERS)
def test_killed_while_errors_are_retried_no_answer_is_lost(order: str, tmp_path: Path) -> None:
    first = tmp_path / "out.jsonl"
    simulated(0, Server(), range(25), first, order=order)
    text = first.read_text().splitlines(keepends=True)
    broken = [line.replace('"text":"re: ', '"error":"') if at % 5 == 2 else line for at, line in enumerate(text)]
    lost = {str(row["index"]) for row in map(stepwell.schemas.json_text.loads, broken) if "error" in row}
    first.write_text("".join(broken))
    for out, _ in killed_at_each_moment(1, tmp_path, order, retry_failed=True):
        answered = {str(row["index"]) for row in [*rows(out), *rows(Path(f"{out}.waiting"))] if "text" in row}
        assert answered >= {str(number) for number in range(25)} - lost
        server = Server()
        simulated(2, server, range(25), out, order=order, retry_failed=True)
        assert set(server.sent) == {str(number) for number in range(25)} - answered
        assert sorted(row["index"] for row in rows(out)) == list(range(25))
        assert [row["index"] for row in rows(out)] == list(range(25)) or order != "kept"


def test_a_torn_last_line_is_cut_off_and_its_item_sent_again(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    simulated(0, Server(), range(4), out)
    whole = out.read_bytes()
    for cut in range(len(whole) - 80, len(whole)):
        out.write_bytes(whole[:cut])
        server = Server()
        simulated(0, server, range(4), out)
        whole_line = cut == len(whole) - 1  # it lacks its line end alone
        assert server.sent == ["3"] * (not whole_line) and [row["index"] for row in rows(out)] == [0, 1, 2, 3]


def test_a_slow_item_holds_up_what_is_read_ahead_and_not_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "WINDOW", 50)
    read: list[int] = []
    ahead: list[int] = []

    def items() -> Iterator[int]:
        for number in range(300):
            read.append(number)
            yield number

    def seconds(said: str, chance: random.Random) -> float:
        ahead.append(len(read) - len(rows(tmp_path / "out.jsonl")))
        return 30.0 if said in ("3", "170") else 0.1

    simulated(0, Server(seconds=seconds), items(), tmp_path / "out.jsonl")
    assert max(ahead) == 50
    assert [row["index"] for row in rows(tmp_path / "out.jsonl")] == list(range(300))


@pytest.mark.parametrize(("kept", "written"), [(results.KEPT_BYTES, results.WRITE_BYTES), (0, 300), (500, 1)])
def test_the_file_of_what_waits_is_emptied(
    kept: int, written: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "WAITING_BYTES", 2000)
    monkeypatch.setattr(results, "KEPT_BYTES", kept)
    monkeypatch.setattr(results, "WRITE_BYTES", written)
    sizes = []

    def at_request(said: str) -> None:
        path = tmp_path / "out.jsonl.waiting"
        sizes.append(path.stat().st_size if path.exists() else 0)

    simulated(0, Server(at_request), range(300), tmp_path / "out.jsonl")
    assert 1000 < max(sizes) < 4000
    assert [row["index"] for row in rows(tmp_path / "out.jsonl")] == list(range(300))


def most_alive(count: int, out: Path) -> int:
    """Return the most items, results and replies that there were at once while so many items were mapped."""
    alive = []

    def answer(request: Any) -> Halt:
        if request.world.random() < 20 / count:
            alive.append(sum(isinstance(each, MapItem | MapResult | Reply) for each in gc.get_objects()))
        return Halt(Reply(usage=Usage(1, 1)))

    client = stepwell.Client(pipeline=on_request("answer", answer), api_keys={"groq": "k"})
    summary = client.map(range(count), model="groq:any", prompt="{item}", out=out).run()
    assert summary.answered == count
    return max(alive)


@pytest.mark.usefixtures("small_heap")
def test_memory_is_the_same_for_few_items_and_for_many(tmp_path: Path) -> None:
    few, many = most_alive(250, tmp_path / "few.jsonl"), most_alive(5000, tmp_path / "many.jsonl")
    assert many < few + 150


def test_a_reader_that_stops_stops_the_work() -> None:
    asked: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10_000):
            asked.append(number)
            yield number

    answer = on_request("answer", lambda request: Halt(Reply()))
    client = stepwell.Client(pipeline=answer, api_keys={"groq": "k"})
    with client.map(items(), model="groq:any", prompt="{item}", workers=4, order="as done") as run:
        for read, _ in enumerate(run):
            assert len(asked) - read <= job.AHEAD + 2 * 4
            if read == 200:
                break


@pytest.mark.parametrize("order", ORDERS)
def test_no_worker_waits_for_items_while_the_reader_waits_for_results(
    order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "AHEAD", 2)
    at_once = lambda said, chance: chance.choice((0.0, 0.0, 1.0))
    for seed in range(20):
        server = Server(seconds=at_once)
        summary = simulated(seed, server, range(30), None, workers=1 + seed % 3, order=order, emits=True)
        assert summary.answered == 30


def test_percentiles_are_exact_to_one_percent() -> None:
    for seed in range(10):
        chance, tally = random.Random(seed), Tally()
        taken = sorted(chance.lognormvariate(0.0, 2.0) for _ in range(1000))
        for seconds in taken:
            tally.add(MapResult(0, "k", None, Reply(usage=Usage(1, 2)), None, seconds, Reply().cost, None))
        summary = tally.summary()
        for percent, found in ((50, summary.p50), (90, summary.p90), (99, summary.p99)):
            assert found == pytest.approx(taken[percent * 10 - 1], rel=0.011)
        assert len(summary.latencies.counts) <= 1050


def test_a_table_of_keys_finds_what_was_added() -> None:
    table, known = KeyTable(), {}
    for number in range(5000):
        key = f"key {number % 3000}"
        assert table.add(key, number) is (key not in known)
        known.setdefault(key, number)
    assert len(table) == 3000 and all(table.find(key) == number for key, number in known.items())
    assert not any(f"other {number}" in table for number in range(1000))
