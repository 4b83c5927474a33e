"""A budget stops a call before it is sent, and counts the actual cost."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from stepwell import AsyncClient, Budget, Client, Reply, Timeouts, on_request
from stepwell.costs import Usage
from stepwell.model_metadata import Catalog
from stepwell.schemas.errors import BudgetExceeded, ConfigError, RateLimitError, StreamTruncated
from stepwell.schemas.message import assistant

from recordings import Chunks

pytestmark = pytest.mark.usefixtures("small_heap")

MODEL = "openai:gpt-4.1"  # $2 and $8 per million tokens
ANSWER = {
    "id": "c1",
    "choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500},
}
COST = Decimal("0.006")
EVENTS = [
    b'data: {"id":"c1","choices":[{"delta":{"content":"hello there, this is a text"},"finish_reason":null}]}\n\n',
    b'data: {"id":"c1","choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
    b'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":500}}\n\ndata: [DONE]\n\n',
]

Handler = Callable[[httpx.Request], httpx.Response]


def client_of(handler: Handler | list[Any], budget: Budget, **settings: Any) -> Client:
    """Build a client whose provider gives these answers in turn: a body, a status, or an exception."""
    if isinstance(handler, list):
        answers = list(handler)

        def answer(request: httpx.Request) -> httpx.Response:
            given = answers.pop(0)
            if isinstance(given, Exception):
                raise given
            if isinstance(given, int):
                return httpx.Response(given, json={"error": {"message": "no"}}, headers={"retry-after": "0"})
            if isinstance(given, list):
                return httpx.Response(200, stream=Chunks(tuple(given)), headers={"content-type": "text/event-stream"})
            return httpx.Response(200, json=given)

        handler = answer
    settings = {"api_keys": {"openai": "k"}, "pipeline": budget, **settings}
    return Client(transport=httpx.MockTransport(handler), **settings)


def sums(budget: Budget) -> tuple[Decimal, Decimal, Decimal]:
    return budget.spent, budget.estimated, budget.reserved


def test_the_spent_amount_replaces_the_reservation():
    budget = Budget(1)
    with client_of([ANSWER], budget) as client:
        client.generate_text(MODEL, "hi", max_tokens=1000)
    assert sums(budget) == (COST, 0, 0)
    assert budget.left == 1 - COST
    assert (budget.calls, budget.unpriced) == (1, 0)


def test_a_call_that_may_cost_too_much_is_not_sent():
    budget = Budget("0.005")
    with client_of([], budget) as client, pytest.raises(BudgetExceeded) as caught:
        client.generate_text(MODEL, "hi", max_tokens=1000)
    assert caught.value.left == Decimal("0.005")
    assert caught.value.needed > Decimal("0.008")
    assert "lower max_tokens" in str(caught.value)
    assert sums(budget) == (0, 0, 0)


def test_without_max_tokens_the_models_own_limit_counts():
    """32,768 tokens at $8 a million are 26 cents."""
    with client_of([], Budget("0.26")) as client, pytest.raises(BudgetExceeded):
        client.generate_text(MODEL, "hi")
    with client_of([ANSWER], Budget("0.27")) as client:
        client.generate_text(MODEL, "hi")
    with client_of([ANSWER], Budget("0.01", output_tokens=1000)) as client:
        client.generate_text(MODEL, "hi")


def test_an_exhausted_budget_stops_calls():
    budget = Budget("0.02")
    with client_of([ANSWER] * 9, budget) as client:
        with pytest.raises(BudgetExceeded):
            for _ in range(9):
                client.generate_text(MODEL, "hi", max_tokens=1000)
    assert budget.calls == 2 and budget.spent == 2 * COST


def test_thinking_counts_because_it_makes_the_answer_longer():
    """Claude's max_tokens holds the thinking, so 10 tokens become over 16,384: more than 8 cents at $5 a million."""
    budget = Budget("0.08")
    with client_of([], budget, api_keys={"anthropic": "k"}) as client, pytest.raises(BudgetExceeded):
        client.generate_text("anthropic:claude-haiku-4-5", "hi", max_tokens=10, reasoning_effort="high")


