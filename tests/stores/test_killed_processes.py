"""An SQLite file whose process was killed as it wrote, without a write-ahead log: what it had begun is taken back.

That is so in a new file, before it gets that log, and always on a file system without shared memory.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import stepwell
from stepwell import Client
from stepwell.journal.index import SCHEMA
from stepwell.stores.sqlite import Database
from stepwell.testing import FakeModel

PAGE = 4096


def killed_in_a_change(path: Path, schema: str, *, pages: int | None) -> None:
    """Leave a file as a process does that is killed in a transaction.

    schema: what it had written before.
    pages: how many it had written to the file at the end of the transaction, the first with the new size of the file;
        None for a kill before that.
    """
    other = path.with_name("other.sqlite")
    connection = sqlite3.connect(other, isolation_level=None)
    connection.executescript(schema)
    connection.execute("PRAGMA cache_size=1")  # so that it writes before the end
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE begun (text)")
    connection.executemany("INSERT INTO begun VALUES (?)", [("x" * 3000,)] * 200)
    shutil.copy(f"{other}-journal", f"{path}-journal")
    if pages is None:
        shutil.copy(other, path)
    connection.execute("COMMIT")
    connection.close()
    if pages is not None:
        shutil.copy(other, path)
        os.truncate(path, pages * PAGE)


def test_a_journal_goes_on_after_a_kill_as_its_index_was_made(tmp_path: Path) -> None:
    for name, schema, pages in (("new", "", None), ("made", SCHEMA, None), ("ending", SCHEMA, 9)):
        (folder := tmp_path / name).mkdir()
        killed_in_a_change(folder / "j", schema, pages=pages)
        with Client(registry=FakeModel("hi").registry, journal=folder / "j") as client:
            assert client.generate_text("fake:any", "hello", job="j").text == "hi"
        assert [each.state for each in stepwell.jobs(folder / "j")] == ["finished"]


def test_a_file_that_was_longer_in_the_change_is_whole_again(tmp_path: Path) -> None:
    schema = "CREATE TABLE kept (text); INSERT INTO kept VALUES ('before')"
    for pages in (None, 5, 50):
        (folder := tmp_path / f"{pages}").mkdir()
        killed_in_a_change(folder / "file", schema, pages=pages)
        database = Database(folder / "file", "CREATE TABLE IF NOT EXISTS more (text)")
        assert database.read("SELECT * FROM kept") == [("before",)]
        names = {name for (name,) in database.read("SELECT name FROM sqlite_master")}
        assert names == {"kept", "more"}, pages
        database.close()
