"""Costs of calls, computed by hand at made-up or published prices."""

from __future__ import annotations

import decimal
import pickle
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.schemas.errors import ConfigError
from stepwell.schemas.model import Model
from stepwell.schemas.prices import Cost, Prices, Tier, price, tokens_by_bucket, total_cost
from stepwell.schemas.reply import Reply
from stepwell.schemas.usage import Usage

SONNET = Prices(input=3, output=15, cache_read="0.30", cache_write="3.75", cache_write_1h=6, batch_factor="0.5")
TIERED = Prices(
    input="1.25",
    output=10,
    cache_read="0.125",
    tiers=(Tier(200_000, Prices(input="2.5", output=15, cache_read="0.25")),),
)


def cost_of(prices: Prices | None, **counts: int) -> Cost:
    return price(Usage(**counts), prices)


def test_plain_tokens_have_their_price():
    cost = cost_of(SONNET, input_tokens=1_000_000, output_tokens=100_000)
    assert cost.items == {"input": Decimal(3), "output": Decimal("1.5")}
    assert cost.total == Decimal("4.5")


def test_cached_input_is_billed_once_at_the_price_of_a_cache_read():
    cost = cost_of(SONNET, input_tokens=10_000, cached_input_tokens=8_000, output_tokens=500)
    assert cost.items == {"input": Decimal("0.006"), "cache_read": Decimal("0.0024"), "output": Decimal("0.0075")}
    assert cost.total == Decimal("0.0159")


def test_cache_writes_are_split_by_their_life():
    cost = cost_of(SONNET, input_tokens=10_000, cache_write_tokens=9_000, cache_write_1h_tokens=4_000, output_tokens=0)
    assert cost.items == {
        "input": Decimal("0.003"),
        "cache_write": Decimal("0.01875"),
        "cache_write_1h": Decimal("0.024"),
    }


@pytest.mark.parametrize(
    ("input_tokens", "total_cost"),
    [(200_000, Decimal("0.25") + Decimal("0.01")), (200_001, Decimal("0.5000025") + Decimal("0.015"))],
)
def test_a_tier_reprices_the_whole_request_above_its_threshold_and_not_at_it(input_tokens, total_cost):
    assert cost_of(TIERED, input_tokens=input_tokens, output_tokens=1_000).total == total_cost


def test_cached_tokens_count_towards_a_tier():
    cost = cost_of(TIERED, input_tokens=200_001, cached_input_tokens=200_000, output_tokens=0)
    assert cost.items == {"cache_read": Decimal("0.05"), "input": Decimal("0.0000025")}


def test_the_highest_tier_reached_applies():
    prices = Prices(input=1, tiers=(Tier(256_000, Prices(input=4)), Tier(32_000, Prices(input=2))))
    assert [prices.at(tokens).input for tokens in (32_000, 32_001, 256_000, 256_001)] == [1, 2, 2, 4]


def test_reasoning_is_output_unless_it_has_a_price_of_its_own():
    used = {"input_tokens": 0, "output_tokens": 1_000, "reasoning_tokens": 600}
    assert cost_of(Prices(input=1, output=2), **used).items == {"output": Decimal("0.002")}
    own = cost_of(Prices(input=1, output=2, reasoning=5), **used)
    assert own.items == {"output": Decimal("0.0008"), "reasoning": Decimal("0.003")}


def test_reasoning_beyond_the_output_is_cut_to_fit():
    cost = cost_of(Prices(input=1, output=2, reasoning=5), input_tokens=0, output_tokens=100, reasoning_tokens=700)
    assert cost.items == {"reasoning": Decimal("0.0005")}


def test_audio_is_taken_out_of_text():
    prices = Prices(input=4, output=16, input_audio=32, output_audio=64)
    used = {"input_tokens": 1_000, "input_audio_tokens": 900, "output_tokens": 500, "output_audio_tokens": 400}
    assert cost_of(prices, **used).items == {
        "input": Decimal("0.0004"),
        "input_audio": Decimal("0.0288"),
        "output": Decimal("0.0016"),
        "output_audio": Decimal("0.0256"),
    }


def test_tokens_read_from_a_cache_without_a_price_are_not_counted():
    """They cost no more than other input, most often a tenth: what is sure is a lower bound."""
    cost = cost_of(Prices(input=2, output=8), input_tokens=1_500, cached_input_tokens=1_000, output_tokens=0)
    assert cost.items == {"input": Decimal("0.001")}
    assert cost.lower_bound and "1000 tokens are not counted" in (cost.reason or "")


