"""Searching with groups: the results of `re`, in linear time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.schemas.errors import SchemaError
from stepwell.schemas.regex import LinearPattern

CHARACTERS = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", r"\w", r"\d", r"\s", "(?i:A)", r"(?a:\w)", "é"])
PLACES = st.sampled_from(["", r"\b", r"\B", "^", "$", "(?m:^)", "(?m:$)", r"\Z"])
REPEATS = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{1,3}", "{2}", "{0,2}?"])


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        st.tuples(inner, inner).map("".join)
        | inner.map("({})".format)
        | st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})")
        # The inside of a repeat is never empty: there `re` has a way of its own.
        | st.tuples(CHARACTERS, inner, REPEATS).map(lambda parts: f"(?:{parts[0]}{parts[1]}){parts[2]}")
    )


@given(
    st.recursive(CHARACTERS | st.tuples(PLACES, CHARACTERS).map("".join), larger, max_leaves=8),
    st.text(st.sampled_from("aabbcA1 \né"), max_size=12),
)
def test_the_same_is_found_as_by_re(pattern: str, text: str) -> None:
    wanted, found = re.search(pattern, text), LinearPattern(pattern).search(text)
    assert (wanted and (wanted[0], *wanted.groups())) == (found and found.groups)


def test_groups_have_names() -> None:
    found = LinearPattern(r"(?P<year>\d{4})-(?P<month>\d\d)(-(?P<day>\d\d))?").search("in 2026-11.")
    assert found is not None
    assert found.named() == {"year": "2026", "month": "11", "day": None}


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(a*)*b", "a*a*a*a*a*b", "(.*)(.*)(.*)x"])
def test_patterns_that_hang_re_end_in_time(pattern: str) -> None:
    assert LinearPattern(pattern).search("a" * 3_000) is None


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?=a)", "(?<!a)b", "(?>a)", "a*+", "(a)(?(1)b|c)"])
def test_patterns_that_are_not_regular_are_refused(pattern: str) -> None:
    with pytest.raises(SchemaError, match="not regular"):
        LinearPattern(pattern)


@pytest.mark.parametrize("pattern", ["(", "a**", "[z-a]", "(" * 5_000, "a{5000}", "(a{90}){90}", "a" * 5_000])
def test_malformed_or_too_large_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(SchemaError):
        LinearPattern(pattern)
