"""Races of calls to real servers: the loser's connection is closed and its thread has ended before the race returns."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import httpx
import pytest
import trio

from stepwell import AsyncClient, Client
from stepwell.connect import TransportName
from stepwell.pipeline.effects import CallModel, Flow, Sleep
from stepwell.pipeline.tasks import gather, performing, race
from stepwell.schemas.errors import ServerError

from loopback import LONG, Loopback, Seen, chunk

MODEL = "groq:llama-3.3-70b-versatile"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n'
END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
WHOLE = b'{"choices":[{"message":{"content":"late"},"finish_reason":"stop"}]}'
Race = Callable[..., Any]


def serve(seen: Seen) -> Iterable[bytes | float]:
    """Answer by the prompt: `silent` never, `stalls` after its first event never again, `late` after a moment."""
    prompt, streamed = str(seen.json["messages"]), "stream" in seen.json
    if "silent" in prompt:
        yield LONG
    if "fails" in prompt:
        yield b"HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\n{}"
        return
    if "late" in prompt:
        yield 0.05
    if not streamed:
        yield HEAD % b"application/json" + chunk(WHOLE) + b"0\r\n\r\n"
        return
    yield HEAD % b"text/event-stream" + chunk(EVENT % b"first ")
    if "stalls" in prompt:
        yield LONG
    yield chunk(EVENT % b"then " + END) + b"0\r\n\r\n"


def test_calls_go_on_while_another_thread_imports_trio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until that is over, the module in sys.modules lacks its parts."""
    monkeypatch.setitem(sys.modules, "trio", ModuleType("trio"))
    answer = httpx.MockTransport(lambda request: httpx.Response(200, content=WHOLE))

    async def both() -> tuple[str, str]:
        async with AsyncClient(transport=answer, api_keys={"groq": "k"}) as client:
            whole = await client.generate_text(MODEL, "hi")
            streamed = await client.stream_text(MODEL, "hi").reply()
            return whole.text, streamed.text

    assert asyncio.run(both()) == ("late", "late")


@pytest.fixture
def server() -> Iterator[Loopback]:
    server = Loopback(serve)
    yield server
    server.stop()


def settings(server: Loopback) -> dict[str, Any]:
    return {"base_urls": {"groq": server.url}, "api_keys": {"groq": "k"}, "retries": 0}


def in_threads(transport: TransportName, server: Loopback, flow: Flow, kept: int = 1) -> Any:
    with Client(transport=transport, **settings(server)) as client:
        served = {thread for thread in threading.enumerate() if thread.name == "stepwell-task"}
        result = client.run_workflow(flow)
        assert not [t for t in threading.enumerate() if t.name == "stepwell-task" and t not in served]
        check_connections(server, kept)
    return result


async def on_loop(transport: TransportName | None, server: Loopback, flow: Flow, kept: int = 1) -> Any:
    async with AsyncClient(transport=transport, **settings(server)) as client:
        result = await client.run_workflow(flow)
        check_connections(server, kept)
    return result


def check_connections(server: Loopback, kept: int) -> None:
    """Those of whole answers are kept for the next call; a loser's is closed, as the server sees in a moment."""
    waiting = threading.Event()
    for _ in range(400):
        if server.open <= kept:
            return
        waiting.wait(0.01)
    raise AssertionError(f"{server.open} connections are open")


WAYS: dict[str, Race] = {
    "threads over httpx": partial(in_threads, "httpx"),
    "threads over fast": partial(in_threads, "fast"),
    "asyncio over httpx": lambda *args: asyncio.run(on_loop("httpx", *args)),
    "asyncio over fast": lambda *args: asyncio.run(on_loop("fast", *args)),
    "trio": lambda *args: trio.run(on_loop, None, *args),
}


@pytest.fixture(params=WAYS)
def run(request: pytest.FixtureRequest) -> Race:
    return WAYS[request.param]


def text(prompt: str) -> Flow:
    reply = yield CallModel(MODEL, prompt)
    return reply.text


def read(prompt: str) -> Flow:
    """Read a stream to its end."""
    reader = yield CallModel(MODEL, prompt, stream=True)
    while (yield from reader.next()) is not None:
        pass
    return reader.whole_reply().text


def opened(prompt: str) -> Flow:
    """Open a stream, which the one who started the race reads."""
    return (yield CallModel(MODEL, prompt, stream=True))


def test_a_loser_on_a_silent_server_is_cut(server: Loopback, run: Race) -> None:
    assert run(server, race([text("silent"), text("late")])) == "late"


def test_a_loser_in_the_middle_of_its_stream_is_cut(server: Loopback, run: Race) -> None:
    assert run(server, race([read("stalls"), read("late")])) == "first then "


def test_the_winners_stream_is_read_on_after_the_race(server: Loopback, run: Race) -> None:
    def flow() -> Flow:
        reader = yield from race([opened("silent"), opened("late")])
        while (yield from reader.next()) is not None:
            pass
        return reader.whole_reply().text

    assert run(server, flow()) == "first then "


def test_a_loser_that_has_opened_its_stream_is_closed(server: Loopback, run: Race) -> None:
    def two() -> Flow:
        reader = yield CallModel(MODEL, "stalls", stream=True)
        yield from reader.next()
        yield Sleep(LONG)  # and does not close what it has opened

    assert run(server, race([two(), text("late")])) == "late"


def test_races_in_races_are_cut_with_the_outer_one(server: Loopback, run: Race) -> None:
    inner = race([text("silent"), performing(Sleep(LONG))])
    assert run(server, race([inner, text("late")])) == "late"


def test_a_failed_call_loses_and_the_other_is_waited_for(server: Loopback, run: Race) -> None:
    assert run(server, race([text("fails"), text("late")]), 2) == "late"


def test_if_all_calls_fail_the_error_of_the_first_is_raised(server: Loopback, run: Race) -> None:
    with pytest.raises(ServerError):
        run(server, race([text("fails"), text("fails")]), 2)


def test_a_gather_of_calls_keeps_their_order(server: Loopback, run: Race) -> None:
    def both() -> Flow:
        first, failed = yield from gather([text("late"), text("fails")])
        return first, type(failed)

    assert run(server, both(), 2) == ("late", ServerError)


@pytest.mark.parametrize("transport", ["httpx", "fast"])
def test_many_races_beside_plain_calls_break_none_of_them(transport: TransportName, server: Loopback) -> None:
    """A connection that was cut must not serve another call."""
    errors: list[Exception] = []

    def plain(client: Client) -> None:
        for _ in range(30):
            try:
                assert client.generate_text(MODEL, "quick").text == "late"
            except Exception as error:
                errors.append(error)

    with Client(transport=transport, **settings(server)) as client:
        threads = [threading.Thread(target=plain, args=(client,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(30):
            assert client.run_workflow(race([text("silent"), text("quick"), text("quick")])) == "late"
        for thread in threads:
            thread.join()
    assert errors == []
