"""A job under way: its records, its lock, and what ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from math import floor
from typing import Any, Protocol

from ...schemas.errors import JournalError, JournalMismatch
from ..world import World
from .records import FlowRecords, Path, Record, by_flow
from .world import TakesValues

_MOST_ERRORS = 16
_RLock = type(threading.RLock())
"""The class: `threading.RLock` is a function around it."""
_FINE = 1024
"""Parts of a second to which times are shifted: a power of two, so that the differences between them stay exact."""


class Recorder(Protocol):
    """Where the records of one part of a job are kept."""

    job: str
    part: str

    def write(self, records: list[Record]) -> None:
        """Keep some more. They survive the end of the process once it returns. Raises JournalError if that fails."""


class KeepsSecrets(Protocol):
    """What is recorded of the bytes of a stream (secrets.py)."""

    def piece(self, data: bytes) -> bytes: ...

    def rest(self) -> bytes: ...


OpenStream = tuple[Path, int, Any, KeepsSecrets]
"""A stream that is recorded: its place, its source, and what keeps secrets out of its bytes."""


def rest_of(opened: OpenStream) -> tuple[Record, ...]:
    """Return the record of what was held back of a stream that is over, if there is any."""
    path, number, _, bytes_held = opened
    rest = bytes_held.rest()
    return (("P", path, number, None, rest),) if rest else ()


class Job:
    """One part of a job under way.

    recorder: keeps its records.
    records: what it has kept in earlier runs, in its order.
    flow_of: makes the flow of a whole call.
    world: where time and chance come from.

    Code of its flows runs under `lock`, one at a time also in threads, so that it is known which tasks a flow had seen
    end; their effects run at once.
    """

    def __init__(
        self,
        recorder: Recorder,
        records: Sequence[Record],
        flow_of: Callable[..., Generator[Any, Any, Any]],
        world: World,
    ) -> None:
        self.recorder = recorder
        self.flow_of = flow_of
        self.world = world
        self.lock = _RLock()
        self.failure: JournalError | None = None
        self.streams: dict[int, OpenStream] = {}
        """the open streams that are recorded, by their ids"""
        self.taking: list[TakesValues] = []
        """the flows that have taken values which are not recorded yet"""
        self.held = False
        """whether a result is to be recorded before the flow that has it does anything"""
        self._pending: list[Record] = []
        self._errors: list[tuple[BaseException, Path, int | None]] = []
        self.unread = by_flow(records) if records else {}
        """what is recorded of the flows that have not begun in this run; each takes its own out"""
        self.shift = _shift(self.unread, world) if self.unread else 0.0
        """what is added to recorded times of the clock that only goes forward: the last was a moment ago"""

    def later(self, record: Record, *, held: bool = False) -> None:
        """Write a record together with the next one.

        held: whether that is before the call that has this result acts again or ends: only code of steps runs until
            then.
        """
        with self.lock:  # another thread may be writing the list
            self._pending.append(record)
            self.held = self.held or held

    def write(self, *records: Record) -> None:
        """Record something, and before it all that flows have taken and seen, on which it may depend."""
        with self.lock:
            if self.failure is not None:
                raise self.failure
            batch, self._pending = self._pending, []
            self.held = False
            if self.taking:
                for flow in self.taking:
                    if flow.fresh:
                        batch.append(flow.taken())
                self.taking.clear()
            batch += records
            if not batch:
                return
            try:
                self.recorder.write(batch)
            except JournalError as error:
                self.failure = error
                raise

    def note_error(self, error: BaseException, path: Path, number: int | None = None) -> None:
        """Remember the error that an effect or a call has raised, in case the job fails with it."""
        self._errors.append((error, path, number))
        del self._errors[:-_MOST_ERRORS]

    def end(self, error: Exception | None, result: object = None) -> None:
        """Record that the job has ended. What failed it is asked again in the next run; all else is kept."""
        now = self.world.time()
        if error is None:
            cost = getattr(getattr(result, "cost", None), "total", None)
            self.write(("E", (), 0, [now, None if cost is None else str(cost)], b""))
            return
        raised, chain = set[int](), [error]
        while chain:
            if id(each := chain.pop()) not in raised:
                raised.add(id(each))
                chain += [inner for inner in (each.__cause__, each.__context__) if isinstance(inner, Exception)]
                chain += getattr(each, "exceptions", ())
        failed = [[path, number] for each, path, number in self._errors if id(each) in raised]
        self._errors.clear()
        self.write(("G", (), 0, [failed, now, type(error).__name__], b""))

    def mismatch(self, place: Path, number: int, why: str) -> JournalMismatch:
        """Make the error of a job that asks for something else now, and stop it."""
        job, part = self.recorder.job, self.recorder.part
        where = ".".join(map(str, (*place, number)))
        named = f"{job!r:.80}, part {part!r:.80}" if part else f"{job!r:.80}"
        error = JournalMismatch(
            f"job {named} asks for something else than in its first run, at effect {where}: {why}",
            hint="run the code that began it, use another name, or forget it: stepwell.jobs(path).forget(job)",
            job=job,
            part=part,
            place=where,
        )
        self.failure = self.failure or error
        return error


def _shift(flows: Mapping[Path, FlowRecords], world: World) -> float:
    recorded = [now for known in flows.values() for values in known.values.values() for now in values.get("m", ())]
    recorded += [
        each.data[3] for known in flows.values() for each in known.entries.values() if each.result in ("R", "H")
    ]
    return floor((world.now() - max(recorded)) * _FINE) / _FINE if recorded else 0.0
