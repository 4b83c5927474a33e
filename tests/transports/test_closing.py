"""A client that is closed, and a call that is cancelled, over every transport and on every event loop: no call goes on,
nothing is sent afterwards, and no connection is left."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from carriers import MODEL, aclient_of, client_of
from phases import PHASES, RawServer, nothing, server_in

from stepwell import AsyncClient, Timeouts
from stepwell.schemas import errors

from loopback import LONG, SOON, Seen, answer, completion, serving

pytestmark = pytest.mark.usefixtures("small_heap")

PATIENT = Timeouts(connect=LONG, first_event=LONG, idle=LONG)
LOOPS = (("asyncio", "fast"), ("asyncio", "httpx"), ("trio", "httpx"))
on_each_loop = pytest.mark.parametrize(("backend", "transport"), LOOPS)


def silent(request: Seen) -> list[bytes | float]:
    return [LONG]


async def noting_error(call: Callable[[], Awaitable[object]], caught: list[Exception]) -> None:
    """Make a call, and note the error that it raises."""
    try:
        await call()
    except Exception as error:
        caught.append(error)


# httpx leaves the generator of a body that it was sending to the garbage collector, of which trio warns.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <async_generator object ByteStream")
@on_each_loop
@pytest.mark.parametrize("phase", PHASES)
def test_closing_an_async_client_ends_its_calls(backend: str, transport: str, phase: str) -> None:
    async def main() -> None:
        caught: list[Exception] = []

        client = aclient_of(server, transport=transport, timeout=PATIENT)
        with anyio.fail_after(SOON):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(noting_error, lambda: client.stream_text(MODEL, prompt).reply(), caught)
                await anyio.to_thread.run_sync(server.reached.wait, SOON)
                await anyio.sleep(0.05)
                await client.close()
        (error,) = caught
        kind = errors.ConnectError if phase in ("connecting", "in the handshake") else errors.StreamTruncated
        assert type(error) in (kind, errors.ConnectError) and "client was closed" in str(error), error
        assert not error.retryable
        assert await anyio.to_thread.run_sync(server.sees_end), "the connection is closed"

    with server_in(phase) as (server, prompt):
        anyio.run(main, backend=backend)


@on_each_loop
def test_a_call_that_waits_for_a_connection_is_not_sent_after_its_async_client_was_closed(
    backend: str, transport: str
) -> None:
    async def main() -> None:
        caught: list[Exception] = []

        client = aclient_of(server, transport=transport, max_connections=1, timeout=PATIENT)
        with anyio.fail_after(SOON):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(noting_error, lambda: client.generate_text(MODEL, "hi"), caught)
                while not server.seen:
                    await anyio.sleep(0.01)
                await client.close()
        assert sorted(type(each).__name__ for each in caught) == ["ConnectError", "ConnectError", "StreamTruncated"]

    with serving(silent) as server:
        anyio.run(main, backend=backend)
        assert server.wait_until_free(SOON)
        assert len(server.seen) == 1


@pytest.mark.parametrize("transport", ["fast", "httpx"])
def test_a_call_that_waits_for_a_connection_is_not_sent_after_its_client_was_closed(transport: str) -> None:
    caught: list[Exception] = []

    def call() -> None:
        try:
            client.generate_text(MODEL, "hi")
        except Exception as error:
            caught.append(error)

    with (
        serving(silent) as server,
        client_of(server, transport=transport, max_connections=1, timeout=PATIENT) as client,
    ):
        threads = [threading.Thread(target=call) for _ in range(3)]
        for thread in threads:
            thread.start()
        while not server.seen:
            time.sleep(0.01)
        time.sleep(0.1)  # for the others to wait, too: one that begins later is a call of the reopened client
        client.close()
        for thread in threads:
            thread.join(SOON)
        assert sorted(type(each).__name__ for each in caught) == ["ConnectError", "ConnectError", "StreamTruncated"]
        assert server.wait_until_free(SOON)
        assert len(server.seen) == 1


OWN: dict[str, Callable[[], Any] | None] = {
    "httpx": None,
    "own httpx": httpx.AsyncClient,
    "own httpx2": httpx2.AsyncClient,
}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("own", OWN)
def test_a_call_that_is_cancelled_in_the_handshake_leaves_no_connection(backend: str, own: str) -> None:
    async def main() -> None:
        make = OWN[own]
        settings: dict[str, Any] = {"transport": "httpx"} if make is None else {"http": make()}
        client: AsyncClient = aclient_of(server, timeout=PATIENT, **settings)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.generate_text, MODEL, "hi")
            await anyio.to_thread.run_sync(server.reached.wait, SOON)
            await anyio.sleep(0.05)
            tasks.cancel_scope.cancel()
        # Before the client is closed, and before anything is collected.
        assert await anyio.to_thread.run_sync(server.sees_end), "the connection is closed"
        await client.close()

    server = RawServer(nothing)
    server.url = server.url.replace("http:", "https:")
    gc.disable()
    try:
        anyio.run(main, backend=backend)
    finally:
        gc.enable()
        server.stop()


@on_each_loop
def test_the_server_is_not_said_to_have_closed_a_kept_connection_that_the_client_closed(
    backend: str, transport: str
) -> None:
    reached = threading.Event()

    def answer_once(request: Seen) -> list[bytes | float]:
        if len(server.seen) == 1:
            return [answer(completion())]
        reached.set()
        return [LONG]

    async def main() -> None:
        client = aclient_of(server, transport=transport, timeout=PATIENT)
        await client.generate_text(MODEL, "hi")
        caught: list[Exception] = []

        with anyio.fail_after(SOON):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(noting_error, lambda: client.generate_text(MODEL, "hi"), caught)
                await anyio.to_thread.run_sync(reached.wait, SOON)
                await anyio.sleep(0.05)
                await client.close()
        assert type(caught[0]) is errors.StreamTruncated and "client was closed" in str(caught[0])
        assert "kept since" not in str(caught[0]) and len(server.seen) == 2

    with serving(answer_once) as server:
        anyio.run(main, backend=backend)
