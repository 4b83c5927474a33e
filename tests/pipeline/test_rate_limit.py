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
from stepwell.pipeline import drivers
from stepwell.pipeline import world as pipeline_world
from stepwell.pipeline.effects import StartTask, StopTasks
from stepwell.pipeline.http.request import Request
from stepwell.pipeline.http.response import Response
from stepwell.pipeline.signal import News, Task
from stepwell.pipeline.steps.retry import retry
from stepwell.pipeline.tasks import follow
from stepwell.providers.declare.errors import find_error
from stepwell.providers.declare.vendor_names import VENDOR_NAMES
from stepwell.providers.wires.openai_chat.samples import SAMPLES
from stepwell.schemas.errors import ConfigError, RateLimitError
from stepwell.schemas.json_text import dumps
from stepwell.steps import CallModel, Flow, Pipeline, Sleep, Wait, around, gather
from stepwell.testing import FakeModel, ServerAnswer, SimulatedWorld

from driving import Drive, World, answered, drive_sync, reply, request


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
        if isinstance(effect, Wait):
            self.calls.now += 0 if effect.signal.is_set else effect.timeout or 0
            return effect.signal.is_set
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


def test_the_whole_limit_passes_at_once_and_then_nothing_until_these_are_a_period_old(drive: Drive) -> None:
    calls = Calls(drive, requests=3, per=30)
    assert [calls() for _ in range(7)] == [0, 0, 0, 30, 0, 0, 30]


def test_each_call_makes_room_when_it_is_a_period_old() -> None:
    calls = Calls(requests=2, per=20)
    calls()
    calls.now += 10
    assert [calls(), calls(), calls()] == [0, 10, 10]
    calls.now += 1000
    assert [calls(), calls(), calls()] == [0, 0, 20]


def test_a_limit_below_one_is_one_in_a_longer_period() -> None:
    calls = Calls(requests=0.5, per=20)
    assert [calls(), calls()] == [0, 40]


def test_the_period_begins_when_the_provider_can_have_counted_the_request() -> None:
    """A slow connection would else bring the first of one period and all of the next close together."""
    calls = Calls(requests=1, per=10)
    asked = lambda seconds: setattr(calls, "now", calls.now + seconds)
    calls(answer=lambda request: (asked(0.3), answered()(request))[1])
    assert calls() == 10
    calls.now += 100
    calls(answer=lambda request: (asked(9), answered()(request))[1])
    assert calls() == 1.5  # a twentieth of the period at most is taken for the way there


def test_waiting_calls_proceed_in_order() -> None:
    assert together(4, requests=1, per=10) == [0, 10, 20, 30]


def test_tokens_are_estimated_before_and_corrected_after_the_call() -> None:
    calls = Calls(tokens=1000, per=100)
    asked = request(options={"max_tokens": 990})
    assert calls(asked, used(100)) == 0  # 990 and the prompt reserved, 100 used
    assert calls(request(options={"max_tokens": 800}), used(900)) == 0
    assert calls(request(options={"max_tokens": 90})) == 100


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
    calls.now += 20
    assert calls(request(options={"max_tokens": 5000})) == 40


def test_every_attempt_counts() -> None:
    calls = Calls(requests=2, per=20)
    calls.pipeline = calls.limit(Pipeline([retry(find_error)]))
    world = World([lambda asked: Response(asked, 500, {}, b"{}"), answered(), answered()])
    drive_sync(calls.pipeline, world, request(world=calls.clock))
    assert len(world.sent) == 2 and calls() == 20


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
    with pytest.raises(RateLimitError, match=r"would wait 10\.0 s, past its total timeout of \d") as caught:
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
def test_never_more_than_the_limit_in_any_period(pauses: list[float], limit: int) -> None:
    calls, sent = Calls(requests=limit, per=10), []
    for pause in pauses:
        calls.now += pause
        calls()
        sent.append(calls.now)
    for start in sent:
        assert sum(start <= at < start + 10 - 1e-6 for at in sent) <= limit


@pytest.mark.parametrize("how", [{}, {"requests": 0}, {"tokens": -1}, {"requests": 1, "per": 0}])
def test_a_limit_of_zero_is_refused(how: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="above 0"):
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
    (lane,) = limit._lanes.values()
    assert lane.used <= 10 * 19


def test_a_telemetry_that_is_added_twice_records_once() -> None:
    limit = RateLimit(requests=100)
    with Client(transport=transport(), api_keys={"groq": "k"}, pipeline=limit) as client:
        client.generate_text("groq:some-model", "hi", pipeline=limit)
    (lane,) = limit._lanes.values()
    assert len(lane.sent) == 1


