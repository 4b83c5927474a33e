"""Stores: what is put in comes out, for any thread, process or event loop."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fakeredis
import pytest

from stepwell.providers.local.install import cache_folder
from stepwell.schemas import errors
from stepwell.stores import MemoryStore, RedisStore, SQLiteStore
from stepwell.stores.store import store_of


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "redis":
        yield RedisStore(client=fakeredis.FakeRedis())
    else:
        made = SQLiteStore(tmp_path / "new" / "folder" / "cache.sqlite")
        yield made
        made.close()


def test_a_store_returns_what_was_put_in_and_nothing_else(store: Any) -> None:
    store.set_many({"a": b"1", "b": b"\x00\xff"})
    store.set_many({"a": b"2"})
    assert store.get_many(["a", "b", "c"]) == {"a": b"2", "b": b"\x00\xff"}
    assert store.get_many([]) == {}


def test_many_keys_at_once(store: Any) -> None:
    items = {f"k{n}": str(n).encode() for n in range(2500)}
    store.set_many(items)
    assert store.get_many(list(items)) == items


def test_threads_share_a_store(store: Any) -> None:
    def work(n: int) -> None:
        store.set_many({f"{n}": b"x" * n, "shared": b"y"})
        assert store.get_many([f"{n}", "shared"]) == {f"{n}": b"x" * n, "shared": b"y"}

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(50)))


WRITER = """
import sys
from stepwell.stores import SQLiteStore
path, name = sys.argv[1:]
store = SQLiteStore(path)
for n in range(40):
    store.set_many({f"{name}.{n}": b"x", "shared": name.encode()})
store.close()
"""


@pytest.mark.usefixtures("new_process")
def test_processes_can_create_a_shared_file_together(tmp_path: Path) -> None:
    path = str(tmp_path / "cache.sqlite")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, name]) for name in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    store = SQLiteStore(path)
    assert len(store.get_many([f"{name}.{n}" for name in "abcd" for n in range(40)])) == 160
    store.close()


def test_a_new_file_waits_for_a_process_that_is_making_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # SQLite refuses the change of mode at once then, whatever its own wait is.
    path = str(tmp_path / "cache.sqlite")
    maker = sqlite3.connect(path, isolation_level=None)
    maker.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("stepwell.stores.sqlite.time.sleep", lambda seconds: maker.close())
    store = SQLiteStore(path)
    store.set_many({"a": b"1"})
    assert store.get_many(["a"]) == {"a": b"1"}
    store.close()


FORK = """
import os, sys
from stepwell.stores import SQLiteStore
store = SQLiteStore(sys.argv[1])
store.set_many({"a": b"1"})
child = os.fork()
if child == 0:
    store.set_many({"b": b"2"})
    os._exit(0 if store.get_many(["a", "b"]) == {"a": b"1", "b": b"2"} else 1)
assert os.waitpid(child, 0)[1] == 0
assert store.get_many(["a", "b"]) == {"a": b"1", "b": b"2"}
"""


@pytest.mark.usefixtures("new_process")
def test_a_forked_child_opens_the_file_for_itself(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", FORK, str(tmp_path / "cache.sqlite")], check=True, timeout=60)


def test_a_bounded_file_removes_the_oldest_entries_first(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "cache.sqlite", max_bytes=30)
    for name in "abcd":
        store.set_many({name: b"x" * 10})
    assert set(store.get_many(list("abcd"))) == {"b", "c", "d"}
    store.close()


def test_bounded_memory_removes_the_least_recently_used_entries() -> None:
    store = MemoryStore(max_items=2)
    store.set_many({"a": b"", "b": b""})
    store.get_many(["a"])
    store.set_many({"c": b""})
    assert set(store.get_many(list("abc"))) == {"a", "c"} and len(store) == 2


def test_redis_keys_have_a_prefix_and_may_expire() -> None:
    client = fakeredis.FakeRedis()
    RedisStore(client=client, prefix="mine:", ttl=60).set_many({"a": b"1"})
    assert client.keys() == [b"mine:a"] and 0 < client.ttl("mine:a") <= 60


def test_redis_is_used_by_its_address() -> None:
    server = fakeredis.TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        store = RedisStore(f"redis://127.0.0.1:{server.server_address[1]}/0")
        store.set_many({"a": b"1"})
        assert store.get_many(["a", "b"]) == {"a": b"1"}
        store.close()
    finally:
        server.shutdown()
        server.server_close()


def test_redis_needs_its_extra_and_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.ConfigError, match="needs a url"):
        RedisStore()
    with pytest.raises(errors.ConfigError, match="not a Redis URL"):
        RedisStore("http://localhost")
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(errors.MissingExtra, match=r"pip install 'stepwell\[redis\]'"):
        RedisStore("redis://localhost")


def test_a_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database at all, but long enough to be looked at\n" * 10)
    with pytest.raises(errors.ConfigError, match=r"notes.txt cannot be used: .*not a database"):
        SQLiteStore(tmp_path / "notes.txt").get_many(["a"])


def test_a_file_whose_end_is_missing_is_reported_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    store = SQLiteStore(path)
    store.set_many({f"key {at}": b"x" * 1000 for at in range(20)})
    store.close()
    whole = path.read_bytes()
    for size in (len(whole) - 1, len(whole) // 2):
        path.write_bytes(whole[:size])
        with pytest.raises(errors.ConfigError, match=f"{size:,} of its {len(whole):,} bytes"):
            SQLiteStore(path).get_many(["key 1"])
        assert path.read_bytes() == whole[:size]


def test_a_failure_later_on_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    store = SQLiteStore(path)
    store.set_many({"a": b"1"})
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE entries")
    other.close()
    with pytest.raises(errors.StepwellError, match=r"cache.sqlite failed: no such table"):
        store.get_many(["a"])
    store.close()


def test_a_cache_is_accepted_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_CACHE", str(tmp_path))
    own = MemoryStore()
    assert store_of(None, "x") is store_of(False, "x") is None and store_of(own, "x") is own
    assert isinstance(store_of(str(tmp_path / "x.sqlite"), "x"), SQLiteStore)
    assert isinstance(store_of(True, "x.sqlite"), SQLiteStore) and cache_folder() == tmp_path
    with pytest.raises(errors.ConfigError, match="get_many"):
        store_of(3, "x")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_new_file_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    """It holds prompts and answers. One that is there keeps its permissions."""
    before = os.umask(0o022)
    try:
        stores = [SQLiteStore(tmp_path / "new.sqlite"), SQLiteStore(tmp_path / "shared.sqlite")]
        (tmp_path / "shared.sqlite").touch(0o664)
        (tmp_path / "shared.sqlite").chmod(0o664)
        for store in stores:
            store.set_many({"key": b"value"})
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert {mode for name, mode in modes.items() if name.startswith("new")} == {0o600}, modes
    assert modes["shared.sqlite"] == 0o664
