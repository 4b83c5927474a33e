"""A forked process does not wait for the calls of its parent's threads, and leaves their connections alone."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve
from carriers import NAMES, aclient_of, client_of, is_async, name_of, own_client
from in_turn import in_turn

import stepwell
from stepwell.pipeline.effects import CallModel, Flow, Run, Send
from stepwell.pipeline.threads import Scope
from stepwell.schemas import process_lock
from stepwell.schemas.process_lock import ProcessLock
from stepwell.steps import circuit_breaker, concurrency
from stepwell.stores import MemoryStore
from stepwell.stores.sqlite import Database

from loopback import DONE, END, LONG, chunk, event, serving, streaming
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


class SharedStore:
    """A store of limits that lets everything through, and notes its questions. Its circuits let one call try."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def count_attempt(self, *_: Any, **__: Any) -> float:
        return 0.0

    take_place = count_attempt

    def reserve(self, *_: Any) -> tuple[bool, int, int]:
        return True, 10**9, 0

    def enter_circuit(self, *_: Any) -> tuple[float, int]:
        return 0.0, 9

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: self.asked.append(name)


SHARED: dict[str, Callable[[Any], Any]] = {
    "leave_place": lambda store: concurrency(1, store=store),
    "settle": lambda store: stepwell.Budget("9", store=store),
    "judge_circuit": lambda store: circuit_breaker(failures=1, store=store),
}


@pytest.mark.parametrize("in_child", [False, True])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("question", SHARED)
def test_a_forked_process_gives_nothing_back_that_a_call_of_its_parent_holds(
    question: str, streamed: bool, in_child: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has copies of the parent's streams and flows, which end when it drops them, as at its end."""
    store, client = SharedStore(), Scripted(["first"]).client
    client.pipeline = SHARED[question](store)
    client.planner.world = evolve(client.planner.world, soon=lambda work: work())
    if streamed:
        leave = client.stream_text(MODEL, "hi", max_tokens=5).close
    else:
        pipeline, asked = client.planner.request("chat", MODEL, "hi", {"max_tokens": 5})
        flow = pipeline.flow(asked)
        effect = next(flow)
        while type(effect) is Run:
            effect = flow.send(effect.sync_fn())
        assert type(effect) is Send
        leave = flow.close
    if in_child:
        monkeypatch.setattr(os, "getpid", lambda: -1)
    leave()
    assert store.asked == ([] if in_child else [question])


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


LEAVING: dict[str, Callable[..., Any]] = {
    "read": lambda stream, client: stream.reply(),
    "close the stream": lambda stream, client: stream.close(),
    "close the client": lambda stream, client: client.close(),
}


def leave_in_child(work: Callable[[], object]) -> str:
    """Return the name of the error, or nothing, of this work in a forked child."""
    reads, writes = os.pipe()
    if not (child := os.fork()):
        name = ""
        try:
            work()
        except BaseException as error:
            name = f"{type(error).__name__}: {error}"
        finally:
            os.write(writes, name.encode())
            os._exit(0)
    os.close(writes)
    with open(reads) as found:
        said = found.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.usefixtures("new_process")
@in_turn("carrier", NAMES)
def test_whatever_a_forked_process_does_with_a_stream_its_parent_gets_all_of_it(carrier: str) -> None:
    """Both have the same socket and, on asyncio, the same epoll: what a child reads or closes is the parent's."""
    proceed = threading.Event()

    def script(request: Any) -> Iterable[bytes]:
        yield streaming() + chunk(event("hel"))
        proceed.wait(LONG)
        yield chunk(event("lo", "stop")) + chunk(DONE) + END

    def check(way: str, work: Callable[[], object]) -> None:
        said = leave_in_child(work)
        assert ("parent of this process" in said) == (way == "read"), (way, said)
        proceed.set()

    async def run(server: Any, way: str, leave: Callable[..., Any]) -> str:
        async with own_client(carrier) as http, aclient_of(server, http=http, transport=name_of(carrier)) as client:
            stream = await client.stream_text(MODEL, "hi", timeout=LONG)
            pieces = [await anext(deltas := stream.text_deltas())]

            async def in_child() -> None:
                await leave(stream, client)

            def work() -> None:
                asyncio.events._set_running_loop(None)
                asyncio.run(in_child())

            check(way, work)
            return "".join([*pieces, *[each async for each in deltas]])

    with serving(script) as server:
        for way, leave in LEAVING.items():
            proceed.clear()
            if is_async(carrier):
                assert asyncio.run(run(server, way, leave)) == "hello", way
                continue
            with own_client(carrier) as http, client_of(server, http=http, transport=name_of(carrier)) as client:
                stream = client.stream_text(MODEL, "hi", timeout=LONG)
                pieces = [next(deltas := stream.text_deltas())]
                check(way, lambda: leave(stream, client))  # noqa: B023
                assert "".join([*pieces, *deltas]) == "hello", way
