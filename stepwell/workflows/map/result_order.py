"""The results of a map on their way: counted, written in the order of the input, and kept until they are emitted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from operator import itemgetter

from attrs import define, field

from ...pipeline.signal import News
from ...schemas.process_lock import PROCESS, ProcessLock
from .result import MapResult
from .results import ResultFile
from .summary import Tally

_turn_of = itemgetter(0)


@define(eq=False)
class ResultOrder:
    """The results of a map. Any thread may put one.

    kept: True to write and emit them in the order of the input, which is that of their turns; False to do so as they
        come.
    file: the file of results; None for none.
    workers: how many threads put results.
    tally: counts them.
    news: published when there are results to emit, or when the next turn has come and somebody waits for that.
    """

    kept: bool
    file: ResultFile | None
    workers: int
    tally: Tally
    news: News
    emits: bool = field(default=False, init=False)
    """Whether results are kept to be emitted."""
    ready: deque[MapResult] = field(factory=deque, init=False)
    """Results to emit."""
    turn: int = field(default=0, init=False)
    """The turn whose result is next."""
    given: int = field(default=0, init=False)
    """How many turns were given."""
    awaited: bool = field(default=False, init=False)
    """Whether somebody waits for the next turn."""
    fault: BaseException | None = field(default=None, init=False)
    """What a write raised, perhaps in a thread that only read the summary. Nothing is written after it."""
    _held: dict[int, tuple[int | None, MapResult | None]] = field(factory=dict, init=False)
    """The results whose turn has not come, by turn: the offset of the held line, and the result to emit."""
    _left: deque[tuple[int, MapResult, bytes]] = field(factory=deque, init=False)
    """Results that are not written yet: the turn, the result and its line of each."""
    _over: bool = field(default=False, init=False)
    _writing: bool = field(default=False, init=False)
    """Whether a thread is writing: the lock is reentrant, and a handler of signals may read the summary meanwhile."""
    _process: int = field(factory=lambda: PROCESS[0], init=False)
    _lock: ProcessLock = field(factory=ProcessLock, init=False)

    def give_turn(self) -> int:
        """Return the next turn."""
        turn, self.given = self.given, self.given + 1
        return turn

    def put(self, turn: int, result: MapResult) -> None:
        """Count a result and write it, or hold it until its turn has come.

        If another thread is writing at that moment, that one writes this one, too, when it is done. Raises what a write
        has raised, also an earlier one of another thread.
        """
        left = self._left
        left.append((turn, result, b"" if self.file is None else result.line(self.file.job)))
        # Not `with self._lock`: a write lets another thread run, which would wait for the lock at once, and so would
        # all others, each woken up in turn: 16 threads took twice the time of one. No more results are left than can
        # be in flight, though: each of them would be paid for again if the process were killed at that moment.
        if len(left) > self.workers:
            with self._lock:
                self._write_left()
        self._write_unless_another_thread_does()
        if self.fault is not None:
            raise self.fault

    def put_earlier(self, offset: int) -> None:
        """Give a turn to a result that an earlier run has put off. offset: that of its line in the second file."""
        with self.locked():
            self._held[self.give_turn()] = offset, None
            self._write([], [])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Return a context manager within which nothing is counted or written."""
        with self._lock:
            yield
        with suppress(Exception):  # it is noted, for the flow of the map to raise
            self._write_unless_another_thread_does()

    def finish(self) -> None:
        """Write what is left, and finish the file. Raises ConfigError if it cannot be written."""
        with self._lock:
            self._write_left()
        if self.fault is not None:
            raise self.fault
        if self.file is not None:
            self.file.finish()

    def close(self) -> None:
        """Write what is left, and close the file. What is put later is dropped: nobody waits for it.

        Raises ConfigError if it cannot be written.
        """
        with self._lock:
            try:
                self._write_left()
            finally:
                self._over = True
                if self.file is not None:
                    self.file.close()

    def _write_unless_another_thread_does(self) -> None:
        # Looked at once more after the release: a result may have been left just before it.
        while self._left and not self._writing and self.fault is None and self._lock.acquire(blocking=False):
            try:
                self._write_left()
            finally:
                self._lock.release()

    def _write_left(self) -> None:
        """Write all that is left. Notes what that raises: the lines that were to be written are lost then, and in the
        order "kept" nothing may follow them.
        """
        if self._over or self._process != PROCESS[0]:  # in a forked child, what is left is the parent's to write
            self._left.clear()
        if self.fault is not None or not self._left or self._writing:
            return
        self._writing = True
        try:
            self._write_batch()
        except BaseException as error:
            self.fault = error
            self.news.publish()
            raise
        finally:
            self._writing = False

    def _write_batch(self) -> None:
        """Write all that is left, with one write for those whose turns follow each other."""
        batch = []
        while self._left:
            batch.append(self._left.popleft())
        if len(batch) > 1:
            batch.sort(key=_turn_of)
        lines: list[bytes] = []
        given: list[MapResult] = []
        for turn, result, line in batch:
            self.tally.add(result)
            if self.kept and turn != self.turn + len(lines):
                self._held[turn] = None if self.file is None else self.file.hold(line), result if self.emits else None
                continue
            lines.append(line)
            if self.emits:
                given.append(result)
            if self.turn + len(lines) in self._held:
                self._write(lines, given)
                lines, given = [], []
        if lines:
            self._write(lines, given)

    def _write(self, lines: list[bytes], given: list[MapResult]) -> None:
        """Write the results of the next turns, and those that are held for the ones after them."""
        offsets: list[int] = []
        turn = self.turn + len(lines)
        while self._held and (held := self._held.pop(turn, None)) is not None:
            turn += 1
            if held[0] is not None:
                offsets.append(held[0])
            if held[1] is not None:
                given.append(held[1])
        if self.file is not None:
            self.file.append(lines, offsets)
            if offsets and not self._held:
                self.file.all_written()
        self.turn = turn
        if given or self.awaited:
            self.ready.extend(given)
            self.news.publish()