def test_a_stream_read_to_its_end_is_counted_by_its_usage():
    budget = Budget(1)
    with client_of([EVENTS], budget) as client:
        stream = client.stream_text(MODEL, "hi", max_tokens=1000)
        assert budget.reserved > 0
        assert stream.reply().text.startswith("hello")
    assert sums(budget) == (COST, 0, 0)


def test_a_stream_left_early_is_estimated_by_its_chunks():
    budget = Budget(1)
    with client_of([EVENTS], budget) as client:
        with client.stream_text(MODEL, "a question of some length", max_tokens=1000) as stream:
            next(iter(stream))
    assert (budget.spent, budget.reserved) == (0, 0)
    assert Decimal("0.00005") < budget.estimated < Decimal("0.0005")


def test_a_stream_that_breaks_is_estimated_too():
    budget = Budget(1)
    with client_of([EVENTS[:1]], budget) as client, pytest.raises(StreamTruncated):
        client.stream_text(MODEL, "hi", max_tokens=1000).reply()
    assert budget.spent == budget.reserved == 0 < budget.estimated


@pytest.mark.parametrize("begun", [False, True], ids=["unread", "begun"])
def test_a_stream_that_is_dropped_is_settled_when_it_is_collected(begun):
    budget = Budget(1)
    with client_of([EVENTS], budget) as client:
        stream = client.stream_text(MODEL, "a question of some length", max_tokens=1000)
        if begun:
            next(iter(stream))
        assert budget.reserved > 0 or begun
        del stream
        gc.collect()
        assert (budget.spent, budget.reserved, budget.calls) == (0, 0, 1)
        assert 0 < budget.estimated < Decimal("0.0005")


def test_a_dropped_stream_makes_room_for_the_next_call():
    budget = Budget("0.01")
    with client_of([EVENTS, ANSWER], budget) as client:
        client.stream_text(MODEL, "hi", max_tokens=1000)
        gc.collect()
        client.generate_text(MODEL, "hi", max_tokens=1000)
    assert budget.spent == COST


def test_a_stream_may_be_collected_while_the_lock_is_held():
    """The collector runs when it likes, on the thread that holds the lock as well."""
    budget = Budget(1)
    with client_of([EVENTS], budget) as client:
        held = [client.stream_text(MODEL, "hi", max_tokens=1000)]
        with budget.ledger._lock:
            held.clear()  # collected at once: nothing refers to it
        assert budget.reserved == 0 and budget.calls == 1


def test_an_async_stream_that_is_dropped_is_settled_too():
    budget = Budget(1)

    async def run() -> None:
        stream_of = httpx.Response(200, stream=Chunks(tuple(EVENTS)), headers={"content-type": "text/event-stream"})
        settings: dict[str, Any] = {"api_keys": {"openai": "k"}, "pipeline": budget}
        async with AsyncClient(transport=httpx.MockTransport(lambda request: stream_of), **settings) as client:
            stream = await client.stream_text(MODEL, "hi", max_tokens=1000)
            assert budget.reserved > 0
            del stream
            gc.collect()
            assert (budget.reserved, budget.calls) == (0, 1)

    asyncio.run(run())


LONGEST = {"max_completion_tokens": 100_000}


@pytest.mark.parametrize(
    ("model", "options", "longest", "price"),
    [
        (MODEL, {"max_tokens": 1000}, 1000, 8),
        (MODEL, {"max_tokens": 10, "provider_options": LONGEST}, 100_000, 8),
        (MODEL, {"max_tokens": 10, "provider_options": {"openai": LONGEST}}, 100_000, 8),
        (MODEL, {"max_tokens": 1000, "n": 3}, 3000, 8),
        (MODEL, {"max_tokens": 1000, "provider_options": {"n": 3}}, 3000, 8),
        ("openai:o3-pro", {"max_tokens": 1000}, 1000, 80),
        ("anthropic:claude-sonnet-4-5", {}, 8192, 15),
        ("anthropic:claude-sonnet-4-5", {"provider_options": {"max_tokens": 20_000}}, 20_000, 15),
        ("google:gemini-2.5-pro", {"max_tokens": 1000}, 1000, 10),
        ("google:gemini-2.5-pro", {"provider_options": {"generationConfig": {"maxOutputTokens": 500}}}, 500, 10),
        ("google:gemini-2.5-pro", {}, 65_536, 10),
        ("cohere:command-a-03-2025", {"max_tokens": 1000}, 1000, 10),
        ("amazon_bedrock:us.amazon.nova-micro-v1:0", {"max_tokens": 1000}, 1000, Decimal("0.14")),
    ],
)
def test_the_longest_answer_that_is_really_asked_for_is_reserved(model, options, longest, price):
    """Reckoned from the body: the rest of `needed` is the input, a few tokens."""
    aws = {"access_key": "a", "secret_key": "s", "region": "us-east-1"}
    keys: dict[str, Any] = dict.fromkeys(("openai", "anthropic", "google", "cohere"), "k") | {"amazon_bedrock": aws}
    with client_of([], Budget(0), api_keys=keys) as client, pytest.raises(BudgetExceeded) as caught:
        client.generate_text(model, "hi", **options)
    input_price = caught.value.needed - Decimal(longest) * price / 1_000_000
    assert 0 <= input_price < Decimal("0.001")


