"""The one module that reads and writes JSON: nothing is rounded, and one bad character costs no more than itself."""

from __future__ import annotations

import ast
import json
import math
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_turn import in_turn

from stepwell.schemas.json_text import (
    INDENT,
    SORT_KEYS,
    Fragment,
    JSONDecodeError,
    dumps,
    dumps_strictly,
    exact,
    loads,
    loads_fast,
    spaced,
    well_formed,
)

ROOT = Path(__file__).parents[2]
LONG = 123_456_789_012_345_678_901_234_567_890
numbers = st.integers(-(2**200), 2**200) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(categories=None, codec=None), max_size=8) | st.text('\ud83d\ude00a\\"u', max_size=6)
documents = st.recursive(
    numbers | texts | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


def with_whole_characters(value: Any) -> Any:
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


@given(value=documents, ascii=st.booleans(), indent=st.sampled_from([None, 0, 1]))
def test_all_json_is_read_exactly(value: Any, ascii: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii, indent=indent)
    read = loads(text)
    assert json.dumps(read) == json.dumps(with_whole_characters(value))
    assert json.dumps(loads(text.encode("utf-8", "surrogatepass"))) == json.dumps(read) or not ascii


@given(value=documents)
def test_written_json_is_read_as_the_same_value(value: Any) -> None:
    assert json.dumps(loads(dumps(value))) == json.dumps(with_whole_characters(value))
    assert json.dumps(loads(spaced(value))) == json.dumps(with_whole_characters(value))
    assert json.dumps(well_formed(value)) == json.dumps(with_whole_characters(value))


@in_turn("before", ["", " ", "[", "[1,", "[1, ", "[\n", '{"a":', '{"a": ', '{"a":\t', '{"b":[0.5,'])
@in_turn("number", [2**64, -(2**63) - 1, LONG, -LONG, 10**4000])
def test_a_long_integer_is_detected_at_every_place(before: str, number: int) -> None:
    text = before + str(number)
    text += {"[": "]", "{": "}"}.get(before[:1], "") if "[0" not in before else "]}"
    assert str(number) in json.dumps(loads(text))


def test_vectors_and_short_integers_are_read_once() -> None:
    for text in (b"[0.0012345678901234567890123, -1.5e-300]", b"[9223372036854775807, -9223372036854775808]", b"[1.0]"):
        value = loads_fast(text)
        assert exact(value, text) is value or b"-9223372036854775808" in text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", math.nan),
        ("[-Infinity]", [-math.inf]),
        ("1e400", math.inf),
        ("-0.0", -0.0),
        ("1.0", 1.0),
        ("\ufeff1", 1),
    ],
    ids=ascii,
)
def test_numbers_that_others_write_are_read(text: str, value: Any) -> None:
    assert repr(loads(text.encode())) == repr(value)


@pytest.mark.parametrize(
    "text",
    ["", "nope", '{"a":', "[1,]", "{'a': 1}", '"\\x"', '"a\nb"', '"\\ud83d', "[" * 100_000, b"\xff", "01"],
    ids=repr,
)
def test_invalid_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(JSONDecodeError):
        loads(text)


@dataclass
class Payment:
    wei: int
    to: str


def test_the_exact_writer_supports_the_types_of_the_fast_one() -> None:
    value = {"b": Payment(LONG, "a\ud83d"), "a": {Decimal(1)}, "c": Fragment(b"[1]"), "d": (1, LONG)}
    written = dumps(value, lambda given: [str(each) for each in given] + [LONG], SORT_KEYS | INDENT)
    assert list(json.loads(written)) == ["a", "b", "c", "d"]
    assert json.loads(written) == {
        "a": ["1", LONG],
        "b": {"wei": LONG, "to": "a\ufffd"},
        "c": [1],
        "d": [1, LONG],
    }


@pytest.mark.parametrize(
    "value",
    [{1, 2}, object(), {"a": [object()], "b": LONG}, {(1, 2): LONG}],
    ids=["a set", "an object", "an object inside", "a tuple as a name"],
)
def test_values_without_a_json_form_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        dumps(value)


def test_a_value_that_contains_itself_is_refused() -> None:
    circle: list[Any] = [LONG]
    circle.append(circle)
    with pytest.raises(TypeError):
        dumps(circle)


def test_the_strict_writer_reports_half_of_a_character() -> None:
    assert dumps_strictly([LONG]) == b"[%d]" % LONG
    with pytest.raises(TypeError):
        dumps_strictly(["\ud83d"])


def test_a_well_formed_value_is_returned_itself() -> None:
    value = {"a": ["b", ("c", 1)], "d": "\U0001f600"}
    assert well_formed(value) is value


def test_no_other_file_of_the_product_reads_or_writes_json() -> None:
    def names(node: ast.AST) -> set[str]:
        if isinstance(node, ast.Import):
            return {alias.name.partition(".")[0] for alias in node.names}
        return {(node.module or "").partition(".")[0]} if isinstance(node, ast.ImportFrom) and not node.level else set()

    offenders = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for layer in ("stepwell", "providers", "pipeline", "schemas", "model_metadata")
        for path in sorted((ROOT / layer).rglob("*.py"))
        if path != ROOT / "schemas" / "json_text.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if names(node) & {"json", "orjson"}
    ]
    assert not offenders
