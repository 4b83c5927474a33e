"""The journal of a process: one log and its index, which the threads and clients of the process share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4
from weakref import WeakSet, WeakValueDictionary

from ..pipeline.effects import CallModel, Flow, in_thread
from ..pipeline.journal.flow import JobFlow
from ..pipeline.journal.job import Job
from ..pipeline.journal.records import Record
from ..pipeline.world import REAL_WORLD, World
from ..schemas.errors import ConfigError, JournalBusy, JournalError, StepwellError
from ..schemas.process_lock import PROCESS
from ..stores.sqlite import Database
from .index import SCHEMA, JobIndex, PartRow, check_file
from .log import START, Log, frame, records_in, rewritten

if TYPE_CHECKING:
    from sqlite3 import Connection

T = TypeVar("T")

_ROWS = 256
"""Parts that may end before the index is written."""
_ROWS_AT_ONCE = 10_000
_LEAST_DEAD = 1 << 20
"""Bytes of forgotten parts below which the log is left as it is."""


class Journal:
    """The journal at a path. Nothing is opened before its first use.

    path: the index; the log and the lock are beside it, with `.log` and `.lock` added to the name.
    power: whether each record waits for the disk.

    One process uses it at a time, with any number of threads and event loops; a forked child may not.
    """

    world: World = REAL_WORLD
    """where jobs take time and chance from"""

    def __init__(self, path: str | os.PathLike[str], *, power: bool = False) -> None:
        self.path = os.path.realpath(path)
        self.power = power
        self._lock = threading.RLock()
        self._log: Log | None = None
        self._index: JobIndex | None = None
        self._held: int | None = None
        self._pid = os.getpid()
        self._next_id = 1
        self._open: dict[tuple[str, str], _Part] = {}
        self._closing = False
        self._dead: int | None = None  # the bytes of the log of which nothing is known any more
        _MADE.add(self)

    def run(self, job: str, flow: Flow | CallModel, flow_of: Callable[[CallModel], Flow], *, part: str = "") -> Flow:
        """Run a flow, or one call, as a part of a job: what is recorded of it is given to it, the rest is recorded.

        flow_of: makes the flow of a whole call.

        Raises JournalBusy for a part that runs already, JournalMismatch for a flow that asks for something else than
        in its first run.
        """
        if self._index is None:
            yield from self.opening()
        begun = self.begin(job, part, flow_of, is_call=isinstance(flow, CallModel))
        try:
            return (yield from begun.run(flow_of(flow) if isinstance(flow, CallModel) else flow))
        finally:
            self.release(begun)

    def opening(self) -> Flow:
        """Open the files, in a thread where an event loop runs: of many jobs, it takes a while."""
        yield in_thread(self.open, recorded=False)

    def open(self) -> None:
        """Open the files, if they are not open."""
        with self._lock:
            self._opened()

    def begin(self, job: str, part: str, flow_of: Callable[[CallModel], Flow], *, is_call: bool = False) -> JobFlow:
        """Return the flow of a part of a job, which is to be released: no other may run it until then."""
        with self._lock:
            index = self._index or self._opened()[1]
            if (job, part) in self._open:
                named = f"job {job!r:.80}" + (f", part {part!r:.80}," if part else "")
                raise JournalBusy(f"{named} runs in this process already", hint="wait for it, or use another name")
            row = index.find(job, part)
            recorder = _Part(self, job, part, row)
            records = () if row is None else self.records_of(row)
            flow = JobFlow(Job(recorder, records, flow_of, self.world), is_call=is_call)
            self._open[job, part] = recorder
            return flow

    def release(self, flow: JobFlow) -> None:
        """Note that the flow of a part is over. The index is written once some are."""
        recorder = flow.job.recorder
        with self._lock:
            if self._open.get(name := (recorder.job, recorder.part)) is not recorder:
                return
            del self._open[name]
            if self._index is not None and len(self._index.changed) >= _ROWS + len(self._open):
                with suppress(JournalError):  # the log has it all: the job that ends here has not failed
                    self.flush()
            if self._closing and not self._open:
                self.close()

    def records_of(self, row: PartRow) -> list[Record]:
        """Return the records of a part."""
        with self._lock:
            if self._log is not None:
                return self._log.records_of(row.last)
            log = Log(Path(f"{self.path}.log"), "", writes=False)
            try:
                return log.records_of(row.last)
            finally:
                log.close()

    def state(self, job: str, part: str = "") -> str:
        """Return what has become of a part: new, begun, failed or finished."""
        with self._lock:
            row = self._opened()[1].find(job, part)
        return "new" if row is None else row.state

    def count(self, job: str) -> dict[str, int]:
        """Return how many parts of a job are in each state."""
        with self._lock:
            self.flush()
            return self._opened()[1].count(job)

    def rows(self, job: str | None = None) -> list[PartRow]:
        """Return what is known of all parts, or of those of one job."""
        with self._lock:
            index = self._opened()[1]
            return list(index.rows()) if job is None else index.rows_of(job)

    def forget(self, job: str, part: str | None = None) -> int:
        """Forget a job, or one part of it, and return how many parts that were. Raises JournalBusy while one runs."""
        with self._lock:
            log, index = self._opened()
            for name, its_part in self._open:
                if name == job and part in (None, its_part):
                    raise JournalBusy(f"job {job!r:.80} runs in this process", hint="wait for its end")
            rows = index.rows_of(job, part)
            if not rows:
                return 0
            log.append(data := frame(0, -1, [("F", (), 0, [row.id for row in rows], b"")]))
            for row in rows:
                index.forget(row.id)
            self.flush()
            # Counted once, and added up from then on: to forget one job takes as long where there are many.
            more = len(data) + sum(row.bytes for row in rows)
            self._dead = log.end - index.bytes() if self._dead is None else self._dead + more
            if not self._open:
                self._compact()
            return len(rows)

    def flush(self) -> None:
        """Write the index."""
        with self._lock:
            log, index = self._opened()
            index.write(log.id, log.end, keep=frozenset(part.row.id for part in self._open.values() if part.row))

    def close(self) -> None:
        """Close the files, once no part is open any more. A later use opens them again."""
        with self._lock:
            self._closing = bool(self._open)
            if self._open or self._log is None or self._pid != PROCESS[0]:
                return
            with suppress(JournalError):
                self.flush()
            self._close_files()

    def _opened(self) -> tuple[Log, JobIndex]:
        """Return the log and the index, opened on first use."""
        if self._pid != PROCESS[0]:
            raise JournalError(
                "a forked child cannot use the journal of its parent",
                hint="make a client in the child, with another file",
            )
        if (log := self._log) is not None and (index := self._index) is not None:
            return log, index
        check_file(self.path)
        with suppress(OSError):
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        self._held = _locked(self.path)
        try:
            self._log = Log(Path(f"{self.path}.log"), uuid4().hex, power=self.power)
            self._index = JobIndex(_IndexFile(self.path, SCHEMA))
            _follow(self._log, self._index)
            self._next_id = self._index.next_id()
            self._index.read_names()
        except BaseException:
            self._close_files()
            raise
        return self._log, self._index

    def _close_files(self) -> None:
        log, index, held = self._log, self._index, self._held
        self._log = self._index = self._held = self._dead = None
        if index is not None:
            index.close()
        if log is not None:
            log.close()
        if held is not None:
            os.close(held)

    def _compact(self) -> None:
        """Write the log anew without what is forgotten, if that is most of it."""
        log, index = self._opened()
        if self._dead is not None and self._dead < max(_LEAST_DEAD, log.end // 2):
            return
        rows = {row.id: row for row in index.rows()}
        try:
            ends = rewritten(log, set(rows), id := uuid4().hex)
            log.close()
            self._log, self._dead = Log(log.path, id, power=self.power), None
            for row in rows.values():
                row.last = ends[row.id]
                index.add(row)
            self.flush()
        except BaseException:
            self._close_files()  # the next use opens whichever log is there, and reads it anew
            raise

    def orphan(self) -> None:
        """Give up what a forked child has inherited: descriptors, through which the file's lock would outlive the
        parent, and a lock that a thread of the parent may hold."""
        self._lock = threading.RLock()
        for descriptor in (self._held, self._log.descriptor if self._log is not None else None):
            if descriptor is not None:
                with suppress(OSError):
                    os.close(descriptor)
        self._held = self._log = self._index = None

    def __del__(self) -> None:
        with suppress(Exception):
            self._open.clear()
            self.close()


class _Part:
    """The recorder of one part of a job."""

    def __init__(self, journal: Journal, job: str, part: str, row: PartRow | None) -> None:
        self.job = job
        self.part = part
        self.row = row
        self._writes = False
        self._journal = journal

    def write(self, records: list[Record]) -> None:
        """Keep some more. Raises JournalError if that fails."""
        journal = self._journal
        with journal._lock:
            log, index, row = journal._log, journal._index, self.row
            if log is None or index is None:  # also in a forked child, which may not write
                log, index = journal._opened()
            if row is None:
                row = PartRow(journal._next_id, self.job, self.part, began=journal.world.time())
                journal._next_id += 1
                records = [("J", (), 0, [row.job, row.part, row.began], b""), *records]
            data = frame(row.id, row.last, records)
            offset = log.append(data)
            if not self._writes:  # once the log has it: its first record names the job
                self.row, self._writes = row, True
                index.add(row)
            row.add(records, offset, len(data))


class _IndexFile(Database):
    """The SQLite file of an index. What fails there is a JournalError."""

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._checked():
            return super().read(query, parameters)

    def change(self, work: Callable[[Connection], T]) -> T:
        with self._checked():
            return super().change(work)

    @contextmanager
    def _checked(self) -> Iterator[None]:
        try:
            yield
        except StepwellError as error:
            raise JournalError(
                f"the index of a journal failed: {error.message}",
                hint="if the file is damaged, delete it: it is made anew from the log beside it",
            ) from error


def _follow(log: Log, index: JobIndex) -> None:
    """Read what the log has got since the index was written, and cut off what is torn at its end."""
    start = index.followed(log.id, log.end)
    if start is None:
        index.clear()
    for after in _noted(log, index, START if start is None else start):
        if len(index.changed) > _ROWS_AT_ONCE:
            index.write(log.id, after)
    if log.torn is not None:
        log.cut(log.torn)


def _noted(log: Log, index: JobIndex, start: int) -> Iterator[int]:
    """Note in the index each frame of the log from an offset on, and yield the offset after it."""
    for offset, after, payload in log.scan(start):
        part, _, records = records_in(payload)
        index.note(part, records, offset, after - offset)
        yield after


def rows_read_only(path: str) -> list[PartRow]:
    """Return what is known of the parts of a journal that another process uses, and leave its files as they are."""
    log, index = Log(Path(f"{path}.log"), "", writes=False), JobIndex(_IndexFile(path, SCHEMA))
    try:
        for _ in _noted(log, index, index.followed(log.id, log.end) or START):
            pass
        return list(index.rows())
    finally:
        index.close()
        log.close()


def _locked(path: str) -> int:
    """Return a descriptor that holds the lock of a journal. Raises JournalBusy if another process has it."""
    try:
        held = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be opened: {error.strerror}", hint="check the path") from None
    try:
        try:
            import fcntl

            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # on Windows
            import msvcrt

            msvcrt.locking(held, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        os.close(held)
        raise JournalBusy(
            f"another process uses the journal {path}", hint="wait for its end, or name another file in journal="
        ) from None
    return held


_JOURNALS: WeakValueDictionary[str, Journal] = WeakValueDictionary()
_MADE: WeakSet[Journal] = WeakSet()
_LOCK = threading.Lock()


def _orphan_all() -> None:
    global _LOCK
    _LOCK = threading.Lock()
    for each in tuple(_MADE):
        each.orphan()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no forks
    os.register_at_fork(after_in_child=_orphan_all)


def journal_at(path: str | os.PathLike[str], durable: str | None = None) -> Journal:
    """Return this process's journal at a path: two clients with the same one share it.

    durable: "power" waits for the disk at each record.

    Raises ConfigError for a path or a `durable` that cannot be used.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path) or "\0" in os.fsdecode(path):
        raise ConfigError(f"journal={path!r:.40} is not the path of a file", hint='Client(journal="work.sqlite")')
    if durable not in (None, "power"):
        raise ConfigError(f"durable={durable!r:.40} is unknown", hint='durable="power", or leave it out')
    with _LOCK:
        place = os.path.realpath(path)
        found = _JOURNALS.get(place)
        if found is None or found._pid != PROCESS[0]:
            found = _JOURNALS[place] = Journal(place, power=durable == "power")
        elif durable and not found.power:
            raise ConfigError('another client has this journal without durable="power"', hint="give it to both")
        return found


def checked_job(job: object, part: object = "") -> tuple[str, str]:
    """Return the name of a job. Raises ConfigError for what is no name."""
    if not isinstance(job, str) or not job or not isinstance(part, str):
        raise ConfigError(f"job={job!r:.40} is not a name", hint='job="invoice-17"')
    try:
        (job + part).encode()
    except UnicodeEncodeError:
        raise ConfigError(f"job={job!r:.40}, part={part!r:.40} has no UTF-8", hint='job="invoice-17"') from None
    return job, part
