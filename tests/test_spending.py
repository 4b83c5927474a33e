"""The costs of many calls together."""

from __future__ import annotations

import json
from decimal import Decimal

import httpx
import pytest

from stepwell import Client, Reply
from stepwell.catalog import Model
from stepwell.costs import Usage, cost_report
from stepwell.schemas.errors import ConfigError, StreamTruncated
from stepwell.schemas.prices import Prices, Tier

SONNET = Model("acme", "sonnet", prices=Prices(input=3, output=15, cache_read="0.3"))
TIERED = Model("acme", "tiered", prices=Prices(input=1, output=2, tiers=(Tier(1000, Prices(input=2, output=4)),)))
FREE = Model("acme", "mystery")


def call(model: Model, **usage: object) -> Reply:
    return Reply(usage=Usage(**usage), billed_model=model)  # type: ignore[arg-type]


THREE = [
    call(SONNET, input_tokens=1000, cached_input_tokens=400, output_tokens=100),
    call(SONNET, input_tokens=2000, output_tokens=10),
    call(TIERED, input_tokens=500, output_tokens=5),
]


def test_totals_by_model_and_by_kind_of_token_are_exact():
    report = cost_report(THREE)
    assert report.models["acme:sonnet"].buckets == {
        "input": Decimal("0.0078"),
        "cache_read": Decimal("0.00012"),
        "output": Decimal("0.00165"),
    }
    assert report.models["acme:tiered"].total == Decimal("0.00051")
    assert report.total == Decimal("0.01008") == sum(report.all.buckets.values())
    assert (report.all.calls, report.all.usage.input_tokens, report.all.complete) == (3, 3500, True)


def test_each_call_is_priced_by_itself():
    """Four prompts of 500 tokens are no prompt of 2,000."""
    assert cost_report([call(TIERED, input_tokens=500, output_tokens=0)] * 4).total == Decimal("0.002")


def test_a_reply_of_several_steps_counts_as_its_steps():
    whole = Reply(usage=Usage(input_tokens=1000, output_tokens=10), billed_model=TIERED, steps=tuple(THREE))
    report = cost_report([whole])
    assert report == cost_report(THREE)
    assert report.total == whole.cost.total


def test_an_unknown_price_is_counted_with_its_reason_and_is_not_zero():
    report = cost_report([*THREE, call(FREE, input_tokens=9, output_tokens=9), call(SONNET)])
    assert report.total == cost_report(THREE).total
    assert (report.all.unknown, report.all.complete) == (2, False)
    assert report.models["acme:mystery"].reasons == {"no price is known for this model": 1}
    assert report.models["acme:sonnet"].reasons == {"the provider reported no token counts": 1}
    assert "not counted: 1 of acme:mystery, no price is known for this model" in str(report)
    assert [line.split()[-1] for line in str(report).splitlines() if line.startswith("acme:mystery")] == ["?"]


def test_a_provider_reported_cost_is_shown_beside_ours():
    report = cost_report([call(SONNET, input_tokens=1000, output_tokens=0, reported_cost=Decimal("0.0029")), THREE[1]])
    assert report.all.reported == Decimal("0.0029")
    assert report.all.listed == Decimal("0.00915")
    assert report.total == Decimal("0.0029") + Decimal("0.00615")
    assert "reported by providers themselves: $0.0029" in str(report)


def test_usage_that_broke_off_makes_a_lower_bound():
    error = StreamTruncated("cut", partial=call(SONNET, input_tokens=1000, output_tokens=1, complete=False))
    report = cost_report([error, StreamTruncated("nothing came")])
    assert (report.all.calls, report.total, report.all.lower_bound) == (1, Decimal("0.003015"), True)
    assert "at least" in str(report)


def test_the_table_of_models_is_readable():
    assert str(cost_report(THREE)).splitlines() == [
        "model        calls  input  cached  output        $",
        "acme:sonnet      2  3,000     400     110  0.00957",
        "acme:tiered      1    500       ?       5  0.00051",
        "all              3  3,500     400     115  0.01008",
        "by kind: input $0.0083, output $0.00166, cache_read $0.00012",
    ]


def test_nothing_costs_nothing():
    report = cost_report([])
    assert (report.total, report.all.calls, report.models) == (0, 0, {})
    assert "all" in str(report)


def test_the_plain_form_of_a_report_is_json_with_every_digit():
    reported = json.loads(json.dumps(cost_report(THREE).to_dict()))
    assert reported["all"]["total"] == "0.01008"
    assert reported["models"]["acme:tiered"]["buckets"] == {"input": "0.0005", "output": "0.00001"}


def test_a_serialised_value_that_is_not_a_reply_is_refused():
    with pytest.raises(ConfigError, match="made of replies"):
        cost_report(["hello"])  # type: ignore[list-item]


def test_real_replies_add_up():
    body = {
        "choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 500},
        "service_tier": "flex",
    }
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
    with Client(transport=transport, api_keys={"openai": "k"}) as client:
        replies = [client.generate_text("openai:gpt-5.4", "hi", service_tier="flex") for _ in range(2)]
    report = cost_report(replies)
    assert list(report.models) == ["openai:gpt-5.4"]
    assert report.total == 2 * (Decimal("0.00125") + Decimal("0.00375"))
