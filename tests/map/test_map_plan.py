"""The plan in docs/clusters.md for 100 million prompts, at a hundredth of its rate and for 1,000 prompts."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from attrs import define
from mapping import Server, simulated

from stepwell import Budget, RateLimit
from stepwell.pipeline.http.request import Request
from stepwell.testing import ServerAnswer

ITEMS, RATE, LATENCY, FAILING = 1000, 300, 0.8, 0.01
"""`RATE` is requests a minute."""


@define
class Failing(Server):
    """Answers in `LATENCY` seconds, and refuses one of a hundred requests."""

    def __call__(self, request: Request, chance: random.Random) -> ServerAnswer:
        answer: Any = super().__call__(request, chance)
        return ServerAnswer(503, {"retry-after": "1"}, b"{}", after=0.1) if chance.random() < FAILING else answer


def test_the_rate_decides_how_long_it_takes_and_retries_leave_next_to_nothing() -> None:
    server = Failing(seconds=lambda said, chance: LATENCY)
    limits = [RateLimit(RATE, per=60), Budget(Decimal(1))]
    settings = {"workers": 10, "retries": 2, "pipeline": limits, "options": {"max_tokens": 5}}
    summary = simulated(1, server, range(ITEMS), None, model="groq:openai/gpt-oss-20b", **settings)
    assert summary.answered == ITEMS and not summary.failed, "one of a million fails three times"
    # The first of the limit pass at once, and the others as those of a minute before make room.
    assert ITEMS / RATE * 60 - 60 <= summary.seconds <= ITEMS / RATE * 60 * 1.1
    assert server.most <= 10 and RATE / 60 * LATENCY < 10, "Little's law: 4 at once are enough"
    assert ITEMS < len(server.sent) < ITEMS * (1 + 3 * FAILING)
