"""A budget of tokens stops a call before it is sent, and counts what was used."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from stepwell import Budget, Client
from stepwell.schemas.errors import BudgetExceeded, ConfigError

MODEL = "openai:gpt-4.1"
COST = Decimal("0.006")
ANSWER = (
    b'{"choices":[{"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":1000,"completion_tokens":500}}'
)
EVENTS = (
    b'data: {"choices":[{"delta":{"content":"hello there, this is a text"},"finish_reason":null}]}\n\n'
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


def client_of(answer: bytes, budget: Budget) -> Client:
    """Build a client whose provider always gives this answer."""
    kind = {"content-type": "text/event-stream" if answer is EVENTS else "application/json"}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=answer, headers=kind))
    return Client(transport=transport, api_keys={"openai": "k", "groq": "k"}, pipeline=budget)


def test_a_budget_of_tokens_reserves_the_most_and_counts_what_was_reported():
    budget = Budget(tokens=2600)
    with client_of(ANSWER, budget) as client:
        client.generate_text(MODEL, "hi", max_tokens=1000)
        assert (budget.tokens_used, budget.tokens_left) == (1500, 1100)
        with pytest.raises(BudgetExceeded, match=r"may take 1,\d+ tokens, and 1,100 of 2,600 are left") as caught:
            client.generate_text(MODEL, "hi", max_tokens=1100)
    assert caught.value.left == 1100
    assert budget.spent == COST and budget.left == Decimal("Infinity")


def test_a_budget_of_tokens_needs_no_price():
    budget = Budget(tokens=5000)
    with client_of(ANSWER, budget) as client:
        client.generate_text("groq:unlisted", "hi", max_tokens=1000)
    assert (budget.tokens_used, budget.spent, budget.unpriced) == (1500, 0, 1)


def test_a_stream_left_early_counts_the_tokens_that_it_has_brought():
    budget = Budget(tokens=5000)
    with client_of(EVENTS, budget) as client:
        with client.stream_text(MODEL, "a question of some length", max_tokens=1000) as stream:
            next(iter(stream))
    assert 10 < budget.tokens_used < 60


@pytest.mark.parametrize("how", [{}, {"tokens": -1}, {"tokens": True}, {"tokens": "many"}])
def test_a_budget_without_a_limit_is_refused(how: dict[str, Any]):
    with pytest.raises(ConfigError, match="Budget|tokens"):
        Budget(**how)
