"""The file of a map's results: each key once, only whole lines at any time, continued by a later run.

In the order "kept", a result whose turn has not come is written to a second file (`results.jsonl.waiting`) at once, and
copied when its turn comes: a killed run loses no result, and the results that wait take a bounded amount of memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from attrs import define, field

from .keys import KeyTable
from .lines_file import LinesFile

WAITING_BYTES = 16 * 2**20
"""The size of the second file above which no more items are taken until it can be emptied."""
KEPT_BYTES = 2**18
"""How many bytes of the second file are also kept in memory, so that they need not be read."""
_CHECKED = 16
"""After how many lines it is checked that the files were not deleted."""
WRITE_BYTES = 2**18
"""After how many bytes of lines a write is begun anew."""
BEGIN = b'{"index":'
"""How each line begins; see MapResult.line."""


@define(eq=False)
class ResultFile:
    """A file of results, and a second file of those whose turn has not come.

    path: the file.
    kept: whether the lines are in the order of the input.
    job: a digest of the map's model, prompt, schema and tools, which is in each line.
    retry_failed: whether to drop the results that are errors.
    """

    path: str
    kept: bool
    job: str
    retry_failed: bool = False
    done: KeyTable = field(factory=KeyTable, init=False)
    """The keys of the lines that earlier runs wrote to the file."""
    earlier: KeyTable = field(factory=KeyTable, init=False)
    """The offsets, by key, of the lines that earlier runs wrote to the second file."""
    continues: bool = field(default=False, init=False)
    """Whether it has lines of earlier runs."""
    failed: int = field(default=0, init=False)
    """How many of the lines from earlier runs are errors."""
    _lines: LinesFile = field(init=False)
    _waiting: LinesFile = field(init=False)
    _taken: int = field(default=0, init=False)
    """How many of the earlier lines in the second file were asked for."""
    _limit: int = field(factory=lambda: WAITING_BYTES, init=False)
    """The size of the second file up to which lines are added."""
    _kept: dict[int, bytes] = field(factory=dict, init=False)
    """Lines of the second file by their offsets."""
    _kept_bytes: int = field(default=0, init=False)
    _unchecked: int = field(default=0, init=False)
    """How many lines were written since it was last checked that the files are there."""

    def __attrs_post_init__(self) -> None:
        self._lines, self._waiting = (LinesFile(each, self.job, BEGIN) for each in (self.path, f"{self.path}.waiting"))

    def open(self) -> None:
        """Open the file and read which keys it has. Raises ConfigError if it cannot be used."""
        self._lines.open()
        try:
            if os.path.exists(self._waiting.path):
                self._waiting.open()
                for _ in self._waiting.rows():  # before it is changed
                    pass
                self._waiting.settle()
            self._read_lines()
            if self._waiting.is_open:
                self._read_waiting()
            self._drop_kept()
            self.continues = bool(self.done or self.earlier)
        except BaseException:
            self.close()
            raise

    def append(self, lines: Sequence[bytes], held: Sequence[int] = ()) -> None:
        """Add lines at the end, and after them those at these offsets of the second file.

        Raises ConfigError if they cannot be written. A file that was deleted meanwhile is such an error, too, at the
        16th line at the latest, or at the end.
        """
        self._check_now_and_then(len(lines))
        data = lines[0] if len(lines) == 1 else b"".join(lines)
        if held:
            data = self._write_most(data, held)
        if data:
            self._lines.append(data)

    def hold(self, line: bytes) -> int:
        """Write a line whose turn has not come to the second file, and return its offset."""
        self._check_now_and_then(1)
        if not self._waiting.is_open:
            self._waiting.open()
        offset = self._waiting.append(line)
        if self._kept_bytes + len(line) <= KEPT_BYTES:
            self._kept[offset] = line
            self._kept_bytes += len(line)
        return offset

    def _write_most(self, data: bytes, held: Sequence[int]) -> bytes:
        """Write lines and those at some offsets, but for the last ones, which are returned, to be written at once."""
        lines, size = [data], len(data)
        for offset in held:
            if size >= WRITE_BYTES:
                self._lines.append(b"".join(lines))
                lines, size = [], 0
            lines.append(self._held_line(offset))
            size += len(lines[-1])
        return b"".join(lines)

    def _held_line(self, offset: int) -> bytes:
        line = self._kept.pop(offset, None)
        if line is None:
            return self._waiting.line_at(offset)
        self._kept_bytes -= len(line)
        return line

    def _drop_kept(self) -> None:
        """Drop the lines in memory, whose offsets other lines may get. Those that are needed are in the file."""
        self._kept.clear()
        self._kept_bytes = 0

    def _check_now_and_then(self, more: int) -> None:
        """Check that the files were not deleted, after 16 lines: checking takes as long as a third of writing.

        more: how many lines are to be written now.
        """
        self._unchecked += more
        if self._unchecked >= _CHECKED:
            self._check()

    def _check(self) -> None:
        self._unchecked = 0
        self._lines.check_present()
        if self._waiting.is_open:
            self._waiting.check_present()

    def take_earlier(self, key: str) -> int | None:
        """Return the offset of a line that an earlier run wrote to the second file, and count it; None without one."""
        offset = self.earlier.find(key)
        self._taken += offset is not None
        return offset

    @property
    def has_room(self) -> bool:
        """Whether the second file may get more lines."""
        return self._waiting.size < self._limit

    def all_written(self) -> None:
        """Empty the second file, if it is large and all of its lines have been copied."""
        if self._waiting.size < self._limit:
            return
        if self._taken < len(self.earlier):
            self._limit = self._waiting.size + WAITING_BYTES
        else:
            self._waiting.cut(0)
            self._drop_kept()

    def finish(self) -> None:
        """Close the files after the last turn. Lines of items that the input no longer has are added at the end.

        Raises ConfigError if one was deleted meanwhile.
        """
        self._check()
        if self._waiting.is_open:
            self._append_rest()
            self._waiting.remove()
        self.close()

    def close(self) -> None:
        """Close the files, and leave them for a later run."""
        self._lines.close()
        if self._waiting.is_open and self._waiting.size == 0:
            self._waiting.remove()
        self._waiting.close()

    @property
    def is_open(self) -> bool:
        """Whether results can be written."""
        return self._lines.is_open

    def _read_lines(self) -> None:
        """Note the keys of the file.

        To retry errors, the lines after the first one are copied to the second file before the file is cut there, so
        that at any time each line is in one of them.
        """
        cut = None
        for at, line, row in self._lines.rows():
            failed = "error" in row
            if failed and self.retry_failed:
                cut = at if cut is None else cut
            elif cut is not None:
                self.hold(line)
            else:
                self.done.add(row["key"])
                self.failed += failed
        self._lines.settle()
        if cut is not None:
            if self._waiting.is_open:
                self._waiting.flush()
            self._lines.cut(cut)

    def _read_waiting(self) -> None:
        """Take over the results of the second file: by their offsets in the order "kept", else into the first file.

        Of an item's lines the last one counts: it may have failed in one run, and have got its answer in a later one.
        """
        failing: set[str] = set()
        for at, _, row in self._waiting.rows():
            key, failed = row["key"], "error" in row
            if key in self.done or (failed and self.retry_failed):
                continue
            self.earlier.set(key, at)
            if failed:
                failing.add(key)
            else:
                failing.discard(key)
        self.failed += len(failing)
        if not self.kept:
            for line, key in self._earlier_lines():
                self._lines.append(line)
                self.done.add(key)
            self._waiting.cut(0)
            self.earlier = KeyTable()
        self._limit = self._waiting.size + WAITING_BYTES

    def _earlier_lines(self) -> Iterator[tuple[bytes, str]]:
        """Yield the lines that earlier runs wrote to the second file, each with its key."""
        for at, line, row in self._waiting.rows():
            if self.earlier.find(row["key"]) == at:
                yield line, row["key"]

    def _append_rest(self) -> None:
        if self._taken == len(self.earlier):
            return
        written = KeyTable()
        for _, _, row in self._lines.rows():
            written.add(row["key"])
        for line, key in self._earlier_lines():
            if key not in written:
                self._lines.append(line)
