"""No store and no login outlives its call: a store that stalls costs a warning, a login the call's time."""

from __future__ import annotations

import asyncio
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

import stepwell
from stepwell import AsyncClient, Client, connections, errors
from stepwell.pipeline.world import World
from stepwell.providers.auth import google_cloud
from stepwell.providers.declare.aws_login import AwsLogin
from stepwell.retrieval import Retriever, retrieve_context
from stepwell.steps import fit_context, redact
from stepwell.stores import SQLiteStore, sqlite
from stepwell.transports import FastTransport

from loopback import CERTIFICATES, LONG, SOON, answer, completion, serving, whole_stream
from scripted import MODEL, Scripted

pytestmark = pytest.mark.thorough  # it waits on the real clock

ACCOUNT = {"client_email": "a@b", "private_key": "k", "token_uri": "https://t.test"}
BEDROCK, VERTEX = "amazon_bedrock:amazon.nova-lite-v1:0", "google_vertex:gemini-2.5-flash"


@pytest.fixture
def stalled() -> Iterator[Callable[..., Any]]:
    """Provide a function that comes back only when the test is over."""
    over = threading.Event()
    yield lambda *_: over.wait(60)
    over.set()


def ways(make: Callable[[], Any] = lambda: None, **settings: Any) -> Iterator[Callable[..., Any]]:
    """Yield functions that ask a server, sync, async and streamed, each by a client of its own.

    make: makes its pipeline.
    """

    def script(request: Any) -> Any:
        yield whole_stream("yes") if request.json.get("stream") else answer(completion("yes"))

    with serving(script) as server:
        given: dict[str, Any] = {"base_urls": {"openai": server.url}, "api_keys": {"openai": "k"}, **settings}
        given["retries"] = 0

        async def stream(model: str, **options: Any) -> Any:
            return await AsyncClient(pipeline=make(), **given).stream_text(model, "hi", **options).reply()

        async def ask(model: str, **options: Any) -> Any:
            return await AsyncClient(pipeline=make(), **given).generate_text(model, "hi", **options)

        yield lambda model, **options: Client(pipeline=make(), **given).generate_text(model, "hi", **options)
        yield lambda model, **options: Client(pipeline=make(), **given).stream_text(model, "hi", **options).reply()
        yield lambda model, **options: asyncio.run(ask(model, **options))
        yield lambda model, **options: asyncio.run(stream(model, **options))


def test_a_store_that_stalls_gets_half_of_the_time_that_is_left(stalled: Callable[..., Any]) -> None:
    class Store:
        get_many = set_many = staticmethod(stalled)

    for ask in ways(lambda: stepwell.cache(Store())):
        began = time.monotonic()
        reply = ask("openai:m", timeout=1)
        assert reply.text == "yes" and time.monotonic() - began < SOON
        assert "TimeoutError" in str(reply.warnings[0]), reply.warnings


def test_an_answer_comes_although_it_cannot_be_stored(stalled: Callable[..., Any]) -> None:
    class Store:
        set_many = staticmethod(stalled)

        @staticmethod
        def get_many(keys: Any) -> dict[str, bytes]:
            return {}

    for ask in ways(lambda: stepwell.cache(Store())):
        assert ask("openai:m", timeout=1).text == "yes"


@pytest.mark.parametrize("trouble", ["locked", "endless"])
def test_a_file_that_is_locked_or_never_ends_is_a_warning(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "STORE_SECONDS", 0.2)
    path = tmp_path / "cache.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        if trouble == "locked":
            other.execute("BEGIN EXCLUSIVE")
        else:
            rows = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM r) SELECT CAST(x AS TEXT), x FROM r"
            other.execute(f"CREATE VIEW entries(key, value) AS {rows}")
        for ask in ways(lambda: stepwell.cache(SQLiteStore(path))):
            reply = ask("openai:m")
            assert reply.text == "yes" and str(path) in str(reply.warnings[0])


def test_a_store_that_fails_slowly_is_left_alone_for_a_moment() -> None:
    now, asked = [0.0], []

    class Store:
        def get_many(self, keys: Any) -> dict[str, bytes]:
            asked.append(now[0])
            now[0] += 1
            raise OSError("slow")

        def set_many(self, items: Any) -> None:
            asked.append("set")  # type: ignore[arg-type]

    client = Scripted(["a", "b", "c"]).client
    client.pipeline = stepwell.cache(Store())
    client.planner.world = World(now=lambda: now[0])
    for text in "ab":
        client.generate_text(MODEL, text)
    now[0] += 10
    client.generate_text(MODEL, "c")
    assert asked == [0.0, 11.0]


