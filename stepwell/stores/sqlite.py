"""Database: an SQLite file that threads and processes share. SQLiteStore: a key-value store in such a file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from ..schemas.errors import ConfigError, StepwellError
from ..schemas.process_lock import ProcessLock

if TYPE_CHECKING:
    from sqlite3 import Connection

T = TypeVar("T")

MEMORY = ":memory:"
"""A path that means no file: the data lives as long as the connection, and a forked child gets a copy."""
WAIT_SECONDS = 60.0
"""Time that a writer waits for another process to finish writing."""
RETRY_SECONDS = 0.01
"""Time between two attempts where SQLite does not wait by itself."""
STORE_SECONDS = 5.0
"""Time that a cache may take: a call is better made without it."""
_STEPS_BETWEEN_LOOKS = 10_000
"""Steps of SQLite's virtual machine between two looks at the clock, which cost nothing then: about a millisecond."""
_MAX_PARAMETERS = 500
"""Parameters of one statement: SQLite's own limit was 999 until version 3.32."""


_FORK_SECONDS = 5.0
"""The most that a fork waits for what other threads do with a file."""
_DATABASES: WeakSet[Database] = WeakSet()
_paused: list[Database] = []


def _pause_all() -> None:
    """Wait for all databases before a fork.

    SQLite knows the locks of its process by the file: a child that is forked within a transaction of another thread
    finds the file locked for ever (https://www.sqlite.org/howtocorrupt.html#_carrying_an_open_database_across_a_fork_).
    """
    _paused[:] = [each for each in tuple(_DATABASES) if each.pause()]


def _resume_all() -> None:
    while _paused:
        _paused.pop().resume()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no forks
    os.register_at_fork(before=_pause_all, after_in_parent=_resume_all, after_in_child=_paused.clear)


class Database:
    """A connection that is opened when first used and shared by all threads of the process, one at a time.

    A forked child opens its own. Writes of several processes wait for each other. Raises ConfigError when the file
    cannot be opened or is not a database, StepwellError when SQLite fails later.

    path: the file, or MEMORY. A new one can be read by its owner alone: prompts and answers are in it.
    schema: SQL that is run when the file is opened.
    seconds: the most that opening it, a query or a change may take, with its waits for other processes; None waits
        WAIT_SECONDS for another one's writing, and for a query as long as that takes.
    """

    def __init__(self, path: str | Path, schema: str, *, seconds: float | None = None) -> None:
        self.path = str(path)
        self._schema = schema
        self._seconds = seconds
        self._until = [0.0]  # not on self, to which its connection would then refer
        self._lock = ProcessLock()
        self._pid = 0
        self._connection: Connection | None = None
        _DATABASES.add(self)

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return list(self.rows(query, parameters))

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query one by one, for results that are too large to hold; other threads wait."""
        with self._connected() as connection:
            yield from connection.execute(query, parameters)

    def read_many(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a query for any number of values, in several statements if necessary.

        Each statement replaces the `{}` of the query by a list of placeholders.
        """
        rows = []
        for start in range(0, len(values), _MAX_PARAMETERS):
            batch = values[start : start + _MAX_PARAMETERS]
            rows += self.read(query.format(",".join("?" * len(batch))), batch)
        return rows

    def write(self, query: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row, in one transaction."""
        self.change(lambda connection: connection.executemany(query, rows))

    def change(self, work: Callable[[Connection], T]) -> T:
        """Run a function of the connection as one transaction, isolated from other processes."""
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            return result

    def close(self) -> None:
        """Close the file. A later use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            # A forked child must leave its parent's connection alone: closing it would drop the parent's locks.
            if connection is not None and self._pid == os.getpid():
                connection.close()

    def __del__(self) -> None:
        self.close()

    def pause(self) -> bool:
        """Wait until no thread uses the connection, and let none begin; return False if that takes too long."""
        return self._lock.acquire(timeout=_FORK_SECONDS)

    def resume(self) -> None:
        """Let threads use the connection again."""
        self._lock.release()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        import sqlite3  # heavy: only when a file is used

        began = time.monotonic()
        if not self._lock.acquire(timeout=-1 if self._seconds is None else self._seconds):
            raise StepwellError(f"the database {self.path} is busy with what other threads do", hint="try again later")
        try:
            self._until[0] = began + (self._seconds or 0.0)
            if self._connection is not None and self._pid != os.getpid() and self.path != MEMORY:
                _ORPHANS.append(self._connection)  # the parent's
                self._connection = None
            try:
                if self._connection is None:
                    self._connection, self._pid = self._connect(), os.getpid()
                yield self._connection
            except sqlite3.Error as error:
                hint = "is there space left, and may the file be written?"
                raise StepwellError(f"the database {self.path} failed: {error}", hint=hint) from error
        finally:
            self._lock.release()

    def _connect(self) -> Connection:
        import sqlite3  # heavy: only when a file is used

        try:
            if self.path != MEMORY:
                Path(self.path).parent.mkdir(parents=True, exist_ok=True)
                _check_whole(self.path)
                with suppress(FileExistsError):  # those that SQLite makes beside it get the same permissions
                    os.close(os.open(self.path, os.O_CREAT | os.O_EXCL, 0o600))
            wait, until = WAIT_SECONDS if self._seconds is None else self._seconds, self._until
            connection = sqlite3.connect(self.path, timeout=wait, isolation_level=None, check_same_thread=False)
            try:
                if self._seconds is not None:
                    # A file may come from anywhere, with a view that never ends in place of a table.
                    connection.set_progress_handler(lambda: time.monotonic() > until[0], _STEPS_BETWEEN_LOOKS)
                _use_a_log(connection, wait)
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.executescript(f"BEGIN IMMEDIATE; {self._schema}; COMMIT")
            except BaseException:
                connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT):
                raise  # another process uses it, or it took too long
            raise ConfigError(
                f"the database {self.path} cannot be used: {error}",
                hint="use a file that may be written, or a new one",
            ) from None
        return connection


