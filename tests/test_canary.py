"""A key put in each place where a key can be, under each way that a call can fail, shows in nothing that comes out.

The places and the failures are rows of PLACES, FAILURES and BAD_INPUT in tests/support/canary.py.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from canary import BAD_INPUT, BASIC, CANARY, CHAT, FAILURES, PLACES, Place, World, of_environment, prepared
from leaks import around, leaks

import stepwell
from stepwell import AsyncClient, Client, Timeouts, cache
from stepwell.cli import main
from stepwell.errors import StepwellError
from stepwell.integrations.opentelemetry import Telemetry
from stepwell.stores import MemoryStore, RedisStore, SQLiteStore
from stepwell.testing import Cassette

TIMEOUT = Timeouts(first_event=0.1, idle=0.1)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with prepared(tmp_path, monkeypatch) as made:
        yield made


def failures_of(place: Place, turn: int, pipeline: Any) -> Iterator[tuple[str, BaseException]]:
    """Make calls that fail, alternately over both transports, streamed and not, sync and async."""
    for number, name in enumerate(FAILURES, turn):
        transport, stream, later = ("fast", "httpx")[number % 2], number // 2 % 2, number // 4 % 2
        settings = {**place.client, "transport": transport, "retries": 0, "pipeline": pipeline, "timeout": TIMEOUT}
        model = place.model.format(f"fail-{name}-")
        try:
            if later:
                asyncio.run(_ask_async(settings, model, place.call, bool(stream)))
            else:
                _ask(settings, model, place.call, bool(stream))
        except StepwellError as error:
            yield f"{name} over {transport}, {'streamed' if stream else 'unstreamed'}", error
        else:
            raise AssertionError(f"no error: {name}")


def _ask(settings: dict[str, Any], model: str, options: dict[str, Any], stream: bool) -> stepwell.Reply:
    with Client(**settings) as client:
        if stream:
            return client.stream_text(model, "hi", **options).reply()
        return client.generate_text(model, "hi", **options)


async def _ask_async(settings: dict[str, Any], model: str, options: dict[str, Any], stream: bool) -> stepwell.Reply:
    async with AsyncClient(**settings) as client:
        if stream:
            return await client.stream_text(model, "hi", **options).reply()
        return await client.generate_text(model, "hi", **options)


@pytest.mark.parametrize("turn", range(len(PLACES)), ids=list(PLACES))
def test_no_failure_shows_a_key(turn: int, world: World, caplog: pytest.LogCaptureFixture) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    caplog.set_level(logging.DEBUG)
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    place = list(PLACES.values())[turn](world)
    found = []
    for name, error in failures_of(place, turn, Telemetry(tracer_provider=provider)):
        found += [f"{name}: {leak}" for secret in (place.secret, BASIC) for leak in leaks(error, secret)]
    spans = [span.to_json() for span in exporter.get_finished_spans()]
    found += [f"a span: {around(text, place.secret)}" for text in spans if place.secret in text]
    found += [
        f"the log of {each.name}: {around(each.getMessage(), place.secret)}"
        for each in caplog.records
        if place.secret in each.getMessage()
    ]
    assert not found, "\n\n".join(found)


def other_failures(place: Place, world: World) -> Iterator[tuple[str, BaseException]]:
    """Make calls that fail before a server answers: bad input, no server, no TLS, a task that is cancelled."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    calls: dict[str, dict[str, Any]] = {
        **BAD_INPUT,
        "no server": {"base_url": closed, "api_key": place.call.get("api_key", CANARY)},
        "no TLS": {"base_url": world.server.url.replace("http:", "https:"), "api_key": CANARY},
        "no model": {"wire": "no_wire"},
    }
    for number, (name, options) in enumerate(calls.items()):
        settings = {**place.client, "transport": ("fast", "httpx")[number % 2], "retries": 0, "timeout": TIMEOUT}
        for kind in ("generate_text", "stream_text", "generate_object", "run_tools", "embed"):
            more = {"generate_object": ({"type": "object"},), "run_tools": ([],)}.get(kind, ())
            try:
                with Client(**settings) as client:
                    if kind == "embed":
                        client.embed(place.model.format("m"), ["hi"], **{**place.call, **options})
                    else:
                        getattr(client, kind)(place.model.format("m"), "hi", *more, **{**place.call, **options})
            except StepwellError as error:
                yield f"{name}, {kind}", error
            else:
                raise AssertionError(f"no error: {name}")

    async def cancelled() -> BaseException:
        async with AsyncClient(**{**place.client, "retries": 0}) as client:
            call = client.generate_text(place.model.format("fail-silent-"), "hi", **place.call)
            task = asyncio.ensure_future(call)
            seen = len(world.server.seen)
            while len(world.server.seen) == seen and not task.done():
                await asyncio.sleep(0.001)
            task.cancel()
            try:
                await task
            except (asyncio.CancelledError, StepwellError) as error:
                return error
            raise AssertionError("not cancelled")

    yield "cancelled", asyncio.run(cancelled())


