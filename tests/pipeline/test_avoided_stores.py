"""A store that fails is avoided for a moment: for what it did itself, and not since a call had too little time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio.to_thread
import httpx
import pytest
from attrs import evolve
from limit_stores import ANSWER, LIMITS, MODEL, Ledger, Purse, Store, request_at

from stepwell import AsyncClient, Budget, Client, cache
from stepwell.errors import BudgetExceeded, TotalTimeout
from stepwell.pipeline.steps.shared import AVOID_SECONDS, Asking


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


class Spending:
    """Calls of $0.006, or 1500 tokens, under a budget whose store can fail."""

    def __init__(self, **limits: Any) -> None:
        self.store, self.now = Purse(), 10.0
        self.budget = Budget(store=self.store, **limits)  # type: ignore[arg-type]
        transport = httpx.MockTransport(lambda request: httpx.Response(200, json=ANSWER))
        self.client = Client(transport=transport, api_keys={"openai": "k"}, pipeline=self.budget)
        world = self.client.planner.world
        self.client.planner.world = evolve(world, now=lambda: self.now, soon=lambda work: work())

    def __call__(self, calls: int) -> int:
        """Make some calls, and return how many of them the budget lets through."""
        done = 0
        with suppress(BudgetExceeded):
            for _ in range(calls):
                self.client.generate_text(MODEL, "word " * 750, max_tokens=500)
                done += 1
        return done

    def fail(self, fails: bool) -> None:
        self.store.fails = fails
        self.now += AVOID_SECONDS + 1


LIMITS_OF_FOUR = pytest.mark.parametrize("limits", [{"limit": "0.0245"}, {"tokens": 6100}], ids=["dollars", "tokens"])


@LIMITS_OF_FOUR
@pytest.mark.parametrize("before", range(5))
def test_a_process_does_not_spend_its_budget_again_while_the_store_fails(limits: Any, before: int) -> None:
    spending = Spending(**limits)
    assert spending(before) == before
    spending.fail(True)
    assert spending(9) == 4 - before


@LIMITS_OF_FOUR
def test_what_was_spent_while_the_store_failed_is_added_to_it_and_counted_once(limits: Any) -> None:
    spending = Spending(**limits)
    assert spending(1) == 1
    spending.fail(True)
    assert spending(2) == 2
    spending.fail(False)
    assert spending(9) == 1
    assert (spending.budget.calls, spending.budget.tokens_used, spending.budget.reserved) == (4, 6000, 0)
    spending.fail(True)
    assert spending(9) == 0, "nothing is left"
    spending.fail(False)
    spending.budget.reset()
    assert spending(9) == 4


def test_a_reset_forgets_what_was_spent_while_the_store_failed() -> None:
    spending = Spending(limit="0.0245")
    spending.fail(True)
    assert spending(9) == 4
    spending.fail(False)
    spending.budget.reset()
    assert spending(9) == 4 and spending.budget.calls == 4
