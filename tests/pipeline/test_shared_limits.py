"""Limits that processes share over a real Redis server: all together keep them, also where one is killed or stalls."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from typing import Any

import httpx
import pytest
from batch_services import OpenAI
from redis_server import redis_server

from stepwell import Budget, Client, RateLimit
from stepwell.errors import BudgetExceeded, CircuitOpen, ConfigError, RateLimitError, ServerError, TotalTimeout
from stepwell.steps import circuit_breaker, concurrency
from stepwell.stores import MemoryStore, RedisStore

MODEL = "openai:gpt-4.1"  # $2 and $8 per million tokens
ANSWER = {
    "choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500},
}
COST = Decimal("0.006")


@pytest.fixture
def stores(redis_url: str, request: pytest.FixtureRequest, new_process: None) -> list[RedisStore]:
    """Make stores as two processes have them, with keys of this test's own."""
    return [RedisStore(redis_url, prefix=f"{request.node.name}:") for _ in range(2)]


def client_of(pipeline: Any, status: int = 200) -> Client:
    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"retry-after": "300"} if status == 429 else {}
        return httpx.Response(status, json=ANSWER if status == 200 else {}, headers=headers)

    settings: dict[str, Any] = {"api_keys": {"openai": "k"}, "retries": 0, "pipeline": pipeline}
    return Client(transport=httpx.MockTransport(answer), **settings)


def test_a_rate_limit_counts_the_attempts_of_all(stores: list[RedisStore]) -> None:
    clients = [client_of(RateLimit(requests=3, per=3600, store=store)) for store in stores]
    for number in range(3):
        clients[number % 2].generate_text(MODEL, "hi")
    for client in clients:
        with pytest.raises(RateLimitError, match="past its total timeout") as caught:
            client.generate_text(MODEL, "hi", timeout=5)
        assert 3500 < (caught.value.retry_after or 0) < 3610


def test_a_rate_limit_of_tokens_is_corrected_by_the_usage(stores: list[RedisStore]) -> None:
    """Each call reserves some 1,900 tokens, and uses 1,500."""
    clients = [client_of(RateLimit(tokens=5000, per=3600, store=store)) for store in stores]
    for number in range(3):
        clients[number % 2].generate_text(MODEL, "hi", max_tokens=1900)
    with pytest.raises(RateLimitError):
        clients[1].generate_text(MODEL, "hi", max_tokens=1900, timeout=5)


def test_a_429_holds_up_the_calls_of_all(stores: list[RedisStore]) -> None:
    limits = [RateLimit(requests=1000, store=store) for store in stores]
    refused = lambda request: httpx.Response(429, headers={"retry-after": "300"}, json={})
    with Client(
        transport=httpx.MockTransport(refused), api_keys={"openai": "k"}, pipeline=limits[0], retries=0
    ) as first:
        with pytest.raises(RateLimitError):
            first.generate_text(MODEL, "hi")
    with pytest.raises(RateLimitError, match="past its total timeout"):
        client_of(limits[1]).generate_text(MODEL, "hi", timeout=5)


def test_a_question_that_is_repeated_counts_once(stores: list[RedisStore]) -> None:
    """Clients of redis-py repeat a question whose answer was lost, without asking."""
    store, much = stores[0], {"requests": 2, "tokens": 100, "per": 60.0, "late": 1.0}
    for _ in range(2):
        assert store.count_attempt("limit", "one", 40, **much) == 0  # type: ignore[arg-type]
        assert store.take_place("places", "one", 1, 60) == 0
        assert store.reserve("budget", "one", (5, 7), (10, 10))[0]
    assert store.sums("budget") == {"reserved": 5, "reserved_tokens": 7}
    assert store.count_attempt("limit", "two", 60, **much) == 0  # type: ignore[arg-type]
    assert store.take_place("places", "two", 1, 60) > 0
    assert not store.reserve("budget", "two", (6, 0), (10, 10))[0]


def test_places_are_shared_and_given_back(stores: list[RedisStore]) -> None:
    first, second = (client_of(concurrency(1, store=store)) for store in stores)
    for client in (first, second, first):
        client.generate_text(MODEL, "hi")
    stores[0].take_place("concurrency:", "another process", 1, 600)
    with pytest.raises(TotalTimeout, match="its turn among 1"):
        second.generate_text(MODEL, "hi", timeout=2.0)
    stores[0].leave_place("concurrency:", "another process")
    second.generate_text(MODEL, "hi")


def test_the_place_of_a_killed_process_is_free_after_its_lease(stores: list[RedisStore]) -> None:
    stores[0].take_place("concurrency:", "killed", 1, 0.05)
    client_of(concurrency(1, store=stores[1])).generate_text(MODEL, "hi", timeout=60)


def test_a_budget_is_spent_by_all_together(stores: list[RedisStore]) -> None:
    budgets = [Budget("0.02", store=store) for store in stores]
    clients = [client_of(budget) for budget in budgets]
    for number in range(2):
        clients[number].generate_text(MODEL, "hi", max_tokens=1000)
    for budget, client in zip(budgets, clients, strict=True):
        assert (budget.spent, budget.reserved, budget.calls, budget.tokens_used) == (2 * COST, 0, 2, 3000)
        with pytest.raises(BudgetExceeded) as caught:
            client.generate_text(MODEL, "hi", max_tokens=1000)
        assert caught.value.left == Decimal("0.008")


