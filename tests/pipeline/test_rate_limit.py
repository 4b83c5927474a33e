"""Requests and tokens per minute: which calls wait how long, and what is counted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from stepwell import AsyncClient, Client, RateLimit, Reply, Timeouts, assistant
from stepwell.catalog import Model
from stepwell.costs import Usage
from stepwell.pipeline import world as pipeline_world
from stepwell.pipeline.http.request import Request
from stepwell.pipeline.http.response import Response
from stepwell.pipeline.steps.retry import retry
from stepwell.providers.declare.errors import find_error
from stepwell.providers.declare.vendor_names import VENDOR_NAMES
from stepwell.providers.wires.openai_chat.samples import SAMPLES
from stepwell.schemas.errors import ConfigError, RateLimitError
from stepwell.steps import Flow, Pipeline, Sleep, around
from stepwell.testing import ServerAnswer, SimulatedWorld

from driving import Drive, World, answered, drive_async, drive_sync, reply, request


@pytest.fixture(params=[drive_sync, drive_async], ids=["sync", "async"])
def drive(request: pytest.FixtureRequest) -> Drive:
    return request.param  # type: ignore[no-any-return]


class Calls:
    """Calls under one limit; sleeping advances the clock."""

    def __init__(self, drive: Drive = drive_sync, **how: Any) -> None:
        self.now = 1000.0
        self.limit = RateLimit(**how)
        self.pipeline = self.limit(Pipeline())
        self.clock = pipeline_world.World(now=lambda: self.now, random=lambda: 0.0)
        self.drive = drive

    def __call__(self, asked: Request | None = None, answer: Any = None) -> float:
        """Return the seconds that the call waited."""
        began = self.now
        asked = (asked or request()).replace(world=self.clock)
        self.drive(self.pipeline, Sleeping([answer or answered()], self), asked)
        return round(self.now - began, 6)


class Sleeping(World):
    def __init__(self, answers: Iterable[Any], calls: Calls) -> None:
        super().__init__(answers)
        self.calls = calls

    def perform(self, effect: Any) -> Any:
        self.calls.now += effect.seconds if isinstance(effect, Sleep) else 0.0
        return super().perform(effect)


def together(count: int, **how: Any) -> list[float]:
    """Return the seconds that each of several calls waits which come at once."""
    limit, world = RateLimit(**how), SimulatedWorld(1, network=lambda asked, chance: ServerAnswer(500))
    pipeline = limit(Pipeline()).append(around("answers", lambda asked, call: reply()))

    def one() -> Flow:
        yield Sleep(0.0)
        yield from pipeline.flow(request(world=world.world))
        return round(world.now, 6)

    waits: list[float] = world.run(world.client(), [one() for _ in range(count)])
    return sorted(waits)


def used(tokens: int) -> Any:
    reply = Reply(assistant("x"), "stop", usage=Usage(input_tokens=tokens, output_tokens=0))
    return lambda asked: Response(asked, reply=reply)


def test_a_full_burst_passes_at_once_and_then_one_call_per_share_of_the_period(drive: Drive) -> None:
    calls = Calls(drive, requests=3, per=30)
    assert [calls() for _ in range(6)] == [0, 0, 0, 10, 10, 10]


def test_an_idle_time_refills_the_limit_but_not_beyond_it() -> None:
    calls = Calls(requests=2, per=20)
    calls(), calls()
    calls.now += 10
    assert [calls(), calls()] == [0, 10]
    calls.now += 1000
    assert [calls(), calls(), calls()] == [0, 0, 10]


def test_waiting_calls_proceed_in_order() -> None:
    assert together(4, requests=1, per=10) == [0, 10, 20, 30]


def test_tokens_are_estimated_before_and_corrected_after_the_call() -> None:
    calls = Calls(tokens=1000, per=100)
    asked = request(options={"max_tokens": 990})
    assert calls(asked, used(100)) == 0  # 990 and the prompt reserved, 100 used
    assert calls(request(options={"max_tokens": 800}), used(900)) == 0
    assert calls(request(options={"max_tokens": 90})) == pytest.approx(10, abs=2)


def test_an_answer_counts_as_long_as_the_body_allows_it_to_be() -> None:
    """One call of 900 tokens and the next has to wait for most of its own."""
    limit = RateLimit(tokens=1000, per=60)
    answer = httpx.MockTransport(lambda asked: httpx.Response(200, json={"choices": [{"message": {"content": "x"}}]}))
    options: dict[str, Any] = {"max_tokens": 1, "provider_options": {"max_completion_tokens": 900}, "timeout": 1}
    with Client(transport=answer, api_keys={"openai": "k"}, pipeline=limit) as client:
        client.generate_text("openai:gpt-4o", "hi", **options)
        with pytest.raises(RateLimitError, match="past its total timeout"):
            client.generate_text("openai:gpt-4o", "hi", **options)


def test_max_tokens_count_under_the_providers_name() -> None:
    calls = Calls(tokens=100, per=100)
    calls(request(options={"max_completion_tokens": 80}, names=VENDOR_NAMES))
    assert calls(request(options={"max_tokens": 80})) > 60


def test_an_answer_without_usage_counts_as_estimated() -> None:
    calls = Calls(tokens=100, per=100, output_tokens=90)
    calls(answer=lambda asked: Response(asked, reply=Reply(assistant("x"))))
    assert calls() > 80


def test_a_call_larger_than_the_limit_waits_for_the_whole_limit_and_no_longer() -> None:
    calls = Calls(tokens=100, per=60)
    assert calls(request(options={"max_tokens": 5000})) == 0
    calls.now += 100 * 60
    calls(request(options={"max_tokens": 1}), used(50))
    assert calls(request(options={"max_tokens": 5000})) == pytest.approx(30, abs=1)


def test_every_attempt_counts() -> None:
    calls = Calls(requests=2, per=20)
    calls.pipeline = calls.limit(Pipeline([retry(find_error)]))
    world = World([lambda asked: Response(asked, 500, {}, b"{}"), answered(), answered()])
    drive_sync(calls.pipeline, world, request(world=calls.clock))
    assert len(world.sent) == 2 and calls() == 10


def test_a_429_with_a_wait_delays_the_other_calls_too() -> None:
    calls = Calls(requests=1000)
    calls(answer=lambda asked: Response(asked, 429, {"retry-after": "7"}, reply=Reply()))
    assert [calls(), calls()] == [7, 0]


def test_each_model_has_its_own_limit_or_all_share_one() -> None:
    other = evolve(request(), model=Model("acme", "m-2"))
    calls = Calls(requests=1, per=10)
    assert [calls(), calls(other)] == [0, 0]
    calls = Calls(requests=1, per=10, by=lambda request: "all")
    assert [calls(), calls(other)] == [0, 10]


def test_a_wait_past_the_total_timeout_is_an_error_at_once_and_uses_no_quota() -> None:
    calls = Calls(requests=1, per=10)
    calls()
    hasty = request(timeouts=Timeouts(total=5.0), started=calls.now)
    with pytest.raises(RateLimitError, match=r"would wait 10\.0 s, past its total timeout") as caught:
        calls(hasty)
    assert caught.value.retry_after == pytest.approx(10)
    assert calls() == 10


def test_a_waiting_call_that_is_cancelled_gives_up_its_turn() -> None:
    calls = Calls(requests=1, per=10)
    calls()
    flow = calls.pipeline.flow(request(world=calls.clock))
    next(flow)
    flow.close()
    assert calls() == 10


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60), st.integers(1, 5))
def test_never_more_than_the_limit_and_one_burst_in_any_period(pauses: list[float], limit: int) -> None:
    calls, sent = Calls(requests=limit, per=10), []
    for pause in pauses:
        calls.now += pause
        calls()
        sent.append(calls.now)
    for start in sent:
        assert sum(start <= at < start + 10 - 1e-6 for at in sent) <= 2 * limit


@pytest.mark.parametrize("how", [{}, {"requests": 0}, {"tokens": -1}, {"requests": 1, "per": 0}])
def test_a_limit_of_zero_is_refused(how: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="needs requests= or tokens="):
        RateLimit(**how)


def transport() -> httpx.MockTransport:
    def handler(asked: httpx.Request) -> httpx.Response:
        body = SAMPLES.text.stream if b'"stream":true' in asked.content else SAMPLES.text.body
        return httpx.Response(200, content=body)

    return httpx.MockTransport(handler)


def test_threads_loops_and_streams_share_one_limit() -> None:
    limit = RateLimit(requests=5, tokens=10_000, per=0.5)
    settings: dict[str, Any] = {"transport": transport(), "api_keys": {"groq": "k"}, "pipeline": limit}
    began = time.monotonic()

    def sync() -> None:
        with Client(**settings) as client:
            client.generate_text("groq:some-model", "hi")
            client.stream_text("groq:some-model", "hi").reply()

    async def later() -> None:
        async with AsyncClient(**settings) as client:
            await asyncio.gather(*(client.generate_text("groq:some-model", "hi") for _ in range(6)))

    threads = [threading.Thread(target=sync) for _ in range(2)]
    [thread.start() for thread in threads]
    asyncio.run(later())
    [thread.join() for thread in threads]
    assert time.monotonic() - began >= 0.5 - 0.02  # ten calls: five at once, five more in half a second
    (lane,) = limit._lanes._used.values()
    assert lane.tokens.left > 10_000 - 10 * 19 - 1


def test_a_telemetry_that_is_added_twice_records_once() -> None:
    limit = RateLimit(requests=100)
    with Client(transport=transport(), api_keys={"groq": "k"}, pipeline=limit) as client:
        client.generate_text("groq:some-model", "hi", pipeline=limit)
    (lane,) = limit._lanes._used.values()
    assert lane.requests.left == pytest.approx(99, abs=0.1)
