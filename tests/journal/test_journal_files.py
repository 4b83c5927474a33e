"""The files of a journal: torn, damaged, foreign, full, locked, forgotten and forked."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import stepwell
from stepwell import Client
from stepwell.errors import ConfigError, JournalBusy, JournalError, StepwellError
from stepwell.journal import journal
from stepwell.pipeline.tasks import performing
from stepwell.steps import Flow, Run
from stepwell.stores.sqlite import Database
from stepwell.testing import FakeModel

from loopback import LONG, SOON

ran: list[int] = []


def counted(count: int, size: int = 1) -> Flow:
    """Run a function several times, and note which of them ran."""
    for at in range(count):
        yield Run(lambda at=at: ran.append(at) or [at] * size, name="a number")  # type: ignore[misc]
    return count


@pytest.fixture(autouse=True)
def none_ran() -> None:
    ran.clear()


def test_a_log_that_is_cut_anywhere_gives_all_that_was_written_before(tmp_path: Path) -> None:
    path = tmp_path / "whole.sqlite"
    with Client(journal=path) as client:
        client.run_workflow(counted(3), job="j")
    whole = Path(f"{path}.log").read_bytes()
    ends = [at for at in range(len(whole) + 1) if _is_end(whole, at)]
    assert len(ends) == 8  # the head, and two frames of each function and the end of the job
    near = {end + more for end in ends for more in (-1, 0, 1, 11, 12, 13)}
    for length in sorted(near & set(range(len(whole)))):
        ran.clear()
        cut = tmp_path / f"{length}.sqlite"
        Path(f"{cut}.log").write_bytes(whole[:length])
        with Client(journal=cut) as client:
            assert client.run_workflow(counted(3), job="j") == 3
        done = sum(end <= length for end in ends[1:]) // 2
        assert ran == list(range(done, 3)), length


def _is_end(log: bytes, at: int) -> bool:
    """Return whether a frame ends here, or the head of the file."""
    start = 52
    while start < at:
        start += 12 + int.from_bytes(log[start : start + 4], "little")
    return start == at


def test_a_log_that_is_damaged_in_the_middle_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with Client(journal=path) as client:
        client.run_workflow(counted(3), job="j")
    log = Path(f"{path}.log")
    whole = log.read_bytes()
    for at in (60, 100, 130):
        log.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        path.unlink()  # so that the index is made anew
        with pytest.raises(JournalError, match="is damaged at byte"):
            Client(journal=path).run_workflow(counted(3), job="j")
        assert len(log.read_bytes()) == len(whole)


def test_the_index_is_made_anew_from_the_log(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with Client(journal=path) as client:
        for part in "abc":
            client.run_workflow(counted(2), job="j", part=part)
        before = list(stepwell.jobs(path).parts())
    path.unlink()
    assert list(stepwell.jobs(path).parts()) == before and ran == [0, 1] * 3


def test_an_index_whose_end_is_missing_runs_nothing_again(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with Client(journal=path) as client:
        client.run_workflow(counted(2), job="j")
    path.write_bytes(path.read_bytes()[:-1])
    with Client(journal=path) as client:
        with pytest.raises(JournalError, match="its end is missing") as raised:
            client.run_workflow(counted(2), job="j")
        assert "delete it" in raised.value.hint
        path.unlink()
        assert client.run_workflow(counted(2), job="j") == 2 and ran == [0, 1]


def test_another_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    database, text = tmp_path / "other.sqlite", tmp_path / "text"
    stepwell.stores.SQLiteStore(database).set_many({"a": b"b"})
    text.write_text("not a database")
    (tmp_path / "log.sqlite.log").write_text("not a log")
    for path in (database, text, tmp_path / "log.sqlite", tmp_path):
        before = path.read_bytes() if path.is_file() else b""
        with pytest.raises((JournalError, ConfigError)):
            Client(journal=path).run_workflow(counted(1), job="j")
        assert not path.is_file() or path.read_bytes() == before
    with pytest.raises(ConfigError, match="there is no journal"):
        stepwell.jobs(tmp_path / "missing")
    for wrong in ("", 17):
        with pytest.raises(ConfigError, match="is not the path"):
            Client(journal=wrong)  # type: ignore[arg-type]
    assert ran == []


def test_an_index_that_cannot_be_read_is_not_called_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j.sqlite"
    with Client(journal=path) as client:
        client.run_workflow(counted(1), job="j")

    def full(*_: object, **__: object) -> object:
        raise sqlite3.OperationalError("disk I/O error")  # as SQLite says where it cannot write beside the file

    monkeypatch.setattr(sqlite3, "connect", full)
    with pytest.raises(JournalError, match=r"cannot be read: disk I/O error"), Client(journal=path) as client:
        client.run_workflow(counted(1), job="k")


def test_a_full_disk_stops_a_job_and_loses_nothing_that_was_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write, left = tmp_path / "j.sqlite", os.write, [5]

    def filling(descriptor: int, data: bytes) -> int:
        left[0] -= 1
        if left[0] == 0:
            return write(descriptor, data[:7])
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    def careless() -> Flow:
        try:
            return (yield from counted(5))
        except Exception:
            return (yield Run(lambda: ran.append(-1)))

    with Client(journal=path) as client:
        with monkeypatch.context() as full:
            full.setattr(os, "write", filling)
            with pytest.raises(JournalError, match=r"cannot be written: No space left.* was recorded before is kept"):
                client.run_workflow(careless(), job="j")
        recorded = len([each for each in stepwell.jobs(path).show("j") if each.result == "done"])
        assert 0 < recorded < 5 and -1 not in ran
        ran.clear()
        assert client.run_workflow(careless(), job="j") == 5 and ran == list(range(recorded, 5))


def test_what_is_forgotten_is_gone_and_the_log_shrinks(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with Client(journal=path) as client:
        client.run_workflow(counted(5, 200_000), job="large")
        client.run_workflow(counted(2), job="small")
        client.run_workflow(counted(2), job="small", part="second")
        found = stepwell.jobs(path)
        size = Path(f"{path}.log").stat().st_size
        assert found.forget("large") == 1 and Path(f"{path}.log").stat().st_size < size / 100
        assert [(each.job, each.parts, each.state) for each in found] == [("small", 2, "finished")]
        ran.clear()
        client.run_workflow(counted(2), job="small", part="second")
        assert not ran and client.run_workflow(counted(1), job="large") == 1 and ran == [0]
        with pytest.raises(ConfigError, match="there is no job 'none'"):
            found.forget("none")


def test_a_job_has_nothing_of_one_that_was_forgotten_when_the_log_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    for job, count, size in (("first", 1, 1), ("forgotten", 3, 1), ("next", 2, 1), ("large", 3, 1 << 18)):
        with Client(journal=path) as client:
            client.run_workflow(counted(count, size), job=job)
        if job in ("forgotten", "large"):
            with stepwell.jobs(path) as found:
                found.forget(job)
    assert Path(f"{path}.log").stat().st_size < 1 << 20
    for _ in range(2):
        ran.clear()
        with Client(journal=path) as client:
            assert client.run_workflow(counted(2), job="next") == 2 and ran == []
            assert [(each.job, each.functions) for each in stepwell.jobs(path)] == [("first", 1), ("next", 2)]
        path.unlink()


def test_a_job_whose_first_record_could_not_be_written_is_recorded_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write, full = tmp_path / "j.sqlite", os.write, [False]

    def writing(descriptor: int, data: bytes) -> int:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", writing)
    with Client(journal=path) as client:
        client.run_workflow(counted(1), job="first")
        full[0] = True
        with pytest.raises(JournalError, match="No space left"):
            client.run_workflow(counted(2), job="j")
        full[0] = False
        client.run_workflow(counted(2), job="j")
    path.unlink()  # what the log has is all that counts
    ran.clear()
    with Client(journal=path) as client:
        assert client.run_workflow(counted(2), job="j") == 2 and ran == []


def test_a_name_that_cannot_be_written_and_a_pipe_are_refused_at_once(tmp_path: Path) -> None:
    client = Client(journal=tmp_path / "j.sqlite")
    for job, part in (("\ud800", ""), ("j", "\udfff")):
        with pytest.raises(ConfigError, match="has no UTF-8"):
            client.run_workflow(counted(1), job=job, part=part)
    with pytest.raises(ConfigError, match="is not the path"):
        Client(journal="a\0b")
    if hasattr(os, "mkfifo"):  # not on Windows
        os.mkfifo(tmp_path / "pipe.log")
        with pytest.raises(JournalError, match="is not a file"):
            Client(journal=tmp_path / "pipe").run_workflow(counted(1), job="j")
    assert ran == []


def test_an_index_that_fails_costs_no_answer_and_ends_a_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j.sqlite"
    monkeypatch.setattr(journal, "_ROWS", 0)
    with monkeypatch.context() as full, Client(journal=path) as client:
        client.run_workflow(counted(1), job="first")
        full.setattr(Database, "change", refused)
        assert client.run_workflow(counted(1), job="j") == 1
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 20_000)  # the first page has the names of the tables
    fake = FakeModel("a", repeat=True)
    with Client(journal=path, registry=fake.registry) as client, pytest.raises(JournalError, match="delete it"):
        client.map(["one", "two"], model="fake:m", job="map").run()
    path.unlink()
    ran.clear()
    with Client(journal=path) as client:
        assert client.run_workflow(counted(1), job="j") == 1 and ran == []


def refused(*arguments: Any) -> None:
    raise StepwellError("the database failed: database or disk is full")


def test_memory_does_not_grow_with_the_parts_that_have_ended(tmp_path: Path) -> None:
    with Client(journal=tmp_path / "j.sqlite") as client:
        for part in range(600):
            client.run_workflow(counted(1), job="j", part=str(part))
        journal = client.journal
        assert journal is not None and len(journal.rows()) == 600
        assert len(vars(journal)["_index"].changed) < 300
        assert journal.state("j", "5") == "finished" and journal.state("j", "new") == "new"


def test_two_clients_of_a_process_share_a_journal(tmp_path: Path) -> None:
    first, second = Client(journal=tmp_path / "j"), Client(journal=tmp_path / "j")
    assert first.journal is second.journal
    first.run_workflow(counted(1), job="a")
    first.close()
    assert second.run_workflow(counted(1), job="a") == 1 and ran == [0]
    with pytest.raises(ConfigError, match="without durable"):
        Client(journal=tmp_path / "j", durable="power")
    with Client(journal=tmp_path / "power", durable="power") as client:
        assert client.run_workflow(counted(1), job="a") == 1


@pytest.mark.usefixtures("new_process")
def test_a_forked_child_may_not_use_it_and_does_not_hold_its_lock(tmp_path: Path) -> None:
    client = Client(journal=tmp_path / "j")
    client.run_workflow(counted(1), job="a")
    child = os.fork()
    if child == 0:
        try:
            client.run_workflow(counted(1), job="b")
        except JournalError as error:
            os._exit(7 if "forked child" in str(error) else 8)
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert client.run_workflow(counted(1), job="b") == 1
    client.close()


@pytest.mark.usefixtures("new_process")
def test_a_child_that_is_forked_while_a_thread_writes_is_refused_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes, goes_on, flush = threading.Event(), threading.Event(), os.fdatasync

    def slow(descriptor: int) -> None:
        flushes.set()
        goes_on.wait(LONG)
        flush(descriptor)

    client = Client(journal=tmp_path / "j", durable="power")
    monkeypatch.setattr(os, "fdatasync", slow)
    thread = threading.Thread(target=lambda: client.run_workflow(counted(1), job="a"))
    thread.start()
    assert flushes.wait(SOON)
    child = os.fork()
    if child == 0:
        signal.alarm(int(SOON))  # ends a child that waits for ever
        try:
            client.run_workflow(counted(1), job="b")
        except JournalError as error:
            client.close()
            os._exit(7 if "forked child" in str(error) else 8)
        os._exit(9)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    goes_on.set()
    thread.join(SOON)
    assert code == 7 and client.run_workflow(counted(1), job="a") == 1
    client.close()


WORKER = """
import os, sys, stepwell
from stepwell.steps import Run
def flow():
    for at in range(10_000):
        yield Run(lambda: at, name="a number")
        print(at, " " * 200, flush=True)
