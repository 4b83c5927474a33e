"""What a journal's log holds after writes that were interrupted, or that a power cut has undone."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import stepwell
from stepwell import Client
from stepwell.errors import JournalError
from stepwell.steps import Flow, Run

ran: list[int] = []


def counted(count: int) -> Flow:
    """Run a function several times, and note which of them ran."""
    for at in range(count):
        yield Run(lambda at=at: ran.append(at), name="a number")  # type: ignore[misc]
    return count


@pytest.fixture(autouse=True)
def none_ran() -> None:
    ran.clear()


def interrupted(call: Callable[..., Any], at: int, *, performed: bool) -> Callable[..., Any]:
    """Return a call of the system that an interrupt comes into: before it has done its work, or after.

    at: how many calls there are before.
    """
    left = itertools.count(at, -1)

    def called(*arguments: Any) -> Any:
        comes = next(left) == 0
        if comes and not performed:
            raise KeyboardInterrupt
        done = call(*arguments)
        if comes:
            raise KeyboardInterrupt
        return done

    return called


@pytest.mark.parametrize("performed", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("name", ["write", "fdatasync"])
def test_an_interrupt_at_any_moment_of_a_write_leaves_every_record_that_was_and_comes(
    name: str, performed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C mostly comes while the disk is waited for, and the program may go on with the same client."""
    path = tmp_path / "j"
    for at in range(7):  # the records of two functions and of the end of their job, and one call more
        jobs = [f"before {at}", f"{at}", f"after {at}"]
        with Client(journal=path, durable="power") as client:
            client.run_workflow(counted(2), job=jobs[0])
            with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
                patched.setattr(os, name, interrupted(getattr(os, name), at, performed=performed))
                client.run_workflow(counted(2), job=jobs[1])
            for job in (jobs[2], jobs[1], jobs[0]):
                assert client.run_workflow(counted(2), job=job) == 2
        ran.clear()
        with Client(journal=path) as client:
            for job in jobs:
                assert client.run_workflow(counted(2), job=job) == 2
            assert ran == [] and {each.state for each in stepwell.jobs(path)} == {"finished"}


def test_zeros_that_a_power_cut_has_left_behind_what_the_index_knows_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Client(journal=path) as client:
        client.run_workflow(counted(3), job="j")
    log = Path(f"{path}.log")
    whole = log.read_bytes()
    for at in range(60, len(whole)):
        log.write_bytes(whole[:at] + bytes(len(whole) - at))
        with Client(journal=path) as client, pytest.raises(JournalError, match="is damaged at byte"):
            client.run_workflow(counted(3), job="j")
    assert ran == [0, 1, 2]


@pytest.mark.parametrize("performed", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("name", ["replace", "open", "close", "write"])
def test_an_interrupt_while_the_log_is_written_anew_loses_nothing(
    name: str, performed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def large() -> Flow:
        yield Run(lambda: "x" * 2_000_000, name="a text")

    for at in range(3):
        path = tmp_path / f"{at}"
        with Client(journal=path) as client:
            client.run_workflow(counted(2), job="kept")
            client.run_workflow(large(), job="large")
            with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
                patched.setattr(os, name, interrupted(getattr(os, name), at, performed=performed))
                stepwell.jobs(path).forget("large")
            client.run_workflow(counted(2), job="later")
        ran.clear()
        with Client(journal=path) as client:
            client.run_workflow(counted(2), job="kept")
            client.run_workflow(counted(2), job="later")
            assert ran == []


def test_the_names_of_the_files_survive_a_power_cut_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed, flush, folder = [], os.fsync, os.stat(tmp_path).st_ino
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino) or flush(descriptor)
    )
    with Client(journal=tmp_path / "usual") as client:
        client.run_workflow(counted(1), job="j")
    assert folder not in flushed
    with Client(journal=tmp_path / "power", durable="power") as client:
        client.run_workflow(counted(1), job="j")
    assert folder in flushed
