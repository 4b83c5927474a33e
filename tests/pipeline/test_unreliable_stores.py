"""Stores of limits that fail, stall, answer nonsense or lose an answer: nothing stays reserved, no call fails by it."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from math import inf, nan
from types import SimpleNamespace
from typing import Any

import anyio.to_thread
import httpx
import pytest

from stepwell import AsyncClient, Budget, Client, RateLimit, cache
from stepwell.errors import ConfigError, StepwellError, TotalTimeout
from stepwell.pipeline.effects import Sleep
from stepwell.pipeline.signal import Signal
from stepwell.pipeline.steps.concurrency import _take_place
from stepwell.pipeline.steps.rate_limit import _Lane
from stepwell.pipeline.steps.shared import AVOID_SECONDS, Asking
from stepwell.steps import circuit_breaker, concurrency

MODEL = "openai:gpt-4.1"
ANSWER = {
    "choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500},
}
LIMITS: dict[str, Callable[[Any], Any]] = {
    "rate_limit": lambda store: RateLimit(requests=5, tokens=10_000, store=store),
    "concurrency": lambda store: concurrency(1, store=store),
    "circuit_breaker": lambda store: circuit_breaker(store=store),
    "budget": lambda store: Budget("1", store=store),
}


class Store:
    """Answers every question with `value`."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def count_attempt(self, *_: Any, **__: Any) -> Any:
        return self.value

    take_place = enter_circuit = reserve = count_attempt

    def leave_place(self, *_: Any) -> None:
        pass

    correct_attempt = pause = judge_circuit = settle = leave_place


class Ledger:
    """A store of reservations, which `fails` after it has done its work."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.settled: list[str] = []
        self.fails = False

    def count_attempt(self) -> None: ...

    def reserve(self, name: str, id: str, *_: Any) -> tuple[bool, int, int]:
        self.held.add(id)
        self._fail()
        return True, 10**9, 0

    def settle(self, name: str, id: str, sums: Any) -> None:
        self._fail()
        self.held.discard(id)
        self.settled.append(id)

    def _fail(self) -> None:
        if self.fails:
            raise ConnectionError("the answer was lost")


def answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=ANSWER)


def client_of(pipeline: Any) -> Client:
    return Client(transport=httpx.MockTransport(answer), api_keys={"openai": "k"}, retries=0, pipeline=pipeline)


def in_place(work: Callable[[], object]) -> None:
    work()


def request_at(clock: list[float]) -> Any:
    """Make what a request is to `Asking`; what is done soon is done at once."""
    request = SimpleNamespace(world=SimpleNamespace(report=lambda *_, **__: None, now=lambda: clock[0], soon=in_place))
    request.warn, request.seconds_left = lambda subject, why: request, lambda: None
    return request


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
        lane, now = _Lane(requests, chance.choice([None, 100]) if requests else 100, 60.0), 0.0
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


def time_out(flow: Any) -> None:
    """End a question as a driver does when its time is over, whatever its thread does."""
    with pytest.raises(StopIteration):
        flow.throw(TimeoutError())


@pytest.mark.parametrize(
    ("seconds", "error", "avoided"),
    [(0.2, None, False), (0.3, None, True), (0.0, TimeoutError, True), (0.0, ConnectionError, True)],
)
def test_a_store_is_avoided_if_it_fails_or_takes_long_and_not_if_the_call_had_too_little_time(
    seconds: float, error: type[Exception] | None, avoided: bool
) -> None:
    asking, clock = Asking(Store(0), "limit"), [10.0]  # type: ignore[arg-type]

    def work(store: Any) -> None:
        clock[0] += seconds
        if error is not None:
            raise error
        time_out(flow)

    flow = asking.ask(request_at(clock), work)
    run = next(flow)
    if error is None:
        run.sync_fn()
    else:
        with pytest.raises(error):
            run.sync_fn()
        time_out(flow)
    assert asking.usable(request_at(clock)) is not avoided


def test_a_store_that_no_thread_was_free_to_ask_has_not_failed() -> None:
    """All threads were busy with other work of the program, for longer than the call could wait."""
    asking, clock = Asking(Store(0), "limit"), [10.0]  # type: ignore[arg-type]
    flow = asking.ask(request_at(clock), lambda store: None)
    next(flow)
    clock[0] += 60.0
    time_out(flow)
    assert asking.usable(request_at(clock))


@pytest.mark.parametrize("step", ["rate_limit", "concurrency", "circuit_breaker", "budget", "cache"])
def test_a_call_that_finds_no_free_thread_takes_no_store_from_the_others(step: str) -> None:
    """Over a real event loop, whose threads are all busy until the call's time is over."""
    asked, free = list[str](), threading.Event()

    class Asked:
        def __getattr__(self, name: str) -> Callable[..., Any]:
            answers = {"reserve": (True, 10**9, 0), "enter_circuit": (0, 0), "get_many": {}}
            return lambda *_, **__: asked.append(name) or answers.get(name, 0)

    async def aanswer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=ANSWER)

    async def run() -> None:
        limit = cache(Asked()) if step == "cache" else LIMITS[step](Asked())
        settings: dict[str, Any] = {"api_keys": {"openai": "k"}, "pipeline": limit}
        async with AsyncClient(transport=httpx.MockTransport(aanswer), **settings) as client:
            threads = int(anyio.to_thread.current_default_thread_limiter().total_tokens)
            busy = [asyncio.ensure_future(anyio.to_thread.run_sync(free.wait, 60)) for _ in range(threads)]
            with suppress(TotalTimeout):
                await client.generate_text(MODEL, "hi", max_tokens=5, timeout=2)
            assert not asked
            free.set()
            await asyncio.gather(*busy)
            reply = await client.generate_text(MODEL, "hi", max_tokens=5)
            assert asked and not reply.warnings

    asyncio.run(run())


def test_what_a_store_does_too_late_is_undone_after_it_and_not_before() -> None:
    """A question is lost on its way and comes late, while the next one has been answered."""
    store, clock = Ledger(), [10.0]
    asking = Asking(store, "budget")  # type: ignore[arg-type]

    def late(held: Any) -> None:
        time_out(flow)
        other = asking.ask(request_at(clock), lambda s: None)
        with pytest.raises(StopIteration):
            other.send(next(other).sync_fn())
        held.reserve("b", "late")

    flow = asking.ask(request_at(clock), late, undo=lambda s: s.settle("b", "late", {}))
    next(flow).sync_fn()
    assert not store.held and store.settled == ["late"]


def test_calls_that_end_while_a_store_is_avoided_do_not_lengthen_that() -> None:
    store, clock = Ledger(), [10.0]
    asking = Asking(store, "budget")  # type: ignore[arg-type]

    def perform(flow: Any) -> None:
        with pytest.raises(StopIteration):
            run = next(flow)
            try:
                found = run.sync_fn()
            except ConnectionError as error:
                flow.throw(error)
            else:
                flow.send(found)

    store.held.add("spent")
    store.fails = True
    perform(asking.ask(request_at(clock), lambda s: s.reserve("b", "other")))
    store.fails = False
    clock[0] += AVOID_SECONDS - 1
    perform(asking.end(request_at(clock), lambda s: s.settle("b", "spent", {}), keep=True))
    assert "spent" in store.held
    clock[0] += 1
    assert asking.usable(request_at(clock))
    perform(asking.ask(request_at(clock), lambda s: None))
    assert "spent" not in store.held


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