USAGE = {"prompt_tokens": 1, "completion_tokens": 1}
ANSWER = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": USAGE}
MODEL = "groq:some-model"


class Sends:
    """A simulated server: it notes when requests come, and answers them in turn, the last answer for ever."""

    def __init__(self, *answers: ServerAnswer, **limit: Any) -> None:
        self.answers = [*answers, ServerAnswer(200, {"content-type": "application/json"}, dumps(ANSWER))]
        self.at: list[float] = []
        self.world = SimulatedWorld(1, self.answer)
        settings: dict[str, Any] = {"pipeline": RateLimit(**limit), "retries": 0}
        self.client = self.world.client(api_keys={"groq": "k"}, **settings)

    def answer(self, request: Request, chance: Any) -> ServerAnswer:
        self.at.append(self.world.now)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def call(self, at: float = 0.0, done: list[Any] | None = None, name: object = None) -> Flow:
        yield Sleep(at)
        yield CallModel(MODEL, "hi", {"max_tokens": 5})
        if done is not None:
            done.append(name)

    def most_within(self, seconds: float) -> int:
        return max(sum(start <= at < start + seconds for at in self.at) for start in self.at)


def test_a_429_holds_up_those_who_wait_already() -> None:
    server = Sends(ServerAnswer(429, {"retry-after": "4"}, b"{}", after=0.3), requests=5, per=2.5)
    server.world.run(server.client, [server.call() for _ in range(12)])
    assert [at for at in server.at if 0.3 < at < 4.3] == []
    assert len(server.at) == 12 and server.most_within(2.5) == 5


def test_after_a_pause_no_more_than_the_limit_goes_at_once() -> None:
    server = Sends(ServerAnswer(429, {"retry-after": "90"}, b"{}"), requests=10, per=60)
    server.world.run(server.client, [server.call(float(number)) for number in range(41)])
    assert len(server.at) == 41 and server.most_within(60) == 10


@pytest.mark.parametrize("per", [60.0, 100_000.0])
def test_no_call_waits_for_the_next_day_since_a_quota_is_spent(per: float) -> None:
    """They fail as the one that was refused does; a period of a day is waited for, as it was asked for."""
    server = Sends(ServerAnswer(429, {"retry-after": "86400"}, b"{}"), requests=3, per=per)
    outcomes = server.world.run(server.client, [server.call(float(number)) for number in range(3)])
    waited = [getattr(each, "retry_after", None) for each in outcomes[1:]]
    assert waited == ([pytest.approx(86400, abs=5)] * 2 if per == 60 else [None, None])
    assert server.at == ([0.0] if per == 60 else [0.0, 86400.0, 86400.0])


def test_the_order_is_kept_when_waiting_calls_are_cancelled() -> None:
    server, order = Sends(requests=10, per=1), []
    news = News()
    tasks = [Task(news) for _ in range(60)]

    def crowd() -> Flow:
        for task in tasks:
            yield StartTask(follow(task, server.call(0, order, "old")), task)
        yield Sleep(0.3)
        yield StopTasks(tasks[20:50])
        yield from gather([server.call(0, order, "new") for _ in range(20)])
        for task in (*tasks[:20], *tasks[50:]):
            yield Wait(task.ended)

    server.world.run(server.client, [crowd()])
    assert order == ["old"] * 30 + ["new"] * 20 and server.most_within(1) == 10


def test_tokens_that_are_given_back_let_a_waiting_call_go_at_once() -> None:
    """It was to wait for a minute; the first call took a hundredth of what was reserved for it."""
    server = Sends(ServerAnswer(200, {}, dumps(ANSWER), after=3.0), tokens=1000, per=60)

    def call() -> Flow:
        yield CallModel(MODEL, "hi", {"max_tokens": 900})

    server.world.run(server.client, [call(), call()])
    assert server.at == [0.0, 3.0]


def test_a_limit_holds_for_a_fake_model_too() -> None:
    fake, now = FakeModel("ok", repeat=True), [0.0]
    client = Client(registry=fake.registry, pipeline=RateLimit(requests=2, per=2))
    client.planner.world = pipeline_world.World(now=lambda: now[0])

    def wait(effect: Wait) -> bool:
        now[0] += effect.timeout or 0
        return False

    for _ in range(6):
        pipeline, asked = client.planner.request("chat", "fake:m", "hi", {})
        drivers.drive(pipeline.flow(asked), wait)  # type: ignore[arg-type]
    assert now[0] == 4


def test_names_that_are_no_longer_used_are_forgotten() -> None:
    calls = Calls(requests=1, per=10, by=lambda request: str(request.options["seed"]))
    for number in range(3000):
        calls(request(options={"seed": number}))
        calls.now += 1
    assert len(calls.limit._lanes) <= 1001
