"""A call over the fast transport that is cancelled, or whose client is closed, in each phase; and what is open then."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import socket
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from carriers import MODEL, aclient_of, client_of, saying
from phases import LONG_PROMPT, PHASES, RawServer, read_head, server_in

from stepwell import AsyncClient, Client, Timeouts
from stepwell.network_settings import tls_settings
from stepwell.pipeline.effects import CallModel
from stepwell.pipeline.http.fast import wait
from stepwell.pipeline.tasks import race
from stepwell.schemas import errors
from stepwell.transports import FastTransport

from loopback import CERTIFICATES, END, LONG, SOON, answer, chunk, completion, event, serving, streaming

pytestmark = pytest.mark.usefixtures("small_heap")

PATIENT = Timeouts(connect=LONG, first_event=LONG, idle=LONG)
phases = pytest.mark.parametrize("phase", PHASES)


@phases
def test_a_client_that_is_closed_by_another_thread_ends_its_calls(phase: str) -> None:
    with server_in(phase) as (server, prompt), client_of(server, transport="fast", timeout=PATIENT) as client:
        caught: list[Any] = []

        def call() -> None:
            try:
                client.stream_text(MODEL, prompt).reply()
            except Exception as error:
                caught.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        assert server.reached.wait(SOON)
        while not reached_in(phase, client):
            time.sleep(0.005)
        client.close()
        thread.join(SOON)
        assert [type(each) for each in caught] in ([errors.ConnectError], [errors.StreamTruncated]), caught
        assert server.sees_end(), "the connection is closed"


def reached_in(phase: str, client: Client) -> bool:
    """Return whether the client is where the test wants it: it has begun to connect, or has a connection."""
    pool = client.connections.open().client.pool
    return bool(pool._dials if phase in ("connecting", "in the handshake") else pool._opened)


@phases
async def test_a_cancelled_task_leaves_nothing_open(phase: str) -> None:
    with server_in(phase) as (server, prompt):
        async with aclient_of(server, transport="fast", timeout=PATIENT) as client:
            task = asyncio.create_task(client.stream_text(MODEL, prompt).reply())
            await asyncio.to_thread(server.reached.wait, SOON)
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.sees_end), "the connection is closed"
            pool = (await client.connections.open()).client.pool
            assert pool._room == 1000 and not pool._opened


@phases
async def test_a_client_that_is_closed_by_another_task_ends_its_calls(phase: str) -> None:
    with server_in(phase) as (server, prompt):
        client = aclient_of(server, transport="fast", timeout=PATIENT)
        task = asyncio.create_task(client.stream_text(MODEL, prompt).reply())
        await asyncio.to_thread(server.reached.wait, SOON)
        await asyncio.sleep(0.01)
        await client.close()
        with pytest.raises((errors.ConnectError, errors.StreamTruncated), match="client was closed"):
            await asyncio.wait_for(task, SOON)
        assert await asyncio.to_thread(server.sees_end), "the connection is closed"


@phases
def test_the_loser_of_a_race_is_cut_in_each_phase(phase: str) -> None:
    def text(model: str, prompt: str) -> Any:
        reply = yield CallModel(model, prompt, stream=True)
        while (yield from reader_next(reply)) is not None:
            pass
        return reply.whole_reply().text

    def reader_next(reader: Any) -> Any:
        return (yield from reader.next())

    def whole(model: str) -> Any:
        while not server.reached.is_set():
            time.sleep(0.005)
        time.sleep(0.02)
        reply = yield CallModel(model, "hi")
        return reply.text

    with server_in(phase) as (server, prompt), serving(lambda request: [answer(completion())]) as good:
        urls = {"openai": server.url, "groq": good.url}
        with Client(base_urls=urls, api_keys=dict.fromkeys(urls, "k"), retries=0, timeout=PATIENT) as client:
            began = time.monotonic()
            assert client.run_workflow(race([text(MODEL, prompt), whole("groq:llama-3.3-70b-versatile")])) == "hello"
            assert time.monotonic() - began < SOON
        assert server.sees_end(), "the connection is closed"


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("closes", [False, True], ids=["stays", "closes"])
def test_an_answer_may_come_before_the_end_of_an_upload(asynchronous: bool, closes: bool) -> None:
    def refuse(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(answer(b'{"error": {"message": "too large"}}', "413 Too Large", "connection: close"))
        if closes:
            connection.shutdown(socket.SHUT_WR)

    server = RawServer(refuse)
    try:
        with pytest.raises(errors.ProviderError) as caught:
            if asynchronous:
                asyncio.run(aclient_of(server, transport="fast", timeout=PATIENT).generate_text(MODEL, LONG_PROMPT))
            else:
                with client_of(server, transport="fast", timeout=PATIENT) as client:
                    client.generate_text(MODEL, LONG_PROMPT)
        assert caught.value.status == 413
    finally:
        server.stop()


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_server_that_does_not_take_the_request_is_given_up(asynchronous: bool) -> None:
    server = RawServer(read_head)
    try:
        began = time.monotonic()
        with pytest.raises(errors.TotalTimeout):
            if asynchronous:
                asyncio.run(aclient_of(server, transport="fast", timeout=0.4).generate_text(MODEL, LONG_PROMPT))
            else:
                with client_of(server, transport="fast", timeout=0.4) as client:
                    client.generate_text(MODEL, LONG_PROMPT)
        assert time.monotonic() - began < SOON
    finally:
        server.stop()


def test_a_stream_can_be_closed_by_another_thread() -> None:
    with serving(lambda request: [streaming(), chunk(event("a")), LONG]) as server:
        with client_of(server, transport="fast", timeout=PATIENT) as client:
            stream = client.stream_text(MODEL, "hi")
            chunks = iter(stream)
            assert [next(chunks).type, next(chunks).type] == ["start", "text"]
            threading.Timer(0.05, stream.close).start()
            with pytest.raises((errors.StreamTruncated, StopIteration)):
                next(chunks)
            assert server.wait_until_free()


@pytest.mark.parametrize("transport", ["fast", "httpx"])
def test_connections_of_a_closed_event_loop_are_closed_however_it_ended(transport: str) -> None:
    with serving(lambda request: [answer(completion())]) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # asyncio's own, of its transports
        client = aclient_of(server, transport=transport)
        for _ in range(3):
            loop = asyncio.new_event_loop()
            assert loop.run_until_complete(client.generate_text(MODEL, "hi")).text == "hello"
            loop.close()  # without loop.shutdown_asyncgens()
            assert server.wait_until_free(), "closed with the loop, not at the next call"
        del loop
        gc.collect()


def test_an_event_loop_that_is_closed_in_the_middle_of_a_stream_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def read(client: AsyncClient) -> None:
        async for _ in client.stream_text(MODEL, "hi"):
            reached.set()

    async def leave(client: AsyncClient) -> asyncio.Task[None]:
        task = asyncio.create_task(read(client))
        while not reached.is_set():
            await asyncio.sleep(0.001)
        return task

    reached, ignored = threading.Event(), list[Any]()
    monkeypatch.setattr("sys.unraisablehook", lambda each: ignored.append(each.exc_value))
    with serving(lambda request: [streaming(), chunk(event("a")), LONG]) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # asyncio's own, of its transports
        loop = asyncio.new_event_loop()
        task = loop.run_until_complete(leave(aclient_of(server, transport="fast")))
        loop.close()
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # what asyncio says of a task left behind
        del task
        gc.collect()
        assert server.wait_until_free()
    assert not ignored


@pytest.mark.usefixtures("new_process")
def test_a_forked_child_does_not_read_its_parents_stream() -> None:
    acts = [streaming(), chunk(event("a")), 0.2, chunk(event("b", "stop")), END]
    with serving(saying(*acts)) as server:
        with client_of(server, transport="fast", timeout=PATIENT) as client:
            stream = client.stream_text(MODEL, "hi")
            chunks = iter(stream)
            next(chunks)
            child = os.fork()
            if child == 0:
                try:
                    list(chunks)
                    os._exit(1)
                except errors.StreamTruncated:
                    stream.close()
                    os._exit(0)
                finally:
                    os._exit(2)
            assert os.waitpid(child, 0)[1] == 0
            assert stream.reply().text == "ab"


@pytest.mark.parametrize("most", [1, 3])
def test_calls_wait_for_a_free_connection(most: int) -> None:
    with serving(lambda request: [answer(completion(str(request.json["messages"])))]) as server:

        async def many() -> list[str]:
            async with aclient_of(server, transport=FastTransport(max_connections=most)) as client:
                replies = await asyncio.gather(*(client.generate_text(MODEL, f"n{n}") for n in range(40)))
                return [reply.text for reply in replies]

        assert all(f"n{n}'" in text for n, text in enumerate(asyncio.run(many())))
        assert server.connections <= most
        texts: dict[int, str] = {}
        with client_of(server, transport=FastTransport(max_connections=most)) as client:

            def work(n: int) -> None:
                texts[n] = client.generate_text(MODEL, f"n{n}").text

            threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(SOON)
        assert len(texts) == 20 and all(f"n{n}'" in text for n, text in texts.items())
        assert server.connections <= 2 * most


def test_systems_without_poll_wait_by_select(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait, "_HAS_POLL", False)
    acts = [streaming(), chunk(event("a")), chunk(event(None, "stop")), END]
    with serving(saying(*acts)) as server, client_of(server, transport="fast") as client:
        assert [client.stream_text(MODEL, "hi").reply().text for _ in range(2)] == ["a", "a"]
        assert server.connections == 1
    with server_in("uploading") as (slow, prompt), client_of(slow, transport="fast", timeout=0.3) as client:
        with pytest.raises(errors.TotalTimeout):
            client.generate_text(MODEL, prompt)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("transport", ["fast", "httpx"])
def test_certificates_are_those_that_the_environment_names(
    transport: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = CERTIFICATES / "ca.pem"
    shutil.copy(authority, tmp_path / "17276a86.0")  # the hash of its subject, by which OpenSSL looks for it
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv(name, str(authority if name == "SSL_CERT_FILE" else tmp_path))
    tls_settings.cache_clear()
    try:
        with serving(lambda request: [answer(completion())], "good") as server:
            with client_of(server, transport=transport) as client:
                assert client.generate_text(MODEL, "hi").text == "hello"
    finally:
        tls_settings.cache_clear()
