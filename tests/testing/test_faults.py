"""Faults: the same plan gives the same outcome over every transport, sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import partial
from typing import Any

import attrs
import httpx
import pytest
from in_turn import in_turn

from stepwell import AsyncClient, Client, Timeouts
from stepwell.errors import ConfigError, StepwellError
from stepwell.steps import CallModel, performing, race
from stepwell.testing import (
    Cut,
    Fault,
    Faults,
    Garble,
    Gzip,
    Late,
    Length,
    Pause,
    Refuse,
    Reset,
    Slow,
    Split,
    Stall,
    Status,
    by_chance,
)
from stepwell.transports import FastTransport

from loopback import DONE, END, LONG, SOON, Loopback, answer, chunk, completion, event, serving, streaming

MODEL = "openai:m"
BODY = completion("hello world")
PIECES = [event("hello"), event(" world", "stop"), DONE]
ANYWHERE: dict[str, Any] = {"api_keys": {"openai": "k"}, "base_urls": {"openai": "http://server.invalid"}}
TIMES = Timeouts(first_event=SOON, idle=SOON)


def script(request: Any) -> Iterable[bytes]:
    yield b"".join([streaming(), *map(chunk, PIECES), END]) if request.json.get("stream") else answer(BODY)


def mocked(request: httpx.Request) -> httpx.Response:
    if b'"stream":true' in request.content:
        return httpx.Response(200, content=b"".join(PIECES), headers={"content-type": "text/event-stream"})
    return httpx.Response(200, content=BODY, headers={"content-type": "application/json"})


OVER: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "fast": (lambda: "fast", lambda: FastTransport(max_connections=1)),
    "httpx": (lambda: "httpx", lambda: "httpx"),
    "a client of one's own": (partial(httpx.Client, verify=False), partial(httpx.AsyncClient, verify=False)),
    "a mock": (lambda: httpx.MockTransport(mocked), lambda: httpx.MockTransport(mocked)),
    "faults": (lambda: Faults([], over="httpx"), lambda: Faults([], over="fast")),
}


def outcomes(
    server: Loopback, name: str, plan: Any, *, stream: bool, retries: int = 0, timeout: Timeouts = TIMES
) -> list[tuple[Any, ...]]:
    """Return what a sync and an async call come to: the text or the class of the error, and how often it was sent."""
    sync_over, async_over = OVER[name]
    settings: dict[str, Any] = {
        "base_urls": {"openai": server.url},
        "api_keys": {"openai": "k"},
        "retries": retries,
        "timeout": timeout,
    }

    def outcome(faults: Faults, call: Callable[[], str]) -> tuple[Any, ...]:
        try:
            said = call()
        except StepwellError as error:
            said = type(error).__name__
        return said, len(faults.requests)

    faults = Faults(plan, over=sync_over())
    with Client(transport=faults, **settings) as client, faults.http or nullcontext():  # type: ignore[attr-defined]
        first = outcome(
            faults,
            lambda: (client.stream_text(MODEL, "hi").reply() if stream else client.generate_text(MODEL, "hi")).text,
        )

    async def run() -> str:
        async with AsyncClient(transport=afaults, **settings) as client, afaults.http or nullcontext():  # type: ignore[attr-defined]
            reply = await client.stream_text(MODEL, "hi").reply() if stream else await client.generate_text(MODEL, "hi")
            return reply.text

    afaults = Faults(plan, over=async_over())
    return [first, outcome(afaults, lambda: asyncio.run(run()))]


HELLO = "hello world"
EXPECTED: list[tuple[Fault | list[Fault], str, str]] = [
    # the fault, what a whole answer comes to, and a stream
    (Cut(30), "StreamTruncated", "StreamTruncated"),
    (Cut(10**6), "StreamTruncated", HELLO),  # a stream is over at its end marker
    (Cut(30, clean=True), "DecodeError", "StreamTruncated"),
    (Reset(), "StreamTruncated", "StreamTruncated"),
    (Reset(30), "StreamTruncated", "StreamTruncated"),
    (Refuse(), "ConnectError", "ConnectError"),
    (Garble(0, 10**6), "DecodeError", "StreamTruncated"),  # no line is an event
    (Gzip(), HELLO, HELLO),
    (Gzip(cut=40), "DecodeError", "StreamTruncated"),
    (Split(1), HELLO, HELLO),
    (Split(), HELLO, HELLO),
    ([Slow(0.001), Split(5)], HELLO, HELLO),
    ([Split(3), Cut(30)], "StreamTruncated", "StreamTruncated"),
    ([Cut(30, clean=True), Gzip()], "DecodeError", "StreamTruncated"),
    (Length(-5), "DecodeError", HELLO),
    (Length(5), "StreamTruncated", HELLO),
    (Stall(30, 0.001), HELLO, HELLO),
    (Status(429), "RateLimitError", "RateLimitError"),
    (Status(401, body={"error": {"message": "no"}}), "AuthError", "AuthError"),
]


@pytest.mark.parametrize("name", OVER)
def test_each_fault_has_its_outcome_over_every_transport(name: str) -> None:
    with serving(script) as server:
        for fault, whole, streamed in EXPECTED:
            plan = [fault] if isinstance(fault, list) else fault
            assert outcomes(server, name, plan, stream=False) == [(whole, 1)] * 2, fault
            assert outcomes(server, name, plan, stream=True) == [(streamed, 1)] * 2, fault
        assert server.wait_until_free()


@pytest.mark.thorough
def test_a_silence_meets_the_limits_of_the_call() -> None:
    first, idle = Timeouts(first_event=0.1, idle=SOON), Timeouts(first_event=SOON, idle=0.1)
    with serving(script) as server:
        for name in OVER:
            for fault, stream in ((Late(), False), (Late(), True), (Stall(30), False), (Stall(30), True)):
                found = outcomes(server, name, fault, stream=stream, timeout=first)
                assert found == [("FirstEventTimeout", 1)] * 2, fault
            later = Stall(len(PIECES[0]))
            assert outcomes(server, name, later, stream=True, timeout=idle) == [("StreamIdleTimeout", 1)] * 2


def test_a_plan_names_requests_by_their_number_and_retries_count() -> None:
    busy = Status(503, retry_after=0)
    with serving(script) as server:
        for plan in ({1: busy, 2: busy}, [busy, busy], lambda number, chance: busy if number < 3 else None):
            assert outcomes(server, "fast", plan, stream=False, retries=2) == [(HELLO, 3)] * 2


def test_the_same_seed_gives_the_same_faults_and_another_gives_others() -> None:
    def seen(seed: int) -> list[Any]:
        faults = Faults(by_chance(0.5), over=httpx.MockTransport(mocked), seed=seed)
        with Client(
            transport=faults, api_keys={"openai": "k"}, retries=0, base_urls={"openai": "http://t.invalid"}
        ) as c:
            found = []
            for _ in range(20):
                try:
                    found.append(c.generate_text(MODEL, "hi").text)
                except StepwellError as error:
                    found.append(str(error))
        assert 0 < sum(not each.faults for each in faults.requests) < 20
        return [found, faults.requests]

    assert seen(1) == seen(1) != seen(2)


def test_a_pause_ends_when_its_task_is_cancelled() -> None:
    faults = Faults([Late(LONG), None], over=httpx.MockTransport(mocked))
    client = Client(transport=faults, timeout=SOON, **ANYWHERE)
    reply = client.run_workflow(race([performing(CallModel(MODEL, "hi")) for _ in range(2)]))
    assert reply.text == HELLO


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Faults("cut"),  # type: ignore[arg-type]
        lambda: Faults({0: Refuse()}),
        lambda: Faults([503]),  # type: ignore[list-item]
        lambda: Cut(-1),
        lambda: Split(0),
        lambda: Stall(0, -1),
        lambda: Status(99),
        lambda: Status(503, body={object()}),
        lambda: Status(503, headers=None),  # type: ignore[arg-type]
        lambda: by_chance(2),
        lambda: Client(transport=Faults([], over="quic")),  # type: ignore[arg-type]
        lambda: Client(transport=Faults([], over=httpx.AsyncClient())),
    ],
)
def test_a_plan_that_cannot_be_read_is_an_error_at_once(wrong: Callable[[], object]) -> None:
    with pytest.raises(ConfigError):
        wrong()


@in_turn("wrong", ["1", None, b"1", float("nan"), object(), [1]])
def test_no_fault_takes_a_number_that_is_none(wrong: Any) -> None:
    """Every kind, in every argument that is a number; one that may be left out may be None."""
    for kind in (Cut, Garble, Gzip, Late, Length, Pause, Reset, Slow, Split, Stall, Status):
        for each in attrs.fields(kind):
            if not ("int" in str(each.type) or "float" in str(each.type)) or (wrong is None and each.default is None):
                continue
            given = {other.alias: 200 for other in attrs.fields(kind) if other.default is attrs.NOTHING}
            with pytest.raises(ConfigError):
                kind(**given | {each.alias: wrong})
