from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stepwell.model_metadata.patches import Patch, read_patches
from stepwell.model_metadata.rows import as_row, merged, model_of
from stepwell.schemas.model import Model

ROWS = {"a-1": {"limit": {"context": 1, "output": 2}, "family": "a"}, "a-2": {}, "b-1": {}}


def applied(entry, rows=ROWS):
    (patch,) = read_patches({"provider": "p", **entry}, where="a test")
    after = dict(rows)
    patch.apply(after)
    return after


def test_set_is_merged_into_matching_rows():
    after = applied({"models": "a-*", "set": {"limit": {"context": 9}, "family": None}})
    assert after == {"a-1": {"limit": {"context": 9, "output": 2}}, "a-2": {"limit": {"context": 9}}, "b-1": {}}


def test_the_rows_given_stay_as_they_are():
    applied({"set": {"limit": {"context": 9}}})
    assert ROWS["a-1"]["limit"] == {"context": 1, "output": 2}


def test_a_patch_takes_several_patterns():
    assert [id for id, row in applied({"models": ["a-2", "b-?"], "set": {"x": 1}}).items() if row.get("x")] == [
        "a-2",
        "b-1",
    ]


def test_add_lists_new_rows_and_widens_old_ones():
    after = applied({"add": {"c": {"tools": True}, "a-1": {"name": "A"}}})
    assert after["c"] == {"tool_call": True}
    assert after["a-1"] == {**ROWS["a-1"], "name": "A"}


def test_exclude_removes_models():
    assert list(applied({"exclude": ["a-*"]})) == ["b-1"]


def test_a_complete_model_name_is_left_unchanged():
    own = Model("p", "a-1")
    assert applied({"set": {"x": 1}}, {"a-1": own}) == {"a-1": own}


def test_several_patches_in_one_file():
    assert len(read_patches([{"provider": "p"}, {"provider": "q*"}], where="a test")) == 2


def test_providers_match_by_pattern():
    (patch,) = read_patches({"provider": "azure*"}, where="a test")
    assert patch.touches("azure-cognitive-services")
    assert not patch.touches("openai")


@pytest.mark.parametrize(
    ("friendly", "row"),
    [
        ({"context_window": 1, "max_output_tokens": 2}, {"limit": {"context": 1, "output": 2}}),
        (
            {"input": ["text"], "modalities": {"output": ["image"]}},
            {"modalities": {"input": ["text"], "output": ["image"]}},
        ),
        ({"tools": True, "prices": {"input": 1}}, {"tool_call": True, "cost": {"input": 1}}),
    ],
)
def test_field_names_of_a_model_are_accepted(friendly, row):
    assert as_row(friendly) == row


def test_merging_does_not_change_its_arguments():
    old = {"a": {"b": 1}}
    assert merged(old, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}
    assert old == {"a": {"b": 1}}


def test_a_price_may_be_a_multiple_of_another_in_every_tier():
    cost = {
        "input": 5,
        "cache_write_1h": {"of": "input", "times": 2},
        "reasoning": {"of": "output", "times": 2},
        "tiers": [{"over": 100, "input": 7.5}],
    }
    prices = model_of("p", "m", {"cost": cost}).prices
    assert (str(prices.cache_write_1h), prices.reasoning) == ("10", None)
    assert str(prices.tiers[0].prices.cache_write_1h) == "15"


def test_tiers_may_start_at_other_sizes():
    cost = {"input": 1, "tiers": [{"over": 200_000, "input": 2}], "tiers_over": 272_000}
    assert [tier.over for tier in model_of("p", "m", {"cost": cost}).prices.tiers] == [272_000]


def test_a_cost_without_a_single_price_is_no_price_list():
    assert model_of("p", "m", {"cost": {"batch_factor": 0.5}}).prices is None


ALPHABET = st.text("ab-*?[]!", max_size=6)


@example(["-**"], ["a-", "-a"])
@given(st.lists(ALPHABET, min_size=1, max_size=3), st.lists(st.text("ab-", max_size=5), max_size=6))
def test_patterns_match_as_file_names_do(patterns, ids):
    patch = Patch("acme", tuple(patterns), set={"seen": True})
    rows = {id: {} for id in ids}
    patch.apply(rows)
    changed = {id for id, row in rows.items() if row}
    assert changed == {id for id in ids if any(fnmatchcase(id, pattern) for pattern in patterns)}
    missed = [pattern for pattern in patterns if not any(fnmatchcase(id, pattern) for id in ids)]
    assert patch.misses({id: {} for id in ids}) == next(iter(missed), None)
