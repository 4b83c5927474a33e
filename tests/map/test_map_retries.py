"""Maps that are killed while they retry what has failed, and go on with other settings or other items."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from mapping import BatchServer, Server, rows, simulated

from stepwell.testing import ServerAnswer
from stepwell.workflows.map.batches import BatchRunner

LAST = "9"


@define
class Failing(Server):
    """Refuses some items. The first one takes long, so that the results of the others wait for their turns."""

    refused: tuple[str, ...] = ()
    why: str = "no"

    def __call__(self, request: Any, chance: Any) -> ServerAnswer:
        answer = super().__call__(request, chance)
        if self.sent[-1] not in self.refused:
            return answer
        return ServerAnswer(status=500, body=b'{"error": {"message": "%s"}}' % self.why.encode(), after=answer.after)


def killed(out: Path, into: Path, **settings: Any) -> Path:
    """Run a map that goes on with the files of `out`; return a copy of its files as they were at its last request."""
    into.mkdir()
    copy, work = into / "killed.jsonl", into / "work.jsonl"
    copied(out, work)
    server = Failing(
        at_request=lambda said: copied(work, copy) if said == LAST else None,
        seconds=lambda said, chance: 1000.0 if said == "0" else 60.0 if said == LAST else 1.0,
        refused=settings.pop("refused", ()),
        why=settings.pop("why", "no"),
    )
    simulated(0, server, range(10), work, workers=2, **settings)
    return copy


def copied(out: Path, to: Path) -> None:
    """Copy the files of a map."""
    for suffix in ("", ".waiting"):
        if Path(f"{out}{suffix}").exists():
            shutil.copy(f"{out}{suffix}", f"{to}{suffix}")


@pytest.mark.parametrize("order", ["kept", "as_done"])
@pytest.mark.parametrize("retry_failed", [False, True])
def test_an_answer_to_what_had_failed_outlives_a_kill(order: str, retry_failed: bool, tmp_path: Path) -> None:
    failed = killed(tmp_path / "none", tmp_path / "a", refused=("2", "4"))
    retried = killed(failed, tmp_path / "b", retry_failed=True, refused=("4",), why="still no")
    waiting = rows(Path(f"{retried}.waiting"))
    assert Counter(row["key"].partition("-")[0] for row in waiting)["2"] == 2, "an error, and the answer after it"
    summary = simulated(0, server := Server(), range(10), retried, order=order, retry_failed=retry_failed)
    found = {row["index"]: row for row in rows(retried)}
    assert sorted(server.sent) == sorted({"0", LAST, *(["4"] * retry_failed)})
    assert len(rows(retried)) == len(found) == 10 and found[2]["text"] == "re: 2"
    assert "still no" in found[4]["error"]["message"] if not retry_failed else found[4]["text"] == "re: 4"
    assert (summary.answered, summary.skipped) == (len(server.sent), 10 - len(server.sent))
    assert ("1 of the results from before are errors" in str(summary)) == (not retry_failed)


def test_an_answer_to_what_had_failed_stays_if_the_input_has_the_item_no_more(tmp_path: Path) -> None:
    failed = killed(tmp_path / "none", tmp_path / "a", refused=("2",))
    retried = killed(failed, tmp_path / "b", retry_failed=True)
    simulated(0, Server(), [0, 1], retried, retry_failed=True)
    assert {row["index"]: row.get("text") for row in rows(retried)} == {at: f"re: {at}" for at in range(9)}


def test_answers_of_a_batch_that_wait_for_their_turns_are_not_written_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batched: dict[str, Any] = {"model": "openai:gpt-4o-mini", "mode": "batch", "key": str}
    out, first, second, server = tmp_path / "out.jsonl", tmp_path / "1.jsonl", tmp_path / "2.jsonl", BatchServer()

    def copy_before_noting(self: BatchRunner, **row: object) -> int:
        if row == {"number": 0, "done": True}:
            copied(out, copies[0])
            shutil.copy(f"{out}.batches", f"{copies[0]}.batches")
        return note(self, **row)

    note, copies = BatchRunner._note, [first]
    monkeypatch.setattr(BatchRunner, "_note", copy_before_noting)
    simulated(0, server, ["a", "b"], out, **batched)
    first.unlink()  # it was killed before it wrote a line
    copies, out = [second], first
    simulated(0, server, ["new", "a", "b"], out, **batched)
    assert len(rows(Path(f"{second}.waiting"))) == 2
    out, copies = second, [tmp_path / "3.jsonl"]
    simulated(0, server, ["new", "a", "b"], out, **batched)
    assert [row["key"] for row in rows(out)] == ["new", "a", "b"] and sorted(server.sent) == ["a", "b", "new"]
