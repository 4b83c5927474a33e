"""Stores of limits that fail, stall, answer nonsense or lose an answer: nothing stays reserved, no call fails by it."""

from __future__ import annotations

import asyncio
import random
import threading
from math import inf, nan
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from limit_stores import ANSWER, LIMITS, MODEL, Ledger, Store, request_at

from stepwell import AsyncClient, Budget, Client, RateLimit
from stepwell.errors import ConfigError, StepwellError, TotalTimeout
from stepwell.pipeline.effects import Sleep
from stepwell.pipeline.signal import Signal
from stepwell.pipeline.steps.concurrency import _take_place
from stepwell.pipeline.steps.rate_lane import Lane
from stepwell.pipeline.steps.shared import AVOID_SECONDS, Asking
from stepwell.steps import circuit_breaker, concurrency


def answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=ANSWER)


def client_of(pipeline: Any) -> Client:
    return Client(transport=httpx.MockTransport(answer), api_keys={"openai": "k"}, retries=0, pipeline=pipeline)


def test_an_answer_that_is_none_costs_a_warning() -> None:
    for name, limit in LIMITS.items():
        for value in (None, "abc", nan, [], {}, ("x", "y", "z"), (nan, 0), object()):
            client = client_of(limit(Store(value)))
            reply = client.generate_text(MODEL, "hi", max_tokens=5, timeout=20)
            assert [each.subject for each in reply.warnings] == [name], (name, value)


def test_coroutine_functions_are_refused() -> None:
    class Asynchronous(Store):
        async def count_attempt(self, *_: Any, **__: Any) -> Any:
            return 0

    for limit in LIMITS.values():
        with pytest.raises(ConfigError, match="coroutine"):
            limit(Asynchronous(0))


