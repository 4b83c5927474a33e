"""Patterns are searched in linear time, with the results of `re`."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.schemas.errors import SchemaError
from stepwell.schemas.json_schema.validate import errors_of
from stepwell.schemas.regex import compile_pattern

from chance import tries

# Each makes `re` take time exponential in the length of its text.
CATASTROPHES = [
    ("^(a+)+$", "a" * 27 + "!"),
    ("^(a+)+$", "a" * 5_000 + "!"),
    ("^(a|a)*$", "a" * 5_000 + "!"),
    ("^(a|ab|b)*c", "ab" * 2_000),
    ("^([a-zA-Z]+)*$", "a" * 5_000 + "1"),
    (r"^(\w+\s?)+$", "word " * 1_000 + "!"),
    (r"(.*a){12}x", "a" * 3_000),
    ("(x+x+)+y", "x" * 5_000),
    ("^(((a*)*)*)*b", "a" * 5_000),
    (r"^(\d+|\d+\.\d+)+$", "1" * 5_000 + "x"),
]


@pytest.mark.parametrize(("pattern", "text"), CATASTROPHES)
def test_catastrophic_patterns_end_in_time(pattern: str, text: str) -> None:
    assert not compile_pattern(pattern).search(text)
    assert [one.keyword for one in errors_of(text, {"pattern": pattern})] == ["pattern"]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"^(a+)\1+$", "back reference"),
        (r"^(\w+)(?<!x)+y*$", "lookahead or lookbehind"),
        ("a(?=(b+)+)c*", "lookahead or lookbehind"),
        ("^(a{1,200}){1,200}$", "counted repeats"),
        ("(?m)^(a+)+$", "multi-line"),
        (r"(a)?(?(1)b|c)+", "conditional"),
    ],
)
def test_a_pattern_without_a_time_bound_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    with pytest.raises(SchemaError, match=reason) as caught:
        compile_pattern(pattern, "/properties/a/pattern")
    assert "/properties/a/pattern" in str(caught.value)


@pytest.mark.parametrize("pattern", ["(", "[a", "a**", r"\p{L}", "(?<=a+)b", "*", "a{3,1}"])
def test_a_malformed_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(SchemaError, match=r"not a regular expression|cannot be matched"):
        compile_pattern(pattern)


def test_a_pattern_nested_too_deeply_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"nested too deeply|counted"):
        compile_pattern("(" * 900 + "a" + ")*" * 900)


@pytest.mark.parametrize(
    ("pattern", "found", "not_found"),
    [
        ("^[a-z]+$", ["abc"], ["", "aBc", "abc\n"]),
        ("b", ["abc"], ["aac"]),
        ("^$", [""], ["a", "\n"]),
        ("", ["", "a"], []),
        (r"^\d{4}-\d{2}$", ["2026-11"], ["2026-1", "x2026-11"]),
        (r"^(?=.*[A-Z])(?=.*\d)(?!.*\s).{4,}$", ["Abc1"], ["abc1", "Abcd", "Ab 1", "A1"]),
        (r"\bcat\b", ["a cat!", "cat"], ["concat", "cats"]),
        (r"\Bcat", ["concat"], ["a cat"]),
        ("^(?:foo|bar)?baz$", ["baz", "foobaz"], ["foobarbaz"]),
        ("^a.c$", ["abc", "a\u2028c"], ["a\nc"]),
        ("(?s)^a.c$", ["a\nc"], []),
        ("(?i)^straSSe$", ["STRASSE", "strasse"], ["stra"]),
        ("^[^a-c]$", ["d"], ["a", "dd"]),
        (r"^[\w.-]+@[\w-]+(\.[\w-]+)+$", ["a.b@c.de"], ["a@b", "@c.de"]),
        ("^(?<year>[0-9]{4})$", ["2026"], ["26"]),
        ("^.{1,3000}$", ["x" * 3_000], ["", "x" * 3_001]),
        (r"(?<!\d)\d{2}(?!\d)", ["a12b"], ["123"]),
        (r"^(a)\1$", ["aa"], ["ab"]),
        ("^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==)?$", ["aGk=" * 0, "aGk+", "aG=="], ["aG="]),
        (r"^https?:\/\/[^\s\/$.?#].[^\s]*$", ["https://a.b/c"], ["ftp://a"]),
        ("a{2,3}?b", ["aab", "aaab"], ["ab"]),
        (r"(?m)(?:a|\d)+b", ["x\n1ab"], ["a\nb"]),
        (r"^(?a:\w)+$", ["a_1"], ["é"]),
        # Classes of characters are those of ECMA-262: ASCII, but for the blanks.
        (r"^\d$", ["7"], ["\u07c0"]),
        (r"^\D$", ["\u07c0", "a"], ["7"]),
        (r"^\w$", ["a", "_"], ["é", "-"]),
        (r"^\W$", ["é", "-"], ["a"]),
        (r"^\s$", ["\ufeff", "\u2028", "\u00a0", " "], ["\x1c", "\x85", "a"]),
        (r"^\S$", ["\x85", "a"], ["\ufeff"]),
        (r"^[\W_]$", ["é", "_"], ["a"]),
        (r"^[^\W_]$", ["a"], ["é", "_"]),
        (r"é\b", ["éa"], ["é"]),
    ],
)
def test_patterns_of_real_schemas(pattern: str, found: list[str], not_found: list[str]) -> None:
    searcher = compile_pattern(pattern)
    assert all(searcher.search(text) for text in found)
    assert not any(searcher.search(text) for text in not_found)


ATOMS = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", r"\d", r"\w", r"\s", "_", "1", " "])


def wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"])).map(
            lambda part: f"(?:{part[0]}){part[1]}"
        ),
        inner.map(lambda part: f"^{part}"),
        inner.map(lambda part: f"{part}$"),
        inner.map(lambda part: rf"\b{part}"),
    )


@tries(4)
@given(st.recursive(ATOMS, wider, max_leaves=6), st.text(alphabet="abc1_ \t", max_size=8))
def test_searching_finds_the_same_as_re(pattern: str, text: str) -> None:
    assert bool(compile_pattern(pattern).search(text)) == bool(re.search(pattern, text))