def test_a_tier_asked_for_in_provider_options_is_reserved_at_its_price():
    def needed(**options: Any) -> Decimal:
        with client_of([], Budget(0)) as client, pytest.raises(BudgetExceeded) as caught:
            client.generate_text("openai:gpt-5", "hi", max_tokens=1000, **options)
        return caught.value.needed  # type: ignore[no-any-return]

    assert needed(provider_options={"service_tier": "priority"}) == 2 * needed()


@pytest.mark.parametrize("cost", [-1, True, "free"])
def test_a_reported_cost_that_is_not_a_sum_of_money_credits_nothing(cost):
    budget = Budget(1)
    with client_of([{**ANSWER, "usage": {**ANSWER["usage"], "cost": cost}}], budget) as client:  # type: ignore[dict-item]
        assert client.generate_text(MODEL, "hi", max_tokens=1000).text == "hello"
    assert budget.spent == COST and budget.left == 1 - COST


def test_a_refused_call_costs_nothing():
    budget = Budget(1)
    with client_of([429], budget, retries=0) as client, pytest.raises(RateLimitError):
        client.generate_text(MODEL, "hi", max_tokens=1000)
    assert sums(budget) == (0, 0, 0)


def test_refused_attempts_cost_nothing():
    budget = Budget(1)
    with client_of([429, 503, ANSWER], budget) as client:
        client.generate_text(MODEL, "hi", max_tokens=1000)
    assert sums(budget) == (COST, 0, 0)


def test_an_attempt_that_broke_off_may_have_been_billed():
    budget = Budget(1)
    timeouts = Timeouts(total=60)
    with client_of([httpx.ReadTimeout("late"), ANSWER], budget, timeout=timeouts) as client:
        client.generate_text(MODEL, "hi", max_tokens=1000)
    assert budget.spent == COST
    assert Decimal("0.008") < budget.estimated < Decimal("0.0081")


def test_the_next_attempt_needs_its_own_reservation():
    budget = Budget("0.012")
    with client_of([httpx.ReadTimeout("late"), ANSWER], budget) as client, pytest.raises(BudgetExceeded):
        client.generate_text(MODEL, "hi", max_tokens=1000)
    assert budget.spent == budget.reserved == 0 < budget.estimated


def test_a_connection_that_was_never_opened_costs_nothing():
    budget = Budget(1)
    with client_of([httpx.ConnectError("refused"), ANSWER], budget) as client:
        client.generate_text(MODEL, "hi", max_tokens=1000)
    assert sums(budget) == (COST, 0, 0)


def test_an_answer_from_a_cache_of_ours_costs_nothing():
    cached = Reply(assistant("hello"), "stop", usage=Usage(input_tokens=1000, output_tokens=500))
    budget = Budget(1)

    def inside(pipeline: Any) -> Any:
        return budget(pipeline).after("budget", on_request("cache", lambda request: cached))

    with client_of([], budget, pipeline=inside) as client:
        assert client.generate_text(MODEL, "hi", max_tokens=1000).text == "hello"
    assert sums(budget) == (0, 0, 0)