@pytest.mark.parametrize("model", [BEDROCK, VERTEX])
def test_the_fetch_of_a_login_ends_with_the_call(
    model: str, stalled: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AwsLogin, "keys", stalled)
    monkeypatch.setattr(google_cloud, "load_credentials", stalled)
    monkeypatch.setattr(google_cloud, "GOOGLE_TOKENS", google_cloud.TokenSources(google_cloud.google_tokens))
    key = {"profile": "x"} if model == BEDROCK else {"service_account": ACCOUNT, "project": "p"}
    for ask in ways(transport=httpx.MockTransport(lambda request: httpx.Response(500))):
        began = time.monotonic()
        with pytest.raises(errors.TotalTimeout, match=r"total timeout of 0\.\d+ s"):
            ask(model, api_key=key, timeout=0.3)
        assert time.monotonic() - began < SOON


class Slow(Retriever):
    def __init__(self, work: Callable[..., Any]) -> None:
        self.work = work

    def find(self, search: Any) -> Any:
        return self.work()

    async def afind(self, search: Any) -> Any:
        await asyncio.sleep(LONG)


LONG_TALK = [stepwell.user("word " * 3000), stepwell.assistant("yes"), stepwell.user("hi")]
FUNCTIONS: dict[str, Callable[[Any], tuple[Any, dict[str, Any]]]] = {
    "a token": lambda stalled: (None, {"api_key": stalled}),
    "a token in a mapping": lambda stalled: (None, {"api_key": {"token": stalled}}),
    "redact": lambda stalled: (redact(stalled), {}),
    "fit_context": lambda stalled: (fit_context(limit=2000, summarise=stalled), {}),
    "retrieve_context": lambda stalled: (retrieve_context(Slow(stalled)), {}),
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_of_the_users_ends_with_the_call_and_nothing_is_sent(
    function: str, stalled: Callable[..., Any]
) -> None:
    step, options = FUNCTIONS[function](stalled)
    options = {"api_key": "k", "timeout": 0.3, **options}
    with serving(lambda request: [answer(completion())]) as server:
        given: dict[str, Any] = {"base_urls": {"azure": server.url}, "retries": 0, "pipeline": step}

        async def ask() -> None:
            await AsyncClient(**given).generate_text("azure:gpt-4.1", LONG_TALK, **options)

        began = time.monotonic()
        for work in (
            lambda: Client(**given).generate_text("azure:gpt-4.1", LONG_TALK, **options),
            lambda: asyncio.run(ask()),
        ):
            with pytest.raises(errors.TotalTimeout):
                work()
        assert time.monotonic() - began < SOON and not server.seen


def test_a_first_call_needs_no_thread_of_those_that_the_program_keeps_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """It loads modules, and the certificates for TLS."""
    monkeypatch.setattr(connections, "_PRELOADED", [])
    transport = FastTransport(tls=ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem")))
    over = threading.Event()

    async def ask(url: str) -> str:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, over.wait, LONG)
        async with AsyncClient(transport=transport, api_keys={"openai": "k"}, base_urls={"openai": url}) as client:
            text = (await client.generate_text("openai:m", "hi")).text
        assert not busy.done()
        over.set()
        return text

    with serving(lambda request: [answer(completion("yes"))], "good") as server:
        assert asyncio.run(ask(server.url)) == "yes"


def test_threads_that_wait_for_a_file_do_so_together_and_not_one_after_another(
    stalled: Callable[..., Any], tmp_path: Path
) -> None:
    """One of them is in it for as long as another process lets it wait."""
    database = sqlite.Database(tmp_path / "file.db", "CREATE TABLE IF NOT EXISTS t (x)", seconds=0.05)
    begun = threading.Event()
    holder = threading.Thread(target=database.change, args=(lambda connection: [begun.set(), stalled()],), daemon=True)
    holder.start()
    assert begun.wait(SOON)
    with pytest.raises(errors.StepwellError, match="busy with what other threads do"):
        database.read("SELECT * FROM t")