def _check_whole(path: str) -> None:
    """Raise ConfigError for a file that lacks its end, as a copy that broke off: SQLite reads zeros there, and where
    they stand for an index, it finds none of the rows.

    Its header has the size: https://www.sqlite.org/fileformat2.html#the_database_header
    """
    try:
        for log in (f"{path}-wal", f"{path}-journal"):  # a process was killed: it wrote the header before the rest
            if os.path.exists(log) and os.path.getsize(log):
                return
        with open(path, "rb") as file:
            head, size = file.read(100), os.fstat(file.fileno()).st_size
    except OSError:
        return
    page = int.from_bytes(head[16:18], "big")
    whole = int.from_bytes(head[28:32], "big") * (65_536 if page == 1 else page)
    if head.startswith(b"SQLite format 3") and head[24:28] == head[92:96] and size < whole:
        raise ConfigError(
            f"the database {path} has {size:,} of its {whole:,} bytes: its end is missing",
            hint="restore it from a copy, or delete it",
        )


def _use_a_log(connection: Connection, seconds: float) -> None:
    """Let readers never wait for a writer. On a file system without shared memory the mode does not change.

    seconds: the most to wait for other processes.

    SQLite waits for other writers, but not here: of several processes that change the mode of a new file together, all
    but one fail at once, lest they wait for each other (https://sqlite.org/c3ref/busy_handler.html). So ask again.
    """
    import sqlite3  # heavy: only when a file is used

    give_up = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
        time.sleep(RETRY_SECONDS)


# Connections of a parent process. If the child released them, they would be closed; see Database.close.
_ORPHANS: list[Any] = []


class SQLiteStore:
    """A store in one SQLite file, safe across threads and processes.

    path: the file. A new one can be read by its owner alone.
    max_bytes: bound of the sum of all values (None: no bound); the oldest entries are removed first.
    """

    def __init__(self, path: str | Path, *, max_bytes: int | None = None) -> None:
        self._max = max_bytes
        self._database = Database(path, _ENTRIES, seconds=STORE_SECONDS)

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the stored values, by key."""
        return dict(self._database.read_many("SELECT key, value FROM entries WHERE key IN ({})", keys))

    def set_many(self, items: Mapping[str, bytes]) -> None:
        """Store values by key, in one transaction."""

        def work(connection: Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?)", items.items())
            if self._max is not None:
                _remove_oldest(connection, self._max)

        self._database.change(work)

    def close(self) -> None:
        """Close the file. A later use opens it again."""
        self._database.close()


# The sum of all values is kept by triggers, so that a bound need not add all of them up at every write. An entry that
# is replaced passes its DELETE trigger only under recursive_triggers (https://sqlite.org/lang_conflict.html).
_ENTRIES = """
PRAGMA recursive_triggers=ON;
CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS total (bytes INTEGER NOT NULL);
INSERT INTO total SELECT (SELECT COALESCE(SUM(LENGTH(value)), 0) FROM entries) WHERE NOT EXISTS (SELECT * FROM total);
CREATE TRIGGER IF NOT EXISTS added AFTER INSERT ON entries
BEGIN UPDATE total SET bytes = bytes + LENGTH(NEW.value); END;
CREATE TRIGGER IF NOT EXISTS removed AFTER DELETE ON entries
BEGIN UPDATE total SET bytes = bytes - LENGTH(OLD.value); END
"""


def _remove_oldest(connection: Connection, most: int) -> None:
    """Keep the newest entries whose sizes add up to `most` bytes."""
    ((total,),) = connection.execute("SELECT bytes FROM total")
    last = None
    for row, size in connection.execute("SELECT rowid, LENGTH(value) FROM entries ORDER BY rowid"):
        if total <= most:
            break
        last, total = row, total - size
    connection.execute("DELETE FROM entries WHERE rowid <= ?", (last,))
