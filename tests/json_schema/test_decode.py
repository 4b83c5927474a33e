"""JSON is read exactly or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.schemas.errors import DecodeError
from stepwell.schemas.json_schema.decode import loads_exact

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**60), 10**60) | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.booleans())
def test_json_is_read_back_as_written(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    read = loads_exact(text)
    assert read == value
    assert json.dumps(read) == json.dumps(value)
    assert loads_exact(text.encode()) == value


@pytest.mark.parametrize("digits", ["18446744073709551616", "-9223372036854775809", str(2**200), "1" * 300])
def test_integers_of_any_size_stay_exact(digits: str) -> None:
    assert loads_exact(f'{{"n": [{digits}]}}') == {"n": [int(digits)]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "nope",
        "NaN",
        "[Infinity]",
        "-Infinity",
        '{"a":',
        '{"a":1}{"b":2}',
        "[1,]",
        "{'a':1}",
        "01",
        "+1",
        ".5",
        '"\\x"',
        '"a\nb"',
        "\ufeff1",
        "1e400",
        "-1e400",
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 5_000 + "1" + "}" * 5_000,
        "1" * 1_000_000,
        "1" * 305,
        '{"a":1,"a":2}',
        '[{"b":{"x":1,"x":1}}]',
        b"\xff",
    ],
    ids=lambda text: repr(text)[:20],
)
def test_anything_else_is_a_typed_error(text: str | bytes) -> None:
    with pytest.raises(DecodeError):
        loads_exact(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"\\ud83d"', "\ufffd"),
        ('"\\ude00\\ud83d"', "\ufffd\ufffd"),
        ('"\\ud83d\\ud83d\\ude00"', "\ufffd\U0001f600"),
        ('"\\\\ud83d"', "\\ud83d"),
        ('"\ud83d"', "\ufffd"),
        ('"\ud83d\ude00"', "\U0001f600"),
        (b'"\xc3"', "\ufffd"),
    ],
    ids=ascii,
)
def test_half_of_a_character_is_read_as_the_replacement_character(text: str | bytes, value: str) -> None:
    assert loads_exact(text) == value


def test_the_error_reports_the_place_and_not_the_content() -> None:
    with pytest.raises(DecodeError) as caught:
        loads_exact('{"a": canary-7f3a}')
    assert "character 6" in str(caught.value)
    assert "canary" not in str(caught.value)
