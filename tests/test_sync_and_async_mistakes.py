"""Sync forms of async objects, and the other way round, fail with the right form; to checks they look like neither."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import subprocess
import sys
import warnings
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

import pytest

from stepwell import AsyncClient, Client
from stepwell.pipeline import event_loops
from stepwell.testing import FakeModel

MODEL = "fake:m"
STREAMS: dict[str, Callable[[Any], Any]] = {
    "a stream of text": lambda client: client.stream_text(MODEL, "x"),
    "a stream of an operation": lambda client: client.stream("chat", MODEL, "x"),
    "a stream of tools": lambda client: client.stream_tools(MODEL, "x", []),
    "a stream of an object": lambda client: client.stream_object(MODEL, "x", int),
}


def clients() -> tuple[Client, AsyncClient]:
    registry = FakeModel("1", repeat=True).registry
    return Client(registry=registry), AsyncClient(registry=registry)


async def enter_async(subject: Any) -> None:
    async with subject:
        pass


def enter(subject: Any) -> None:
    with subject:
        pass


async def on_a_loop(write: Callable[[Any], Any], subject: Any) -> None:
    write(subject)


def test_a_client_is_entered_by_the_statement_of_its_kind() -> None:
    sync, asynchronous = clients()
    with pytest.raises(AttributeError, match="'AsyncClient' object has no .* it is asynchronous: write `async with`"):
        enter(asynchronous)
    with pytest.raises(AttributeError, match="'Client' object has no .* write `with`, or take an AsyncClient"):
        asyncio.run(enter_async(sync))


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_a_stream_is_entered_and_read_by_the_statements_of_its_kind(stream: Callable[[Any], Any]) -> None:
    sync, asynchronous = clients()
    with pytest.raises(AttributeError, match="write `async with`"):
        enter(stream(asynchronous))
    with pytest.raises(AttributeError, match="write `with`, or take an AsyncClient"):
        asyncio.run(enter_async(stream(sync)))
    with pytest.raises(TypeError, match="read it with `async for`"):
        asyncio.run(on_a_loop(list, stream(asynchronous)))


def test_what_is_awaited_wrongly_has_the_words_of_python() -> None:
    """A method for a better message would make a Reply awaitable, and a Stream async iterable, to all that checks."""
    sync, _ = clients()

    async def await_reply() -> None:
        await sync.generate_text(MODEL, "x")  # type: ignore[misc]

    async def iterate_stream() -> None:
        async for _ in sync.stream_text(MODEL, "x"):  # type: ignore[attr-defined]
            pass

    with pytest.raises(TypeError, match="Reply.*'await'"):
        asyncio.run(await_reply())
    with pytest.raises(TypeError, match="'async for' requires an object with __aiter__ method, got Stream"):
        asyncio.run(iterate_stream())


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_nothing_looks_like_the_other_kind(stream: Callable[[Any], Any]) -> None:
    sync, asynchronous = clients()
    reply = sync.generate_text(MODEL, "x")
    for subject in (sync, stream(sync), reply):
        assert not isinstance(subject, AbstractAsyncContextManager | Awaitable) and not inspect.isawaitable(subject)
        assert not hasattr(subject, "__aiter__") and not hasattr(subject, "__aenter__")
        assert "__aenter__" not in dir(subject)
    for subject in (asynchronous, stream(asynchronous), reply):
        assert not isinstance(subject, AbstractContextManager | Iterable) and not hasattr(subject, "__iter__")
        assert not hasattr(subject, "__enter__") and "__enter__" not in dir(subject)
    assert reply and contextlib.nullcontext(reply)


LOOP_IS_BLOCKED = """
import asyncio, warnings
import stepwell
from stepwell.testing import FakeModel

client = stepwell.Client(registry=FakeModel("1", repeat=True).registry)

async def main():
    client.generate_text("fake:m", "x")  # the line that is named
    client.run_tools("fake:m", "x", [])
    client.stream_text("fake:m", "x").reply()
    await asyncio.to_thread(client.generate_text, "fake:m", "x")

client.generate_text("fake:m", "x")
asyncio.run(asyncio.to_thread(client.generate_text, "fake:m", "x"))
print("nothing so far", flush=True)
asyncio.run(main())
"""


@pytest.mark.usefixtures("new_process")
def test_a_process_is_warned_once_of_a_sync_call_that_blocks_its_event_loop() -> None:
    settings: dict[str, Any] = {"capture_output": True, "text": True, "check": True}
    done = subprocess.run([sys.executable, "-W", "always", "-c", LOOP_IS_BLOCKED], **settings)
    assert done.stdout == "nothing so far\n"
    assert done.stderr.count("RuntimeWarning: a sync call of stepwell blocks the event loop that runs") == 1
    assert "<string>:9: RuntimeWarning" in done.stderr


def test_a_person_at_a_prompt_is_not_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    sync, _ = clients()

    async def ask() -> None:
        sync.generate_text(MODEL, "x")

    monkeypatch.setattr(event_loops, "_WARNED", [])
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(ask())
        assert not caught
        monkeypatch.delattr(sys, "ps1")
        asyncio.run(ask())
    assert [each.category for each in caught] == [RuntimeWarning]