def test_arguments_that_are_no_numbers_are_refused() -> None:
    for value in (nan, inf, -inf, "5", True, [], -1, 0):
        for make in (
            lambda v: RateLimit(requests=v),
            lambda v: RateLimit(tokens=v),
            lambda v: RateLimit(requests=1, per=v),
            lambda v: concurrency(v),
            lambda v: concurrency(1, lease=v),
            lambda v: circuit_breaker(failures=v),
            lambda v: circuit_breaker(cooldown=v),
        ):
            with pytest.raises(ConfigError):
                make(value)
    for whole in (
        lambda: concurrency(2.5),  # type: ignore[arg-type]
        lambda: circuit_breaker(failures=2.5),  # type: ignore[arg-type]
        lambda: Budget("1", output_tokens=-5),
        lambda: RateLimit(requests=1, output_tokens=-5),
        lambda: RateLimit(requests=1e-320),
        lambda: RateLimit(requests=10**400),
        lambda: RateLimit(requests=1, by="all"),  # type: ignore[arg-type]
        lambda: concurrency(1, by="all"),  # type: ignore[arg-type]
        lambda: circuit_breaker(by="all"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ConfigError):
            whole()
    assert RateLimit(requests=0.5) and RateLimit(requests=10**300)


@pytest.mark.parametrize("begun", [False, True])
def test_what_a_cancelled_call_was_given_goes_back(begun: bool) -> None:
    """The thread that asks the store cannot be cancelled, and may begin after its call has ended."""
    done: list[str] = []
    asking = Asking(Store(0), "limit")  # type: ignore[arg-type]
    flow = asking.ask(request_at([10.0]), lambda store: done.append("work"), undo=lambda store: done.append("undo"))
    run = next(flow)
    if begun:
        run.sync_fn()
    with pytest.raises(asyncio.CancelledError):
        flow.throw(asyncio.CancelledError())
    assert done == ["work"] * begun + ["undo"] * begun
    if not begun:
        run.sync_fn()
    assert done == ["work", "undo"]


def test_calls_that_queue_for_a_store_do_not_ask_it_after_it_has_failed() -> None:
    asked: list[int] = []

    def fail(store: Any) -> None:
        asked.append(1)
        raise TimeoutError

    asking, clock = Asking(Store(0), "limit"), [10.0]  # type: ignore[arg-type]
    flows = [asking.ask(request_at(clock), fail) for _ in range(3)]
    runs = [next(flow) for flow in flows]
    for flow, run in zip(flows, runs, strict=True):
        with pytest.raises(OSError) as caught:
            run.sync_fn()
        with pytest.raises(StopIteration):
            flow.throw(caught.value)
    assert len(asked) == 1


def test_a_reservation_whose_answer_was_lost_is_given_back_later() -> None:
    store, clock = Ledger(), [10.0]
    asking = Asking(store, "budget")  # type: ignore[arg-type]

    def ask(id: str) -> None:
        flow = asking.ask(request_at(clock), lambda s: s.reserve("b", id), undo=lambda s: s.settle("b", id, {}))
        try:
            found = next(flow).sync_fn()
        except ConnectionError as error:
            with pytest.raises(StopIteration):
                flow.throw(error)
        else:
            with pytest.raises(StopIteration):
                flow.send(found)

    store.fails = True
    ask("lost")
    assert store.held == {"lost"}
    store.fails = False
    clock[0] += AVOID_SECONDS
    ask("good")
    assert store.held == {"good"} and store.settled == ["lost"]


def test_a_settlement_that_fails_is_made_later() -> None:
    store, clock = Ledger(), [10.0]
    store.held.add("spent")
    asking = Asking(store, "budget")  # type: ignore[arg-type]
    store.fails = True
    asking.tell(request_at(clock), lambda s: s.settle("b", "spent", {}), keep=True)
    assert store.held == {"spent"}
    store.fails = False
    flow = asking.ask(request_at(clock), lambda s: None)
    with pytest.raises(StopIteration):
        flow.send(next(flow).sync_fn())
    assert not store.held


def test_tasks_that_are_cancelled_while_a_store_is_asked_leave_no_reservation() -> None:
    """Over a real event loop, whose threads go on."""

    class Slow(Ledger):
        def reserve(self, name: str, id: str, *_: Any) -> tuple[bool, int, int]:
            asked.set()
            go_on.wait(20)
            return super().reserve(name, id)

        def settle(self, *arguments: Any) -> None:
            super().settle(*arguments)
            settled.set()

    asked, go_on, settled = threading.Event(), threading.Event(), threading.Event()
    store = Slow()

    async def aanswer(request: httpx.Request) -> httpx.Response:
        return answer(request)

    async def run() -> None:
        settings: dict[str, Any] = {"api_keys": {"openai": "k"}, "pipeline": Budget("1", store=store)}  # type: ignore[arg-type]
        async with AsyncClient(transport=httpx.MockTransport(aanswer), **settings) as client:
            task = asyncio.ensure_future(client.generate_text(MODEL, "hi", max_tokens=5))
            await asyncio.to_thread(asked.wait, 20)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            go_on.set()
            await asyncio.to_thread(settled.wait, 20)

    asyncio.run(run())
    assert not store.held


def test_no_call_is_refused_for_a_longer_wait_than_it_would_have() -> None:
    """The wait that is calculated for the last in a queue, and the one that follows when all are sent in order."""
    for seed in range(1000):
        chance = random.Random(seed)
        requests = chance.choice([None, 1, 2, 3])
        lane, now = Lane(requests, chance.choice([None, 100]) if requests else 100, 60.0), 0.0
        for amount in chance.choices([5, 30, 60, 100, 250], k=6):
            if lane.wait(now, amount) <= 0:
                lane.count(now, amount).at = now + chance.choice([0, 0.1, 1])
            now += chance.random() * 20
        queue = chance.choices([5, 30, 60, 100, 250], k=chance.randint(1, 5))
        lane.waiting = {Signal(): amount for amount in queue[:-1]}
        least, began = lane.least_wait(now, queue[-1]), now
        for amount in queue:
            while (wait := lane.wait(now, amount)) > 1e-6:
                now += wait
            lane.count(now, amount).at = now
        assert least <= now - began + 1e-6, seed


def test_thousands_of_names_take_little_time() -> None:
    """Names in use are looked through again only when there are twice as many."""
    looked: list[int] = []
    limit = RateLimit(requests=5, by=lambda request: str(request.number))
    lanes = limit._lane
    for number in range(4000):
        request: Any = SimpleNamespace(number=number, world=SimpleNamespace(now=lambda: 10.0))
        lane = lanes(request, str(number))
        if (most := limit._lanes._most) > 1000 and most not in looked:
            looked.append(most)
        assert not lane.waiting
    assert looked == [2000, 4000]


def test_errors_of_by_are_raised_and_hold_nothing() -> None:
    def fail(request: Any) -> str:
        raise LookupError("no user")

    for limit in (RateLimit(requests=1, by=fail), concurrency(1, by=fail), circuit_breaker(by=fail)):
        client = client_of(limit)
        for _ in range(2):
            with pytest.raises((LookupError, StepwellError), match="no user"):
                client.generate_text(MODEL, "hi")


def test_a_budget_whose_store_is_down_can_still_be_printed() -> None:
    class Down(Store):
        def sums(self, name: str) -> Any:
            raise ConnectionError("nobody listens")

    budget = Budget("1", tokens=7, store=Down(None))  # type: ignore[arg-type]
    assert repr(budget).startswith("Budget(limit=1, tokens=7; ")
    for name in ("spent", "estimated", "reserved", "left", "calls", "unpriced", "tokens_used", "tokens_left"):
        with pytest.raises(StepwellError, match="ConnectionError"):
            getattr(budget, name)


def test_a_call_near_its_end_waits_for_its_place_to_the_end_and_does_not_go_without() -> None:
    asking, request, clock = Asking(Store(1.0), "limit"), request_at([10.0]), [0.3]  # type: ignore[arg-type]
    request.world.random, request.timeouts = random.random, SimpleNamespace(total=5.0)
    request.seconds_left = lambda: clock[0]
    flow = _take_place(asking, request, lambda store: None, "places", "id", 1, 600)
    assert isinstance(flow.send(next(flow).sync_fn()), Sleep)
    next(flow)
    assert flow.throw(TimeoutError()).seconds == 0.3
    with pytest.raises(TotalTimeout, match="waited 5 s for its turn among 1"):
        next(flow)