def test_a_batch_is_settled_by_the_process_that_reads_it(stores: list[RedisStore]) -> None:
    service, (mine, other) = OpenAI(), [Budget("5", store=store) for store in stores]
    with Client(**service.settings(pipeline=mine)) as client:
        id = client.submit_batch(MODEL, {"first": "Say hello."}, max_tokens=9).id
    assert other.reserved > 0
    with Client(**service.settings(pipeline=other)) as client:
        for _ in range(2):
            client.batch_job(MODEL, id).wait(poll=0).results()
    assert mine.reserved == 0 and mine.spent > 0 and mine.calls == 1


def test_a_failed_call_gives_its_reservation_back(stores: list[RedisStore]) -> None:
    budget = Budget("0.02", tokens=10_000, store=stores[0])
    with pytest.raises(ServerError):
        client_of(budget, status=500).generate_text(MODEL, "hi", max_tokens=1000)
    assert (budget.reserved, budget.left, budget.tokens_left) == (0, Decimal("0.02"), 10_000)


def test_a_circuit_that_one_process_opened_is_open_for_all(stores: list[RedisStore]) -> None:
    breakers = [circuit_breaker(failures=2, cooldown=3600, store=store) for store in stores]
    for breaker in breakers:
        with pytest.raises(ServerError):
            client_of(breaker, status=500).generate_text(MODEL, "hi")
    for breaker in breakers:
        with pytest.raises(CircuitOpen, match="failed 2 times in a row"):
            client_of(breaker).generate_text(MODEL, "hi")


def test_one_success_closes_it_again(stores: list[RedisStore]) -> None:
    breaker = circuit_breaker(failures=1, cooldown=1e-6, store=stores[0])
    with pytest.raises(ServerError):
        client_of(breaker, status=500).generate_text(MODEL, "hi")
    client_of(breaker).generate_text(MODEL, "hi")
    assert stores[1].enter_circuit(f"circuit_breaker:{MODEL}", 1, 3600) == (0, 0)


STEPS = {
    "rate_limit": lambda store: RateLimit(requests=5, store=store),
    "concurrency": lambda store: concurrency(2, store=store),
    "budget": lambda store: Budget(1, store=store),
    "circuit_breaker": lambda store: circuit_breaker(store=store),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.usefixtures("new_process")
def test_a_store_that_fails_or_stalls_costs_a_warning(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with redis_server(tmp_path_factory.mktemp("stalled")) as url:
        store = RedisStore(url, timeout=0.05)
        pid = int(store._client.info("server")["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            reply = client_of(STEPS[name](store)).generate_text(MODEL, "hi", max_tokens=5)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert [warning.subject for warning in reply.warnings] == [name]
        assert "within this process alone" in reply.warnings[0].why


@pytest.mark.parametrize("name", STEPS)
def test_a_store_of_values_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="a MemoryStore cannot keep limits"):
        STEPS[name](MemoryStore())


WORKER = """
import sys, time
import httpx
from stepwell import Budget, Client, RateLimit
from stepwell.errors import BudgetExceeded
from stepwell.steps import concurrency
from stepwell.stores import RedisStore
store, log = RedisStore(sys.argv[1], prefix="crowd:"), open(sys.argv[2], "a", buffering=1)
ANSWER = {
    "choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500},
}
def answer(request):
    log.write(f"in {time.monotonic()}\\n")
    time.sleep(0.01)
    log.write(f"out {time.monotonic()}\\n")
    return httpx.Response(200, json=ANSWER)
limits = [
    concurrency(2, store=store, lease=2),
    RateLimit(requests=20, per=4, store=store),
    Budget("0.30", store=store),
]
with Client(transport=httpx.MockTransport(answer), api_keys={"openai": "k"}, pipeline=limits) as client:
    try:
        while True:
            client.generate_text("openai:gpt-4.1", "hi", max_tokens=600)
    except BudgetExceeded:
        pass
"""


@pytest.mark.usefixtures("new_process")
def test_processes_that_are_killed_exceed_no_limit(redis_url: str, tmp_path: Any) -> None:
    """Two of four are killed at work; the others spend what is left of $0.30, some 50 calls."""
    log = tmp_path / "log"
    log.touch()
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, redis_url, str(log)]) for _ in range(4)]
    while log.read_text().count("out") < 12:
        time.sleep(0.01)
    for worker in workers[:2]:
        worker.kill()
        worker.wait()
    assert [worker.wait(120) for worker in workers[2:]] == [0, 0]
    lines = [(float(at), kind) for kind, at in map(str.split, log.read_text().splitlines())]
    calls = sorted(at for at, kind in lines if kind == "in")
    assert 30 < len(calls) <= 50  # what the killed ones had reserved stays reserved
    # Three of the four seconds: a process may be stopped for a moment between its turn and its call.
    assert all(sum(start <= at < start + 3 for at in calls) <= 20 for start in calls)
    budget = Budget("0.30", store=RedisStore(redis_url, prefix="crowd:"))
    assert 0 <= budget.left < Decimal("0.0068") and budget.spent + budget.reserved <= Decimal("0.30")
