"""What a journal's log holds after writes that were interrupted, or that a power cut has undone."""

from __future__ import annotations

import itertools
import os
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


def test_an_interrupt_at_any_moment_of_a_write_leaves_every_record_that_was_and_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C mostly comes while the disk is waited for, and the program may go on with the same client."""
    calls = {"write": os.write, "fdatasync": os.fdatasync}
    for name, performed in itertools.product(calls, (False, True)):
        path = tmp_path / f"{name} {performed}"
        for at in range(8):  # the head of the file and the records of two functions and their job
            left = [at]

            def interrupted(descriptor: int, *data: bytes) -> Any:
                left[0] -= 1
                done = calls[name](descriptor, *data) if performed or left[0] != -1 else None
                if left[0] == -1:
                    raise KeyboardInterrupt
                return done

            ran.clear()
            with Client(journal=path, durable="power") as client:
                assert client.run_workflow(counted(1), job=f"before {at}") == 1
                with monkeypatch.context() as patched:
                    patched.setattr(os, name, interrupted)
                    with suppress(KeyboardInterrupt):
                        client.run_workflow(counted(2), job=f"{at}")
                for job, count in ((f"after {at}", 2), (f"{at}", 2), (f"before {at}", 1)):
                    assert client.run_workflow(counted(count), job=job) == count
            ran.clear()
            with Client(journal=path) as client:
                for job, count in ((f"before {at}", 1), (f"{at}", 2), (f"after {at}", 2)):
                    assert client.run_workflow(counted(count), job=job) == count
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
