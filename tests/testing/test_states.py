"""The states of circuits and limits can be read and reset, and their changes heard, in a process and over Redis."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from threading import Event, Thread
from typing import Any

import pytest

from stepwell import Budget, Client, RateLimit
from stepwell.errors import CircuitOpen, RateLimitError, ServerError, StepwellError
from stepwell.steps import circuit_breaker, concurrency
from stepwell.stores import RedisStore
from stepwell.testing import FakeModel

from loopback import LONG, SOON

MODEL = "fake:m"


@pytest.fixture(params=["in this process", "over Redis"])
def store(request: pytest.FixtureRequest, redis_url: str, new_process: None) -> RedisStore | None:
    return RedisStore(redis_url, prefix=f"{request.node.name}:") if request.param == "over Redis" else None


def calling(*turns: Any, pipeline: Any, **settings: Any) -> Callable[[], Any]:
    client = Client(registry=FakeModel(*turns, repeat=True).registry, pipeline=pipeline, **settings)
    return lambda: client.generate_text(MODEL, "hi", max_tokens=10)


def test_a_circuit(store: RedisStore | None) -> None:
    heard: list[tuple[str, str]] = []
    breaker = circuit_breaker(failures=2, cooldown=0.2, store=store, on_change=lambda *change: heard.append(change))
    failing = calling(ServerError("down"), pipeline=breaker)
    assert breaker.state(MODEL).state == "closed"
    for error in (ServerError, ServerError, CircuitOpen):
        with pytest.raises(error):
            failing()
    state = breaker.state(MODEL)
    assert (state.failed, state.state) == (2, "open") and 0 < state.wait <= 0.2
    assert breaker.states().keys() == {MODEL}
    while breaker.state(MODEL).state == "open":
        Event().wait(0.01)
    assert breaker.state(MODEL).state == "half_open"
    with pytest.raises(ServerError):
        failing()
    assert calling("fine", pipeline=breaker) and heard == [(MODEL, each) for each in ("open", "half_open", "open")], (
        "the one call after the cooldown failed"
    )
    breaker.reset(MODEL)
    assert breaker.state(MODEL).state == "closed" and heard[-1] == (MODEL, "closed")
    assert calling("fine", pipeline=breaker)().text == "fine"


def test_a_rate_limit(store: RedisStore | None) -> None:
    heard: list[int] = []
    limit = RateLimit(requests=2, per=LONG, store=store, on_change=lambda name, state: heard.append(state.waiting))
    call = calling("fine", pipeline=limit, timeout=SOON)
    assert limit.state(MODEL).requests == 0
    call(), call()
    state = limit.state(MODEL)
    assert (state.requests, state.waiting) == (2, 0) and limit.states()[MODEL].requests == 2
    with pytest.raises(RateLimitError):
        call()
    if store is None:
        assert LONG - SOON < state.wait <= LONG + 1
        waiting = Thread(target=calling("fine", pipeline=limit))
        waiting.start()
        while not heard:
            Event().wait(0.01)
        limit.reset()
        waiting.join(SOON)
        assert not waiting.is_alive() and heard[0] == 1 and heard[-1] == 0
    limit.reset(MODEL)
    assert limit.state(MODEL).requests == 0
    call()


def test_places(store: RedisStore | None) -> None:
    heard: list[tuple[int, int]] = []
    places = concurrency(1, store=store, on_change=lambda name, state: heard.append((state.running, state.waiting)))
    began, goes_on = Event(), Event()

    def turn(request: Any) -> str:
        began.set()
        assert goes_on.wait(SOON)
        return "fine"

    threads = [Thread(target=calling(turn, pipeline=places)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert began.wait(SOON)
    while not heard:
        Event().wait(0.01)
    assert (places.state().running, places.state().waiting) == (1, 1) and places.states().keys() == {""}
    goes_on.set()
    for thread in threads:
        thread.join(SOON)
    assert heard == [(1, 1), (1, 0)] and (places.state().running, places.states()) == (0, {})
    if store is not None:
        store.take_place("concurrency:", "of a process that was killed", 1, LONG)
        assert places.state().running == 1
        places.reset("")
    assert calling("fine", pipeline=places)().text == "fine"


def test_a_budget(store: RedisStore | None) -> None:
    heard: list[int] = []
    budget = Budget(tokens=1000, store=store, on_change=lambda budget: heard.append(budget.tokens_used))
    calling("fine", pipeline=budget)()
    assert budget.calls == 1 and heard == [budget.tokens_used] and heard[0] > 0
    budget.reset()
    assert (budget.calls, budget.tokens_used, budget.spent) == (0, 0, Decimal(0))


def test_a_store_that_fails_is_a_typed_error_and_a_listener_that_fails_costs_nothing() -> None:
    gone = RedisStore("redis://127.0.0.1:1/0", timeout=0.1)
    for read in (
        lambda: circuit_breaker(store=gone).state(MODEL),
        lambda: concurrency(1, store=gone).state(),
        lambda: RateLimit(1, store=gone).state(MODEL),
        lambda: Budget("1", store=gone).reset(),
    ):
        with pytest.raises(StepwellError, match="store of the limit failed"):
            read()

    def fails(*_: object) -> None:
        raise RuntimeError("of the listener")

    breaker = circuit_breaker(failures=1, on_change=fails)
    with pytest.raises(ServerError):
        calling(ServerError("down"), pipeline=breaker)()