def test_a_cache_for_an_hour_has_no_parent():
    cost = cost_of(Prices(input=2, output=8), input_tokens=9, cache_write_tokens=9, cache_write_1h_tokens=9)
    assert (cost.total, cost.reason) == (None, "no price is known for cache_write_1h tokens")


def test_a_batch_halves_everything():
    usage = Usage(input_tokens=10_000, cached_input_tokens=8_000, output_tokens=500)
    assert price(usage, SONNET, batch=True).total == Decimal("0.00795")


def test_a_batch_may_leave_cached_input_at_its_price():
    prices = Prices(input=2, output=8, cache_read="0.5", batch_factor="0.5", batch_cache_read_factor=1)
    usage = Usage(input_tokens=2_000, cached_input_tokens=1_000, output_tokens=1_000)
    assert price(usage, prices, batch=True).items == {
        "input": Decimal("0.001"),
        "cache_read": Decimal("0.0005"),
        "output": Decimal("0.004"),
    }


def test_a_batch_without_a_known_discount_has_no_price():
    cost = price(Usage(input_tokens=1, output_tokens=1), TIERED, batch=True)
    assert (cost.total, cost.reason) == (None, "no batch price is known for this model")


def test_a_mode_has_a_list_of_its_own():
    prices = Prices(input=1, output=2, modes={"fast": Prices(input=10, output=20)})
    usage = Usage(input_tokens=100, output_tokens=100)
    assert price(usage, prices, mode="fast").total == Decimal("0.003")
    assert price(usage, prices, mode="slow").reason == "no price is known for the mode 'slow' of this model"


SERVED = Prices(
    input=2,
    output=8,
    batch_factor="0.5",
    tiers=(Tier(100, Prices(input=4, output=12)),),
    modes={"flex": Prices(input=1, output=4), "fast": Prices(input=20, output=80)},
)


@pytest.mark.parametrize(
    ("tier", "expected"),
    [
        (None, "0.001"),
        ("default", "0.001"),
        ("ON_DEMAND", "0.001"),
        ("flex", "0.0005"),
        ("fast", "0.01"),
        ("batch", "0.0005"),
    ],
)
def test_a_call_is_priced_by_its_service_tier(tier, expected):
    usage = Usage(input_tokens=100, output_tokens=100, service_tier=tier)
    assert price(usage, SERVED).total == Decimal(expected)


def test_a_service_tier_without_a_price_makes_the_cost_unknown():
    cost = price(Usage(input_tokens=100, output_tokens=100, service_tier="scale"), SERVED)
    assert (cost.total, cost.reason) == (None, "no price is known for the mode 'scale' of this model")


def test_the_reported_mode_wins_over_the_tier_in_the_usage():
    usage = Usage(input_tokens=100, output_tokens=0, service_tier="flex")
    assert price(usage, SERVED, mode="fast").total == Decimal("0.002")
    assert price(usage, SERVED, mode=None, batch=False).total == Decimal("0.0001")


def test_a_list_times_a_factor_keeps_its_tiers_and_stays_exact():
    half = SERVED.times("0.1")
    assert (half.input, half.output) == (Decimal("0.2"), Decimal("0.8"))
    assert half.at(101).output == Decimal("1.2")
    assert half.modes == {} and half.batch_factor is None


def test_a_reply_of_several_steps_costs_the_sum_of_its_steps():
    """Added up, their input would be past the threshold of the tier."""
    model = Model("acme", "m-1", prices=SERVED)
    steps = tuple(Reply(usage=Usage(input_tokens=60, output_tokens=0), billed_model=model) for _ in range(2))
    reply = Reply(usage=Usage(input_tokens=120, output_tokens=0), billed_model=model, steps=steps)
    assert reply.cost.total == Decimal("0.00024")


def test_an_unknown_price_is_none_with_the_reason():
    cost = cost_of(None, input_tokens=1, output_tokens=1)
    assert (cost.total, cost.reason) == (None, "no price is known for this model")


def test_a_free_model_has_a_known_cost_of_zero():
    assert cost_of(Prices(input=0, output=0), input_tokens=10, output_tokens=10).total == 0


@pytest.mark.parametrize(
    ("usage", "reason"),
    [(None, "the provider reported no usage"), (Usage(), "the provider reported no token counts")],
)
def test_without_usage_there_is_no_cost(usage, reason):
    assert price(usage, SONNET) == Cost(None, reason=reason)


