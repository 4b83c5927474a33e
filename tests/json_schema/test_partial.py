"""Partial values grow as their text arrives, and nothing is taken back."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.schemas.errors import DecodeError
from stepwell.schemas.json_schema.decode import loads_exact
from stepwell.schemas.json_schema.partial import MISSING, PartialJSON

TEXTS = st.text(alphabet=st.sampled_from('ab"\\/\n\t\u2028\x85é😀{}[],:` 0'), max_size=12)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
DOCUMENTS = st.builds(
    lambda value, ascii_only, indent: json.dumps(value, ensure_ascii=ascii_only, indent=indent),
    VALUES,
    st.booleans(),
    st.sampled_from([None, 1]),
)


def complete(prefix: str) -> Any:
    """Read the beginning of a document at once."""
    return PartialJSON().feed(prefix)


def part_of(early: Any, late: Any) -> bool:
    """Check whether `late` can have grown from `early`."""
    if early is MISSING:
        return True
    if type(early) is not type(late):
        return False
    if isinstance(early, str):
        return bool(late.startswith(early))
    if isinstance(early, list):
        return len(early) <= len(late) and all(map(part_of, early, late))
    if isinstance(early, dict):
        grown = list(late)[: len(early)] == list(early)
        return grown and all(part_of(early[name], late[name]) for name in early)
    return bool(early == late)


@given(DOCUMENTS)
def test_every_prefix_gives_a_part_of_the_next_and_of_the_whole(text: str) -> None:
    whole = loads_exact(text)
    parser = PartialJSON()
    before: Any = MISSING
    for char in text:
        now = copy.deepcopy(parser.feed(char))
        assert part_of(before, now)
        assert part_of(now, whole)
        before = now
    assert parser.finish() == whole
    assert parser.complete


@given(DOCUMENTS, st.data())
def test_every_split_of_the_text_has_the_same_result(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    parser = PartialJSON()
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        assert parser.feed(text[start:end]) == complete(text[:end])
    assert parser.finish() == loads_exact(text)


@pytest.mark.parametrize(
    ("prefix", "value"),
    [
        ("", MISSING),
        ("  ", MISSING),
        ("12", MISSING),
        ("12 ", 12),
        ("tru", MISSING),
        ("[", []),
        ("[1", []),
        ("[12.", []),
        ("[1,", [1]),
        ("[1e5,", [100_000.0]),
        ("[tru", []),
        ("[true,nul", [True]),
        ('"', ""),
        ('"ab', "ab"),
        ('"ab\\', "ab"),
        ('"ab\\u00e', "ab"),
        ('"ab\\u00e9', "abé"),
        ('"\\ud83d', ""),
        ('"\\ud83d\\ude0', ""),
        ('"\\ud83d\\ude00', "😀"),
        ("{", {}),
        ('{"a', {}),
        ('{"a"', {}),
        ('{"a":', {}),
        ('{"a":"', {"a": ""}),
        ('{"a":{"b":[', {"a": {"b": []}}),
        ('{"a":1', {}),
        ('{"a":1}', {"a": 1}),
        (f"[{2**80},", [2**80]),
        ('"\\ud83d', ""),
        ('"\\ud83d\\', ""),
        ('"\\ud83d\\ude0', ""),
        ('"\\ud83d\\ude00', "\U0001f600"),
        ('"\\ud83dx', "\ufffdx"),
        ('"\\ud83d\\n', "\ufffd\n"),
        ('"\\ud83d"', "\ufffd"),
        ('"\\ude00', "\ufffd"),
        ('"\\ud83d\\u0041', "\ufffdA"),
        ('"\\ud83d\\ud83d\\ude00', "\ufffd\U0001f600"),
    ],
)
def test_a_prefix_gives_its_certain_part(prefix: str, value: Any) -> None:
    found = complete(prefix)
    assert found is value if value is MISSING else (found == value and type(found) is type(value))


@pytest.mark.parametrize(
    "text",
    [
        "nope ",
        "[1 2",
        "[1,]",
        "[,",
        "{1",
        '{"a" 1',
        '{"a":1,}',
        "[}",
        "]",
        '{"a":1}x',
        "01,",
        "[1.]",
        "[+1,",
        "[NaN,",
        '"a\nb',
        '"\\x',
        '"\\u12g',
        '{"a":1,"a":',
        "[1e400,",
        "[" * 1_001,
        "[" + "1" * 301 + ",",
        "[" + "1" * 5_000,
        "[\u00a01",
        "\ufeff1 ",
    ],
    ids=lambda text: repr(text)[:20],
)
def test_text_that_is_not_json_is_a_typed_error_and_stays_one(text: str) -> None:
    parser = PartialJSON()
    with pytest.raises(DecodeError):
        parser.feed(text)
    with pytest.raises(DecodeError):
        parser.feed(" ")
    with pytest.raises(DecodeError):
        loads_exact(text)


@pytest.mark.parametrize("text", ["", "[1", '{"a":12', '"abc', "tru", "-", '{"a":1,'])
def test_text_that_ends_early_does_not_finish(text: str) -> None:
    parser = PartialJSON()
    parser.feed(text)
    with pytest.raises(DecodeError):
        parser.finish()


@pytest.mark.parametrize("text", ["12", "-0.5e3", "true", "null"])
def test_a_bare_value_ends_with_the_text(text: str) -> None:
    parser = PartialJSON()
    assert parser.feed(text) is MISSING
    assert not parser.complete
    assert parser.finish() == loads_exact(text)


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"a": "```"}\n```',
        '\n```\n{"a": "```"}\n``` and so on',
        '\ufeff  ```JSON  \n{"a": "```"}',
        '  {"a": "```"}  ',
    ],
)
def test_a_code_fence_is_accepted_when_allowed(text: str) -> None:
    parser = PartialJSON(fenced=True)
    for char in text:
        assert part_of(parser.feed(char), {"a": "```"})
    assert parser.finish() == {"a": "```"}


def test_a_code_fence_is_an_error_when_not_allowed() -> None:
    with pytest.raises(DecodeError):
        PartialJSON().feed('```json\n{"a":1}\n```')


@pytest.mark.parametrize(
    ("text", "allowed", "value", "repairs"),
    [
        ("[1, 2,]", {"loose": True}, [1, 2], {"removed a trailing comma": 1}),
        ('{"a": 1 , }', {"loose": True}, {"a": 1}, {"removed a trailing comma": 1}),
        ('["a\nb\tc"]', {"loose": True}, ["a\nb\tc"], {"escaped a control character in a string": 2}),
        ('{"a": [1, {"b": 2}', {"unclosed": True}, MISSING, {}),
        ('{"a": [{"b": [2}]}', {"unclosed": True}, {"a": [{"b": [2]}]}, {"closed an open list or object": 1}),
        ('{"a": [[1, 2}', {"unclosed": True}, {"a": [[1, 2]]}, {"closed an open list or object": 2}),
        ('{"a": (1, 2)}', {"tuples": True}, {"a": [1, 2]}, {"replaced round brackets": 1}),
    ],
)
def test_each_repair_is_made_where_it_is_allowed_and_counted(
    text: str, allowed: dict[str, bool], value: Any, repairs: dict[str, int]
) -> None:
    parser = PartialJSON(**allowed)  # type: ignore[arg-type]
    for char in text:
        parser.feed(char)
    assert parser.value == value if parser.complete else value is MISSING
    assert parser.repairs == repairs
    with pytest.raises(DecodeError):
        PartialJSON().finish(text)


@pytest.mark.parametrize("text", ["[1,,]", "[,1]", '{"a":,}', "[1,}", '["\\\n"]', "(1]", "[(1])"])
def test_nothing_else_is_repaired(text: str) -> None:
    with pytest.raises(DecodeError):
        PartialJSON(loose=True, tuples=True).finish(text)


def test_reading_stops_at_the_end_of_a_value_that_text_may_follow() -> None:
    parser = PartialJSON(followed=True)
    assert parser.feed('{"a": 1} and {"b": 2}') == {"a": 1}
    assert parser.complete
    assert parser.end == len('{"a": 1}')


def test_the_place_of_an_error_is_counted_from_the_beginning() -> None:
    parser = PartialJSON()
    parser.feed('{"a": [1, 2')
    with pytest.raises(DecodeError, match="at character 13"):
        parser.feed(", ,")


def test_long_strings_are_copied_a_bounded_number_of_times() -> None:
    class Counting(PartialJSON):
        copied = 0

        def _replace(self, value: Any) -> None:
            self.copied += len(value)
            super()._replace(value)

    parser = Counting()
    size, step = 2_000_000, 100
    parser.feed('["')
    for _ in range(size // step):
        parser.feed("x" * step)
    assert parser.copied < 20 * size + 65_536**2 // step
    parser.feed('"]')
    assert parser.finish() == ["x" * size]


def test_missing_is_false_and_not_none() -> None:
    assert not MISSING
    assert MISSING is not None
    assert repr(MISSING) == "MISSING"
    assert complete("null ") is None