def test_a_model_without_a_price_is_refused_unless_allowed():
    with client_of([], Budget(1)) as client, pytest.raises(BudgetExceeded, match="no price is known"):
        client.generate_text("openai:who-knows", "hi", max_tokens=10)
    budget = Budget(1, unknown="allow")
    with client_of([ANSWER], budget) as client:
        client.generate_text("openai:who-knows", "hi", max_tokens=10)
    assert (*sums(budget), budget.calls, budget.unpriced) == (0, 0, 0, 1, 1)


def test_an_answer_of_unknown_length_is_refused():
    catalog = Catalog(None)
    catalog.add({"provider": "openai", "id": "m", "prices": {"input": 1, "output": 1}})
    with client_of([], Budget(1), catalog=catalog) as client, pytest.raises(BudgetExceeded, match="has no limit"):
        client.generate_text("openai:m", "hi")


def test_the_providers_count_is_used():
    answer = {**ANSWER, "usage": {**ANSWER["usage"], "cost": 0.0123}}  # type: ignore[dict-item]
    budget = Budget(1)
    with client_of([answer], budget) as client:
        client.generate_text(MODEL, "hi", max_tokens=1000)
    assert budget.spent == Decimal("0.0123")


def test_other_operations_count_and_lists_are_free():
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": "m"}]})
        return httpx.Response(200, json={"data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 1000}})

    budget = Budget("0.001")
    with client_of(answer, budget) as client:
        client.embed("openai:text-embedding-3-small", ["a text"])
        client.list_models("openai")
    assert budget.spent == Decimal("0.00002")


def test_one_budget_serves_client_and_call_at_once():
    budget = Budget(1)
    with client_of([ANSWER], budget) as client:
        client.generate_text(MODEL, "hi", max_tokens=1000, pipeline=budget)
    assert budget.spent == COST and budget.calls == 1


def test_concurrent_calls_never_overspend():
    started, go = threading.Semaphore(0), threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        started.release()
        go.wait(10)
        return httpx.Response(200, json=ANSWER)

    budget = Budget("0.03")  # each of twenty calls reserves a bit over 0.008: money for three
    refused = threading.Semaphore(0)
    with client_of(answer, budget) as client:

        def ask() -> None:
            try:
                client.generate_text(MODEL, "hi", max_tokens=1000)
            except BudgetExceeded:
                refused.release()

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        assert all(refused.acquire(timeout=10) for _ in range(17))
        assert all(started.acquire(timeout=10) for _ in range(3))
        go.set()
        for thread in threads:
            thread.join()
    assert (budget.calls, *sums(budget)) == (3, 3 * COST, 0, 0)


def test_a_cancelled_call_keeps_its_estimate():
    budget = Budget(1)

    async def run() -> None:
        under_way = asyncio.Event()

        async def answer(request: httpx.Request) -> httpx.Response:
            under_way.set()
            await asyncio.sleep(60)
            raise AssertionError

        how: dict[str, Any] = {"transport": httpx.MockTransport(answer), "api_keys": {"openai": "k"}}
        async with AsyncClient(**how, pipeline=budget) as client:
            task = asyncio.create_task(client.generate_text(MODEL, "hi", max_tokens=1000))
            await under_way.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    assert budget.spent == budget.reserved == 0
    assert budget.estimated > Decimal("0.008")


@pytest.mark.parametrize("wrong", [-1, "much", float("nan")])
def test_a_limit_is_a_sum_of_money(wrong):
    with pytest.raises(ConfigError):
        Budget(wrong)
    with pytest.raises(ConfigError, match="neither"):
        Budget(1, unknown="perhaps")


def test_an_async_stream_is_counted_like_any_other():
    budget = Budget(1)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Chunks(tuple(EVENTS)), headers={"content-type": "text/event-stream"})

    async def run() -> None:
        how: dict[str, Any] = {"transport": httpx.MockTransport(answer), "api_keys": {"openai": "k"}}
        async with AsyncClient(**how, pipeline=budget) as client:
            await client.stream_text(MODEL, "hi", max_tokens=1000).reply()
            async with client.stream_text(MODEL, "a question of some length", max_tokens=1000) as stream:
                await anext(aiter(stream))

    asyncio.run(run())
    assert (budget.spent, budget.reserved, budget.calls, budget.estimated > 0) == (COST, 0, 2, True)
