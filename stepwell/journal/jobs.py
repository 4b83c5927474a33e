"""The jobs of a journal, for people: list, show and forget them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from attrs import evolve, frozen

from ..pipeline.journal.records import BegunEffect, by_flow
from ..schemas.errors import ConfigError, JournalBusy
from .index import PartRow, State
from .journal import Journal, journal_at, rows_read_only


@frozen
class JobSummary:
    """A job, or one part of it."""

    job: str
    part: str
    """empty for the job itself"""
    state: State
    """begun, failed or finished; of several parts, finished once all are, else what the others are"""
    parts: int
    began: float
    """seconds since 1970"""
    ended: float
    """the same; 0.0 for what has not ended"""
    requests: int
    functions: int
    """how many tools and other functions have run"""
    bytes: int
    """in the log"""
    cost: Decimal | None
    """US dollars of what has finished; None where no price is known"""
    error: str | None
    """the class of the error that failed it"""


@frozen
class ShownEffect:
    """An effect of a job, without what was asked and answered."""

    place: str
    """the numbers of the effect and of those that started its flow, from the outermost on"""
    kind: str
    """send, stream, run (a tool or another function) or refused (by a limit)"""
    name: str
    """of a function, or of the model that a request asks"""
    result: str
    """answered (with the status), done, in flight, or the class of an error"""
    bytes: int
    """of the answer"""


class Jobs:
    """The jobs of the journal at a path: iterate it, `show(job)`, `forget(job)`.

    It may be listed while another process uses it. Raises ConfigError if there is no journal, JournalError for a file
    that is none.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not Path(f"{os.fspath(path)}.log").exists():
            raise ConfigError(f"there is no journal at {os.fspath(path)}", hint="Client(journal=...) makes one")
        self._journal: Journal = journal_at(path)

    def __iter__(self) -> Iterator[JobSummary]:
        """Yield the jobs in the order in which they were begun."""
        found: dict[str, JobSummary] = {}
        for each in self.parts():
            known = found.get(each.job)
            found[each.job] = evolve(each, part="") if known is None else _together(known, each)
        return iter(found.values())

    def parts(self, job: str | None = None) -> list[JobSummary]:
        """Return the parts of a job, or of all jobs, in the order in which they were begun."""
        return [_summary(row) for row in self._rows(job)]

    def show(self, job: str, part: str = "") -> list[ShownEffect]:
        """Return the effects of a job, or of a part of one. Raises ConfigError if there is no such part."""
        for row in self._rows(job):
            if (row.job, row.part) == (job, part):
                flows = by_flow(self._journal.records_of(row))
                effects = [
                    ((*path, number), effect) for path, flow in flows.items() for number, effect in flow.entries.items()
                ]
                return [_shown(place, effect) for place, effect in sorted(effects, key=lambda each: each[0])]
        raise _unknown(job, part)

    def forget(self, job: str, part: str | None = None) -> int:
        """Forget a job, or one part of it; return how many parts were forgotten.

        Raises JournalBusy while it runs, or while another process uses the journal, and ConfigError if there is no
        such job.
        """
        count = self._journal.forget(job, part)
        if not count:
            raise _unknown(job, part)
        return count

    def _rows(self, job: str | None) -> list[PartRow]:
        try:
            return self._journal.rows(job)
        except JournalBusy:
            return [row for row in rows_read_only(self._journal.path) if job in (None, row.job)]

    def close(self) -> None:
        """Close the files, so that another process may use the journal."""
        self._journal.close()

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def jobs(path: str | os.PathLike[str]) -> Jobs:
    """Open the journal at a path to list, show and forget its jobs: `for job in stepwell.jobs("work.sqlite")`."""
    return Jobs(path)


def _summary(row: PartRow) -> JobSummary:
    cost, counts = None if row.cost is None else Decimal(row.cost), (row.sends, row.runs, row.bytes)
    return JobSummary(row.job, row.part, row.state, 1, row.began, row.ended, *counts, cost, row.error)


def _together(known: JobSummary, more: JobSummary) -> JobSummary:
    """Return the summary of a job with one more part."""
    return evolve(
        known,
        state=known.state if known.state != "finished" else more.state,
        parts=known.parts + 1,
        began=min(known.began, more.began),
        ended=max(known.ended, more.ended),
        requests=known.requests + more.requests,
        functions=known.functions + more.functions,
        bytes=known.bytes + more.bytes,
        cost=more.cost if known.cost is None else known.cost + (more.cost or 0),
        error=known.error or more.error,
    )


def _shown(place: tuple[int, ...], effect: BegunEffect) -> ShownEffect:
    match effect.result:
        case "":
            result = "in flight"
        case "X":
            result = str(effect.data["class"]).rpartition(":")[2]
        case "R" | "H":
            result = f"answered {effect.data[0]}" if effect.whole else "in flight"
        case _:
            result = "done"
    size = len(effect.body) + sum(len(body) for _, body in effect.pieces)
    return ShownEffect(".".join(map(str, place)), effect.kind, effect.asked, result, size)


def _unknown(job: str, part: str | None) -> ConfigError:
    of = f", part {part!r:.80}" if part else ""
    hint = "stepwell jobs PATH lists all, as list(stepwell.jobs(path)) does; .parts(job) are those of one"
    return ConfigError(f"there is no job {job!r:.80}{of}", hint=hint)