@pytest.mark.parametrize("where", ["the argument of a call", "the client's header", "AWS's key"])
def test_no_failure_before_an_answer_shows_a_key(where: str, world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    place = PLACES[where](world)
    found = [f"{name}: {leak}" for name, error in other_failures(place, world) for leak in leaks(error, CANARY)]
    assert not found and CANARY not in caplog.text, "\n\n".join(found)


def kept_by(place: Place, world: World, redis_url: str) -> Iterator[tuple[str, str]]:
    """Make calls that succeed, and yield what they show and what they leave behind."""
    seen: list[bytes] = []

    class Noting(MemoryStore):
        def set_many(self, items: Any) -> None:
            seen.extend(items.values())
            seen.extend(key.encode() for key in items)
            super().set_many(items)

    database, tape = world.folder / "cache.db", world.folder / "tape.json"
    redis_store = RedisStore(redis_url)
    for store in (Noting(), SQLiteStore(database), redis_store):
        with Client(**{**place.client, "pipeline": cache(store)}) as client:
            for number in range(2):
                reply = client.generate_text(place.model.format("m"), "hi", **place.call)
                yield f"reply {number}", repr(reply) + str(reply) + repr(reply.raw) + repr(pickle.dumps(reply))
            yield "client", repr(client) + str(client) + repr(client.pipeline)
            preview = client.preview(place.model.format("m"), "hi", **place.call)
            yield "preview", repr(preview) + str(preview) + repr(preview.headers)
    yield "memory", repr(seen)
    yield "SQLite", repr([path.read_bytes() for path in world.folder.glob("cache.db*")])
    server = redis.Redis.from_url(redis_url)
    yield "Redis", repr([(key, server.get(key)) for key in server.scan_iter()])
    for _ in range(2):  # recorded, and replayed
        with Client(**{**place.client, "transport": Cassette(tape, transport=httpx.HTTPTransport())}) as client:
            client.generate_text(place.model.format("m"), "hi", **place.call)
    yield "cassette", tape.read_text()


def test_the_password_of_a_store_is_in_no_error_warning_or_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for url in (f"http://:{CANARY}@127.0.0.1:1", f"redis://:x/{CANARY}@127.0.0.1:1", f"redis://:a:{CANARY}@[1"):
        with pytest.raises(StepwellError, match="not a Redis URL") as caught:
            RedisStore(url)
        assert leaks(caught.value, CANARY) == [], url
    store = RedisStore(f"redis://:{CANARY}@127.0.0.1:1")
    answer = httpx.MockTransport(lambda request: httpx.Response(200, content=CHAT.text.body))
    with Client(transport=answer, api_keys={"openai": "k"}, pipeline=cache(store)) as client:
        reply = client.generate_text("openai:gpt-4o", "hi")
    assert reply.warnings and CANARY not in repr(reply) + repr(store) + repr(client) + caplog.text


KEPT = ["the argument of a call", "a file of variables", "a cookie", "the query of an address", "AWS's session"]


@pytest.mark.usefixtures("new_process")
@pytest.mark.parametrize("where", [*KEPT, "a login's file", "a service account"])
def test_no_call_that_succeeds_shows_or_stores_a_key(
    where: str, world: World, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    place = PLACES[where](world)
    found = [
        f"{name}: {around(text, place.secret)}"
        for name, text in kept_by(place, world, redis_url)
        if place.secret in text
    ]
    assert not found and place.secret not in caplog.text, "\n\n".join(found)


def test_the_command_line_prints_no_key(
    world: World, capfd: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("sys.stdin", None)
    of_environment(world)
    header = f'headers={{"x-gateway-token": "{CANARY}"}}'
    for number, failure in enumerate(FAILURES):
        words = ([], ["--no-stream"], ["--json"], ["-o", header])[number % 4]
        options = [word for each in ("retries=0", "timeout=0.2") for word in ("-o", each)]
        assert main(["ask", f"vllm:fail-{failure}-", "hi", *options, *words]) != 0, failure
    for command in (["providers"], ["pipeline", "vllm:m"], ["ask", "vllm:m", "hi", "-o", "temprature=1"]):
        main(command)
    out, err = capfd.readouterr()
    assert CANARY not in out + err + caplog.text and err.count("stepwell: ") > len(FAILURES)
