"""A forked process does not wait for the calls of its parent's threads, and leaves their connections alone."""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import stepwell
from stepwell.pipeline.effects import CallModel, Flow
from stepwell.pipeline.threads import Scope
from stepwell.schemas import process_lock
from stepwell.schemas.process_lock import ProcessLock
from stepwell.steps import circuit_breaker, concurrency
from stepwell.stores import MemoryStore
from stepwell.stores.sqlite import Database

from scripted import MODEL, Scripted

LIMITS: dict[str, Callable[[], Any]] = {
    "concurrency": lambda: concurrency(1),
    "rate limit": lambda: stepwell.RateLimit(requests=1, per=1e6),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_forked_process_does_not_wait_for_the_calls_of_its_parent(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Scripted(["first", "second"]).client
    client.pipeline = LIMITS[limit]()

    def holding() -> Flow:
        reader = yield CallModel(MODEL, "hi", stream=True)
        monkeypatch.setattr(os, "getpid", lambda: -1)  # as in the child of a fork
        reply = yield CallModel(MODEL, "hi", {"timeout": 1})
        yield from reader.close()
        return reply.text

    assert client.run_workflow(holding()) == "second"


def test_a_forked_process_leaves_the_connections_of_its_parent_open(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, servers = socket.socketpair()
    stream = SimpleNamespace(get_extra_info={"socket": ours, "ssl_object": None}.get)
    scope = Scope(None)

    def read(stream: object) -> bytes:
        with monkeypatch.context() as child:
            child.setattr(os, "getpid", lambda: -1)
            scope.signal.set()
        servers.sendall(b"answer")
        return ours.recv(100)

    with ours, servers:
        assert scope.reading(stream, read) == b"answer"


STEPS: dict[str, Callable[[], Any]] = {
    "concurrency": lambda: concurrency(1),
    "rate limit": lambda: stepwell.RateLimit(requests=9, tokens=10**6),
    "budget": lambda: stepwell.Budget("9"),
    "breaker": lambda: circuit_breaker(failures=1),
    "cache": lambda: stepwell.cache(MemoryStore()),
}


def test_a_forked_process_waits_for_no_lock_that_a_thread_of_its_parent_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every lock of the package is held by another thread at the moment of the fork."""
    client = Scripted(["one", "two"]).client
    client.pipeline = [make() for make in STEPS.values()]
    client.generate_text(MODEL, "hi")
    locks = [each for each in gc.get_objects() if type(each) is ProcessLock]
    assert len(locks) >= len(STEPS)  # those that were loaded before the tests are not found
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        for lock in locks:
            lock.acquire()
        held.set()
        over.wait(60)
        for lock in locks:
            lock.release()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(60)
    try:
        monkeypatch.setattr(os, "getpid", lambda: -1)  # as in the child of a fork
        assert client.generate_text(MODEL, "ho", timeout=5).text == "two"
    finally:
        monkeypatch.undo()
        over.set()
        holder.join()


def test_what_other_threads_have_reserved_at_a_fork_is_free_in_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = stepwell.Budget("0.01")
    client = Scripted(["first"]).client
    client.pipeline = budget
    stream = client.stream_text(MODEL, "hi", max_tokens=10)
    reserved = budget.reserved
    assert reserved > 0
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: -1)
        assert budget.reserved == 0
    assert budget.reserved == reserved
    stream.close()


def test_a_fork_waits_for_the_imports_of_a_first_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, proceed = threading.Event(), threading.Event()
    monkeypatch.setattr(threading, "slow_import", (begun, proceed), raising=False)
    source = "import threading as t\nt.slow_import[0].set()\nt.slow_import[1].wait(9)\n"
    (tmp_path / "slow_to_import.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    calls = {name: {"__name__": name, "import_module": import_module} for name in ("stepwell.first_call", "program")}
    for name, waits in (("program", 0), ("stepwell.first_call", 1)):
        begun.clear()
        proceed.clear()
        monkeypatch.delitem(sys.modules, "slow_to_import", raising=False)
        thread = threading.Thread(target=exec, args=("import_module('slow_to_import')", calls[name]))
        thread.start()
        begun.wait(9)
        waited: list[float] = []

        def wait(seconds: float, thread: Any = thread, waited: Any = waited) -> None:
            waited.append(seconds)
            proceed.set()
            thread.join()

        ours = SimpleNamespace(get_ident=threading.get_ident, Event=lambda wait=wait: SimpleNamespace(wait=wait))
        monkeypatch.setattr(process_lock, "threading", ours)
        process_lock.wait_for_imports()
        proceed.set()
        thread.join()
        assert len(waited) == waits, name


def test_a_child_imports_anew_what_another_thread_was_importing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import threading\nbegun, proceed = threading.half\nbegun.set()\nproceed.wait(20)\nwhole = True\n"
    (tmp_path / "half_there.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    begun, proceed, over = threading.Event(), threading.Event(), threading.Event()
    monkeypatch.setattr(threading, "half", (begun, proceed), raising=False)
    thread = threading.Thread(target=import_module, args=("half_there",))
    thread.start()
    begun.wait(20)
    over.set()
    monkeypatch.setattr(threading, "half", (begun, over))
    process_lock.import_anew()  # as in the child, where that thread is not
    assert import_module("half_there").whole
    proceed.set()
    thread.join()


@pytest.mark.usefixtures("new_process")
def test_a_child_that_is_forked_within_a_transaction_can_write(tmp_path: Path) -> None:
    database = Database(tmp_path / "data.db", "CREATE TABLE IF NOT EXISTS rows (n INTEGER)", seconds=5)
    database.write("INSERT INTO rows VALUES (?)", [(0,)])
    within, go_on = threading.Event(), threading.Event()

    def work(connection: Any) -> None:
        connection.execute("INSERT INTO rows VALUES (1)")
        within.set()
        go_on.wait(20)

    thread = threading.Thread(target=database.change, args=(work,))
    thread.start()
    within.wait(20)
    threading.Timer(0.05, go_on.set).start()  # the fork waits for that
    child = os.fork()
    if child == 0:
        try:
            database.write("INSERT INTO rows VALUES (?)", [(2,)])
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    thread.join()
    assert database.read("SELECT n FROM rows ORDER BY n") == [(0,), (1,), (2,)]
    database.close()