def test_usage_that_broke_off_gives_a_lower_bound():
    cost = price(Usage(input_tokens=1_000, output_tokens=2, complete=False), SONNET)
    assert (cost.total, cost.lower_bound) == (Decimal("0.00303"), True)


def test_a_missing_count_gives_a_lower_bound():
    assert cost_of(SONNET, input_tokens=1_000).lower_bound
    assert not cost_of(Prices(input=1, output=0), input_tokens=1_000).lower_bound  # embeddings report no output


def test_charges_besides_tokens_make_a_lower_bound():
    prices = Prices(input=1, output=1, other_charges="a fee per search")
    assert cost_of(prices, input_tokens=1, output_tokens=1).lower_bound


def test_the_providers_own_cost_wins():
    cost = price(Usage(input_tokens=1, output_tokens=1, reported_cost=Decimal("0.00042")), SONNET)
    assert (cost.total, cost.source) == (Decimal("0.00042"), "reported by the provider")


def test_a_cost_has_the_source_and_date_of_its_prices():
    cost = cost_of(Prices(input=1, output=1, as_of="2026-08-18", source="the moon"), input_tokens=1, output_tokens=1)
    assert (cost.as_of, cost.source) == ("2026-08-18", "the moon")


@pytest.mark.parametrize("wrong", [-1, "-0.01", "cheap", float("nan"), float("inf"), True])
def test_an_invalid_price_is_refused(wrong):
    with pytest.raises(ConfigError, match="a price must be zero or more"):
        Prices(input=wrong)


def test_prices_read_as_they_are_written():
    assert Prices(input=0.1, output="0.30").input == Decimal("0.1")


def test_the_precision_of_the_application_does_not_matter():
    with decimal.localcontext(decimal.Context(prec=2, traps=[decimal.Inexact])):
        cost = cost_of(Prices(input="1.2345678", output=1), input_tokens=987_654_321, output_tokens=1)
    assert cost.total == Decimal("1219.3262222374638") + Decimal("0.000001")


def test_costs_add_up_over_calls():
    costs = [cost_of(SONNET, input_tokens=1_000, output_tokens=10), cost_of(SONNET, input_tokens=2_000)]
    both = total_cost(costs)
    assert both.total == Decimal("0.00915")
    assert both.items == {"input": Decimal("0.009"), "output": Decimal("0.00015")}
    assert both.lower_bound
    assert total_cost([*costs, cost_of(None, input_tokens=1)]).reason == "no price is known for this model"


def test_prices_and_costs_pickle():
    for value in (TIERED, cost_of(TIERED, input_tokens=1, output_tokens=1)):
        assert pickle.loads(pickle.dumps(value)) == value


COUNT = st.none() | st.integers(0, 10**7)
PRICE = st.none() | st.decimals(0, 1_000, places=6)
BUCKETS = ("input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning", "input_audio", "output_audio")
USAGES = st.builds(
    Usage,
    input_tokens=st.integers(0, 10**7),
    output_tokens=st.integers(0, 10**7),
    cached_input_tokens=COUNT,
    cache_write_tokens=COUNT,
    cache_write_1h_tokens=COUNT,
    reasoning_tokens=COUNT,
    input_audio_tokens=COUNT,
    output_audio_tokens=COUNT,
)
LISTS = st.builds(Prices, **dict.fromkeys(BUCKETS, PRICE))


@given(USAGES, LISTS)
def test_every_token_is_counted_once(usage, prices):
    counts = tokens_by_bucket(usage, prices)
    assert sum(counts.values()) == usage.total_tokens
    assert all(count > 0 for count in counts.values())


@given(USAGES, LISTS)
def test_a_total_is_the_sum_of_its_items_and_never_negative(usage, prices):
    cost = price(usage, prices)
    if cost.total is None:
        assert cost.reason
    else:
        assert cost.total == sum(cost.items.values()) >= 0


def test_plain_usage_costs_the_same_by_the_short_way() -> None:
    lists = [Prices("0.15", "0.6"), Prices(0, "0.6", as_of="2026-01-01"), Prices("3", 0, batch_factor="0.5")]
    plain = [Usage(10, 5), Usage(0, 7), Usage(3, 0), Usage(0, 0), Usage(9, 9, reasoning_tokens=4, service_tier="auto")]
    for prices in lists:
        for usage in plain:
            assert price(usage, prices) == price(usage, prices, batch=False)
