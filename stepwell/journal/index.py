"""The index of a journal: which parts of jobs its log holds, and where the last record of each is.

It can be made anew from the log at any time, and is written in batches: at open, the log is read from where the index
had followed it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from attrs import define, fields

from ..pipeline.journal.records import Record
from ..schemas.errors import JournalError

if TYPE_CHECKING:
    from sqlite3 import Connection

State = Literal["begun", "failed", "finished"]
SCHEMA = """
CREATE TABLE IF NOT EXISTS stepwell_journal (log TEXT NOT NULL, followed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS stepwell_parts (
  id INTEGER PRIMARY KEY, job TEXT NOT NULL, part TEXT NOT NULL, last INTEGER NOT NULL, state TEXT NOT NULL,
  began REAL NOT NULL, ended REAL NOT NULL, sends INTEGER NOT NULL, runs INTEGER NOT NULL, bytes INTEGER NOT NULL,
  cost TEXT, error TEXT, UNIQUE (job, part));
"""


class SQLite(Protocol):
    """An open SQLite file with SCHEMA in it."""

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...

    def change(self, work: Callable[[Connection], Any]) -> Any: ...

    def close(self) -> None: ...


_MOST_NAMED = 100_000
"""Parts of earlier processes up to which their names are read at open, in a tenth of a second."""
_PLACES = f"({','.join('?' * 12)})"
"""Of one row."""
_ROWS_A_STATEMENT = 80
"""960 parameters: SQLite's own limit was 999 until version 3.32. At each statement other threads may run, which would
then wait for the journal; and a statement for each row takes half as long again."""
_SLOTS = 1 << 22
"""Of a million parts, three in four new ones are not looked up in the file; the table takes 4 MB then."""


@define(eq=False)
class PartRow:
    """What the index knows of one part of a job."""

    id: int
    job: str
    part: str
    last: int = -1
    state: State = "begun"
    began: float = 0.0
    ended: float = 0.0
    sends: int = 0
    runs: int = 0
    bytes: int = 0
    cost: str | None = None
    error: str | None = None

    def add(self, records: Sequence[Record], offset: int, size: int) -> None:
        """Note one more frame of the part."""
        self.last, self.bytes = offset, self.bytes + size
        for kind, path, _, data, _ in records:
            if kind == "B":
                self.state, self.error = "begun", None
                if data[0] == "run":
                    self.runs += 1
                elif data[0] != "refused":
                    self.sends += 1
            elif kind == "E" and not path:
                self.state, (self.ended, self.cost) = "finished", data
            elif kind == "G":
                self.state, (_, self.ended, self.error) = "failed", data


_values_of = attrgetter(*(each.name for each in fields(PartRow)))


class JobIndex:
    """The SQLite file of a journal, and what is not written to it yet."""

    def __init__(self, database: SQLite) -> None:
        self._database = database
        self.changed: dict[int, PartRow] = {}
        self._forgotten: set[int] = set()
        self._ids: dict[tuple[str, str], int] = {}
        self._named: bytearray | None = None
        """Has a 1 at the hash of each part that there is, so that a new one is seldom looked up in the file; None where
        there were too many parts at open."""

    def followed(self, log: str, end: int) -> int | None:
        """Return the offset up to which the index has followed a log of this id and length; None for another log."""
        known = self._database.read("SELECT log, followed FROM stepwell_journal")
        return int(known[0][1]) if known and known[0][0] == log and known[0][1] <= end else None

    def clear(self) -> None:
        """Remove everything."""
        self._database.change(_clear)

    def note(self, part: int, records: Sequence[Record], offset: int, size: int) -> None:
        """Note one more frame of the log."""
        kind, _, _, data, _ = records[0]
        if kind == "J":
            job, its_part, began = data
            self.add(PartRow(part, job, its_part, began=began))
        if kind == "F":
            for id in data:
                self.forget(id)
        elif (row := self.row(part)) is not None:
            row.add(records, offset, size)

    def next_id(self) -> int:
        """Return an id that no part has, nor one that was forgotten a moment ago."""
        ((most,),) = self._database.read("SELECT COALESCE(MAX(id), 0) FROM stepwell_parts")
        return max(int(most), *self.changed, *self._forgotten, 0) + 1

    def read_names(self) -> None:
        """Read which parts there are, unless they are many."""
        named = self._database.read(f"SELECT job, part FROM stepwell_parts LIMIT {_MOST_NAMED + 1}")
        if len(named) > _MOST_NAMED:
            return
        self._named = bytearray(_SLOTS)
        for name in (*named, *self._ids):
            self._named[hash(name) % _SLOTS] = 1

    def add(self, row: PartRow) -> None:
        """Add a part."""
        self.changed[row.id] = row
        self._ids[name := (row.job, row.part)] = row.id
        if self._named is not None:
            self._named[hash(name) % _SLOTS] = 1

    def row(self, id: int) -> PartRow | None:
        """Return the row of a part, to be changed."""
        if id in self.changed or id in self._forgotten:
            return self.changed.get(id)
        found = self._database.read("SELECT * FROM stepwell_parts WHERE id = ?", (id,))
        if found:
            self.add(PartRow(*found[0]))
        return self.changed.get(id)

    def find(self, job: str, part: str) -> PartRow | None:
        """Return the row of a part by its name."""
        if (id := self._ids.get(name := (job, part))) is not None:
            return self.changed[id]
        if self._named is not None and not self._named[hash(name) % _SLOTS]:
            return None
        found = self._database.read("SELECT * FROM stepwell_parts WHERE job = ? AND part = ?", (job, part))
        return PartRow(*found[0]) if found and found[0][0] not in self._forgotten else None

    def rows(self) -> Iterator[PartRow]:
        """Yield the rows of all parts, in the order in which they were begun."""
        for values in self._database.read("SELECT * FROM stepwell_parts ORDER BY id"):
            if values[0] not in self._forgotten and values[0] not in self.changed:
                yield PartRow(*values)
        yield from [*self.changed.values()]

    def rows_of(self, job: str, part: str | None = None) -> list[PartRow]:
        """Return the rows of a job, or of one part of it, in the order in which they were begun."""
        query, values = "SELECT * FROM stepwell_parts WHERE job = ?", (job,) if part is None else (job, part)
        found = self._database.read(f"{query}{'' if part is None else ' AND part = ?'} ORDER BY id", values)
        kept = [PartRow(*each) for each in found if each[0] not in self._forgotten and each[0] not in self.changed]
        return kept + [row for row in self.changed.values() if row.job == job and part in (None, row.part)]

    def bytes(self) -> int:
        """Return how many bytes of the log all parts have, once all is written."""
        return int(self._database.read("SELECT COALESCE(SUM(bytes), 0) FROM stepwell_parts")[0][0])

    def forget(self, id: int) -> None:
        """Remove a part."""
        if (row := self.changed.pop(id, None)) is not None:
            self._ids.pop((row.job, row.part), None)
        self._forgotten.add(id)

    def write(self, log: str, followed: int, *, keep: frozenset[int] = frozenset()) -> None:
        """Write what has changed, in one transaction.

        log: the log's id.
        followed: the offset up to which it is in the index.
        keep: the parts that are under way, whose rows are still needed.
        """
        rows, gone = [*map(_values_of, self.changed.values())], [(id,) for id in self._forgotten]

        def work(connection: Connection) -> None:
            connection.executemany("DELETE FROM stepwell_parts WHERE id = ?", gone)
            for at in range(0, len(rows), _ROWS_A_STATEMENT):
                some = rows[at : at + _ROWS_A_STATEMENT]
                places = ",".join([_PLACES] * len(some))
                connection.execute(f"INSERT OR REPLACE INTO stepwell_parts VALUES {places}", [*chain(*some)])
            connection.execute("DELETE FROM stepwell_journal")
            connection.execute("INSERT INTO stepwell_journal VALUES (?, ?)", (log, followed))

        self._database.change(work)
        self._forgotten.clear()
        self.changed = {id: row for id, row in self.changed.items() if id in keep}
        self._ids = {(row.job, row.part): id for id, row in self.changed.items()}

    def count(self, job: str) -> dict[str, int]:
        """Return how many parts of a job are in each state."""
        counts: dict[str, int] = {}
        for state, count in self._database.read(
            "SELECT state, COUNT(*) FROM stepwell_parts WHERE job = ? GROUP BY state", (job,)
        ):
            counts[state] = count
        return counts

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _clear(connection: Any) -> None:
    connection.execute("DELETE FROM stepwell_parts")
    connection.execute("DELETE FROM stepwell_journal")


def check_file(path: str) -> None:
    """Raise JournalError for a file that is there and is not the index of a journal. Nothing is written to it."""
    import sqlite3  # heavy: only when a file is used

    file = Path(path)
    if not file.exists() or not file.stat().st_size:
        return
    names: set[str] = set()
    try:
        try:
            names = _table_names(file, "ro")
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_READONLY:
                raise
            names = _table_names(file, "rw")  # a process was killed as it wrote: this takes back what it had begun
    except sqlite3.OperationalError as error:
        # A full disk, a lock, a folder: it says nothing about what is in the file.
        raise JournalError(
            f"{path} cannot be read: {error}", hint="check the path, its permissions and the disk"
        ) from None
    except sqlite3.Error:
        names = {""}
    if names and "stepwell_parts" not in names:
        raise JournalError(
            f"{path} is not a journal", hint="name another file in journal=, or one that does not exist yet"
        )


def _table_names(file: Path, mode: str) -> set[str]:
    import sqlite3

    connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode={mode}", uri=True)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()