stepwell.Client(journal=sys.argv[1]).run_workflow(flow(), job="j")
"""


@pytest.mark.usefixtures("new_process")
def test_kill_9_loses_nothing_and_another_process_is_refused_meanwhile(tmp_path: Path) -> None:
    path, seen = tmp_path / "j.sqlite", -1

    def again() -> Flow:
        for at in range(seen + 1):
            assert (yield Run(lambda at=at: ran.append(at), name="a number")) == at  # type: ignore[misc]
        return (yield from _forever())

    for _ in range(2):
        with subprocess.Popen([sys.executable, "-c", WORKER, path], stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            lines: Any = iter(worker.stdout)
            seen = max(int(next(lines)) for _ in range(seen + 30))
            with pytest.raises(JournalBusy, match="another process uses the journal"):
                Client(journal=path).run_workflow(performing(Run(lambda: 1)), job="j")
            assert [each.state for each in stepwell.jobs(path)] == ["begun"]
            worker.kill()
            seen = max([seen, *(int(line) for line in lines if line.endswith("\n"))])
    with Client(journal=path) as client:
        reading = client.read_workflow(again(), job="j")
        assert next(reading) == "past the end" and ran == []
        reading.close()


def _forever() -> Flow:
    from stepwell.steps import Emit

    yield Emit("past the end")


def test_threads_write_their_jobs_at_once(tmp_path: Path) -> None:
    with Client(journal=tmp_path / "j.sqlite") as client:
        work = [
            threading.Thread(target=lambda at=at: client.run_workflow(counted(20), job="j", part=str(at)))  # type: ignore[misc]
            for at in range(8)
        ]
        for each in work:
            each.start()
        for each in work:
            each.join()
        assert client.journal is not None and client.journal.count("j") == {"finished": 8}
        ran.clear()
        assert client.run_workflow(counted(20), job="j", part="3") == 20 and not ran


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_its_files_can_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with Client(journal=tmp_path / "work.sqlite") as client:
            client.run_workflow(counted(1), job="j")
            modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert len(modes) >= 3 and set(modes.values()) == {"0o600"}, modes
