"""What holds for any crowd of calls, in whatever order things happen: nothing is lost, exceeded, sent twice or stuck.

`make quick` tries 30 crowds, `make test` 500, and `make crowd` larger and new ones; CROWD_SEEDS="17" tries one again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from itertools import groupby

import pytest

from stepwell import Reply
from stepwell.costs import cost_report
from stepwell.errors import StepwellError

from crowd import MODEL, MOST_TOKENS, OTHER, Crowd

pytestmark = pytest.mark.usefixtures("small_heap")

SIZE = int(os.environ.get("CROWD_SIZE", 200))
_FEWER = os.environ.get("HYPOTHESIS_PROFILE") == "quick"
SEEDS = [int(seed) for seed in os.environ.get("CROWD_SEEDS", "").split()] or range(30 if _FEWER else 500)
GROUPS = [SEEDS[start::10] for start in range(10)]
Law = Callable[[Crowd], None]


def every_call_ends_with_a_reply_or_a_typed_error(crowd: Crowd) -> None:
    for label, outcomes in crowd.outcomes.items():
        for outcome in outcomes:
            given_up = label.startswith(("cancelled", "left", "dropped"))
            assert isinstance(outcome, Reply | StepwellError) or (outcome is None and given_up), (label, outcome)


def no_more_calls_run_at_once_than_allowed(crowd: Crowd) -> None:
    assert crowd.gate.most <= crowd.gate.limit


def waiting_calls_enter_in_their_order(crowd: Crowd) -> None:
    check_order(crowd.gate.entered)


def waiting_requests_are_sent_in_their_order(crowd: Crowd) -> None:
    for dequeued in crowd.server.dequeued.values():
        check_order(dequeued)


def check_order(entries: list[tuple[float, int]]) -> None:
    """Check that the numbers rise. What happens in one moment has no order, and a sum of seconds is not exact."""
    latest = -1
    for _, moment in groupby(entries, key=lambda entry: round(entry[0], 6)):
        numbers = [number for _, number in moment]
        assert min(numbers) > latest
        latest = max(numbers)


def no_more_requests_are_sent_than_the_rate_limit_allows(crowd: Crowd) -> None:
    for model in (MODEL, OTHER):
        check_window(crowd, crowd.requests, [(sent.at, 1) for sent in crowd.server.sent if sent.model == model])


def no_more_tokens_are_used_than_the_rate_limit_allows(crowd: Crowd) -> None:
    """Besides those which were reserved for calls on their way, and given back."""
    most = crowd.tokens + crowd.gate.limit * MOST_TOKENS
    for model in (MODEL, OTHER):
        check_window(crowd, most, [(sent.at, sent.tokens) for sent in crowd.server.sent if sent.model == model])


def check_window(crowd: Crowd, limit: int, uses: list[tuple[float, int]]) -> None:
    """Check that no period, wherever it begins, has more than the limit."""
    counted, oldest = 0, 0
    for at, amount in uses:
        counted += amount
        while uses[oldest][0] <= at - crowd.per + 1e-6:
            counted -= uses[oldest][1]
            oldest += 1
        assert counted <= limit


def nothing_is_sent_to_a_model_that_asked_for_a_pause(crowd: Crowd) -> None:
    for model, start, end in crowd.server.pauses:
        assert not [each for each in crowd.server.sent if each.model == model and start < each.at < end - 1e-6]


def nothing_is_sent_for_a_call_after_its_output_began(crowd: Crowd) -> None:
    for sent in crowd.server.sent:
        assert sent.label.startswith("shared") or sent.at <= crowd.began.get(sent.label, sent.at)


def the_budget_is_never_exceeded_and_nothing_stays_reserved(crowd: Crowd) -> None:
    assert crowd.least_left >= 0
    assert crowd.budget.reserved == 0


def the_budget_has_spent_what_the_server_has_billed(crowd: Crowd) -> None:
    assert crowd.budget.spent == sum(crowd.server.billed.values())


def replies_cost_what_the_server_has_billed(crowd: Crowd) -> None:
    billed, replies, total = crowd.server.billed, [], Decimal(0)
    for label, outcomes in crowd.outcomes.items():
        if all(isinstance(outcome, Reply) for outcome in outcomes):
            cost = sum((outcome.cost.total for outcome in outcomes), Decimal(0))
            assert cost == billed[label] + billed[f"hint-for-{label}"], label
            replies += outcomes
            total += cost
    assert total == cost_report(replies).total


def all_connections_are_closed(crowd: Crowd) -> None:
    assert crowd.world.open == 0


def all_places_are_free_for_a_second_wave(crowd: Crowd) -> None:
    assert crowd.second_wave() == crowd.gate.limit
    assert crowd.gate.inside == 0
    assert all(isinstance(outcome, Reply) for outcome in crowd.outcomes["wave"])


LAWS: list[Law] = [
    every_call_ends_with_a_reply_or_a_typed_error,
    no_more_calls_run_at_once_than_allowed,
    waiting_calls_enter_in_their_order,
    waiting_requests_are_sent_in_their_order,
    no_more_requests_are_sent_than_the_rate_limit_allows,
    no_more_tokens_are_used_than_the_rate_limit_allows,
    nothing_is_sent_to_a_model_that_asked_for_a_pause,
    nothing_is_sent_for_a_call_after_its_output_began,
    the_budget_is_never_exceeded_and_nothing_stays_reserved,
    the_budget_has_spent_what_the_server_has_billed,
    replies_cost_what_the_server_has_billed,
    all_connections_are_closed,
    all_places_are_free_for_a_second_wave,
]


@pytest.mark.parametrize("group", range(len(GROUPS)))
def test_no_crowd_breaks_a_law(group: int) -> None:
    for seed in GROUPS[group]:
        crowd = Crowd(seed, SIZE)
        for law in LAWS:
            try:
                law(crowd)
            except AssertionError as error:
                raise AssertionError(f"seed {seed}: not so that {law.__name__.replace('_', ' ')}") from error


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_run(seed: int) -> None:
    first, second = Crowd(seed, 200), Crowd(seed, 200)
    assert first.trace == second.trace
    assert first.server.sent == second.server.sent
