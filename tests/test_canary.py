"""A key put in each place where a key can be, under each way that a call can fail, shows in nothing that comes out.

The places are rows of PLACES, the failures rows of FAILURES, and `look_everywhere` looks at what comes out.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import redis
from attrs import field, frozen
from leaks import around, leaks
from redis_server import redis_server

import stepwell
from stepwell import AsyncClient, Client, Timeouts, cache
from stepwell.cli import main
from stepwell.errors import StepwellError
from stepwell.integrations.opentelemetry import Telemetry
from stepwell.providers.wires.bedrock_converse.samples import SAMPLES as BEDROCK
from stepwell.providers.wires.google_generate.samples import SAMPLES as GOOGLE
from stepwell.providers.wires.openai_chat.samples import SAMPLES as CHAT
from stepwell.providers.wires.openai_responses.samples import SAMPLES as RESPONSES
from stepwell.stores import MemoryStore, RedisStore, SQLiteStore
from stepwell.testing import Cassette

from loopback import DONE, Hangup, Loopback, Seen, answer, chunk, event, serving, streaming

CANARY = "canary-0123456789-abcdefgh"
BASIC = b64encode(f"user:{CANARY}".encode()).decode()
TIMEOUT = Timeouts(first_event=0.1, idle=0.1)


@frozen
class Place:
    """How calls are made that have the canary in one place."""

    model: str
    """with {} for the failure"""
    client: dict[str, Any]
    call: dict[str, Any] = field(factory=dict)
    secret: str = CANARY


@frozen
class World:
    """What places need."""

    server: Loopback
    folder: Path
    set: Callable[[str, str], None]
    """sets a variable of the environment"""


def openai(world: World, query: str = "", **call: Any) -> Place:
    return Place(
        "openai:{}", {"base_urls": {"openai": f"{world.server.url}/v1{query}"}}, {"api_key": "other-key", **call}
    )


def of_environment(world: World) -> Place:
    world.set("VLLM_API_KEY", CANARY)
    world.set("VLLM_BASE_URL", world.server.url)
    return Place("vllm:{}", {})


def of_a_file_of_variables(world: World) -> Place:
    path = world.folder / ".env"
    path.write_text(f"VLLM_API_KEY='{CANARY}'\nVLLM_BASE_URL={world.server.url}\n")
    return Place("vllm:{}", {"env_file": path})


def of_aws(world: World, name: str, **more: str) -> Place:
    keys = {"access_key": "AKIDEXAMPLE", "secret_key": "other-secret", "region": "us-east-1", **more, name: CANARY}
    return Place("amazon_bedrock:anthropic.{}", {"base_urls": {"amazon_bedrock": world.server.url}}, {"api_key": keys})


def of_aws_environment(world: World) -> Place:
    world.set("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    world.set("AWS_SECRET_ACCESS_KEY", "other-secret")
    world.set("AWS_SESSION_TOKEN", CANARY)
    world.set("AWS_REGION", "us-east-1")
    world.set("HTTPS_PROXY", world.server.url)  # the login of a machine is sent to Amazon alone, and so to nobody here
    return Place("amazon_bedrock:anthropic.{}", {})


def of_a_login(world: World) -> Place:
    path = world.folder / "auth.json"
    path.write_bytes(orjson.dumps({"tokens": {"access_token": CANARY, "refresh_token": CANARY, "account_id": "a"}}))
    urls = {"openai_codex": world.server.url}
    return Place("openai_codex:{}", {"api_keys": {"openai_codex": {"auth_file": str(path)}}, "base_urls": urls})


def of_a_service_account(world: World) -> Place:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()
    account = {
        "type": "service_account",
        "private_key": pem,
        "client_email": "robot@example.com",
        "token_uri": f"{world.server.url}/token",
    }
    given = {"service_account": account, "project": "p", "location": "global"}
    client = {"api_keys": {"google_vertex": given}, "base_urls": {"google_vertex": world.server.url}}
    return Place("google_vertex:gemini-{}", client, secret=pem[100:130])


def of_a_proxy(world: World) -> Place:
    world.set("HTTP_PROXY", world.server.url.replace("//", f"//user:{CANARY}@"))
    return Place("openai:{}", {"base_urls": {"openai": "http://127.0.0.1.invalid/v1"}}, {"api_key": "other-key"})


PLACES: dict[str, Callable[[World], Place]] = {
    "the argument of a call": lambda world: openai(world, api_key=CANARY),
    "the argument of a client": lambda world: evolved(openai(world), api_keys={"openai": CANARY}),
    "the environment": of_environment,
    "a file of variables": of_a_file_of_variables,
    "a header": lambda world: openai(world, headers={"Authorization": f"Bearer {CANARY}"}),
    "a header of one's own": lambda world: openai(world, headers={"x-gateway-token": CANARY}),
    "the client's header": lambda world: evolved(openai(world), headers={"x-gateway-token": CANARY}),
    "a cookie": lambda world: openai(world, headers={"cookie": f"a=b; session={CANARY}; c=d"}),
    "a login of Basic": lambda world: openai(world, headers={"authorization": f"Basic {BASIC}"}),
    "the query of an address": lambda world: openai(world, f"?api_key={CANARY}"),
    "the query of a call's address": lambda world: openai(world, base_url=f"{world.server.url}/v1?sig={CANARY}"),
    "the login of an address": lambda world: openai(world, base_url=f"http://user:{CANARY}@127.0.0.1:9/v1"),
    "AWS's key": lambda world: of_aws(world, "secret_key"),
    "AWS's session": lambda world: of_aws(world, "session_token"),
    "AWS's bearer": lambda world: evolved(of_aws(world, "token"), call={"api_key": CANARY}),
    "AWS's environment": of_aws_environment,
    "a login's file": of_a_login,
    "a service account": of_a_service_account,
    "a proxy": of_a_proxy,
}


def evolved(place: Place, call: dict[str, Any] | None = None, **client: Any) -> Place:
    given = {name: value for name, value in place.call.items() if name not in ("api_key",) or "api_keys" not in client}
    return Place(place.model, {**place.client, **client}, given if call is None else call, place.secret)


def quoting(seen: Seen) -> str:
    return f"refused: {seen.path} {seen.headers} {seen.body[:200]!r}"


def status(line: str) -> Callable[[Seen], Iterable[bytes | float]]:
    def act(seen: Seen) -> Iterable[bytes | float]:
        said = quoting(seen)
        body = {"error": {"message": said, "code": said[:100]}, "message": said}
        return [answer(orjson.dumps(body), line, f"content-type: application/json\r\nx-request-id: {said[-80:]!r}")]

    return act


def hang_up(seen: Seen, *acts: bytes) -> Iterator[bytes]:
    yield from acts
    raise Hangup


FAILURES: dict[str, Callable[[Seen], Iterable[bytes | float]]] = {
    **{
        line[:3]: status(line)
        for line in ("400 Bad", "401 No", "403 No", "404 None", "413 Big", "429 Slow", "500 Oh", "503 Busy")
    },
    "302": lambda seen: [answer(b"", "302 Found", f"location: https://example.com/?{quoting(seen)}")],
    "no-json": lambda seen: [answer(b"<p>" + quoting(seen).encode())],
    "no-chat": lambda seen: [answer(orjson.dumps({"choices": 5, "output": 1, "quoted": quoting(seen)}))],
    "no-head": lambda seen: hang_up(seen, b"what? " + quoting(seen).encode() + b"\r\n\r\n"),
    "no-answer": lambda seen: hang_up(seen),
    "cut": lambda seen: hang_up(seen, streaming() + chunk(event("a"))),
    "silent": lambda seen: [streaming(), chunk(event("a")), 60.0],
    "inside": lambda seen: [streaming(), chunk(b"data: %s\n\n" % orjson.dumps({"error": {"message": quoting(seen)}}))],
    "bad-event": lambda seen: [streaming(), chunk(b"data: {%s\n\n" % quoting(seen).encode()), chunk(DONE)],
}
BAD_INPUT: dict[str, dict[str, Any]] = {
    "a misspelt option": {"temprature": 1},
    "an option of a wrong type": {"temperature": "hot"},
    "a header that cannot be sent": {"headers": {"authorization": f"Bearer {CANARY}\n"}},
    "a key that cannot be sent": {"api_key": f"{CANARY}\u200b"},
    "a credential of nobody": {"api_key": {"secret_kee": CANARY}},
    "an address that is none": {"base_url": f"no-address?key={CANARY}"},
}
SAMPLES = {"amazon_bedrock": BEDROCK, "google_vertex": GOOGLE, "openai_codex": RESPONSES}


def serve(seen: Seen) -> Iterable[bytes | float]:
    """Fail as the model's name says; grant tokens; give the sample of a good answer to all else."""
    if seen.path.endswith("/token"):
        return [answer(orjson.dumps({"access_token": "ya29.other", "expires_in": 3600}))]
    said = seen.path.encode() + seen.body
    for name, act in FAILURES.items():
        if f"fail-{name}-".encode() in said:
            return act(seen)
    samples = BEDROCK if "/converse" in seen.path else GOOGLE if "enerateContent" in seen.path else CHAT
    if "/responses" in seen.path:
        samples = RESPONSES
    if b'"stream":true' in seen.body or "stream" in seen.path.lower():
        return [streaming("content-type: text/event-stream") + chunk(samples.text.stream) + b"0\r\n\r\n"]
    return [answer(samples.text.body)]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no login of the machine
    with serving(serve) as server:
        yield World(server, tmp_path, monkeypatch.setenv)


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


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


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
