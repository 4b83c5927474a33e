"""Slightly malformed JSON of a model is repaired, and each repair is listed."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stepwell.schemas.errors import DecodeError
from stepwell.schemas.json_schema.repair import repair

TEXTS = st.text(alphabet=st.sampled_from('ab"\\/\n\t,}]{[:`é😀\ufeff '), max_size=10)
OBJECTS = st.dictionaries(
    TEXTS,
    st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=3)),
    max_size=4,
)


AROUND = ["removed text around the JSON"]


@pytest.mark.parametrize(
    ("text", "value", "repairs"),
    [
        ('{"a": 1}', {"a": 1}, []),
        ('\ufeff{"a": 1}', {"a": 1}, ["removed a byte order mark"]),
        ('```json\n{"a": 1}\n```', {"a": 1}, ["removed a code fence"]),
        ("```\n[1, 2]\n```\n", [1, 2], ["removed a code fence"]),
        ('{"a": [1, 2,], }', {"a": [1, 2]}, ["removed a trailing comma (2)"]),
        ('Sure! Here it is: {"a": 1}. Enjoy.', {"a": 1}, ["removed text around the JSON"]),
        ('As [asked], {"a": [1]}', {"a": [1]}, ["removed text around the JSON"]),
        ('See [1] for {"a": {"b": [1, 2, 3]}}', {"a": {"b": [1, 2, 3]}}, ["removed text around the JSON"]),
        (
            '{"a": "two\nlines\tand a tab"}',
            {"a": "two\nlines\tand a tab"},
            ["escaped a control character in a string (2)"],
        ),
        ('{"a": [1, {"b": 2}', {"a": [1, {"b": 2}]}, ["closed what the text left open (1)"]),
        ('{"a": [1, 2}', {"a": [1, 2]}, ["closed an open list or object (1)"]),
        ('{"a": "cut sh', {"a": "cut sh"}, ["closed what the text left open (1)"]),
        ('{"a": 1, "n": 12', {"a": 1}, ["closed what the text left open (1)"]),
        ('{"a": 1, "b', {"a": 1}, ["closed what the text left open (1)"]),
        ('{"a": "x\\', {"a": "x"}, ["closed what the text left open (1)"]),
        ('{"code": "```py\\n[1,]\\n```",}', {"code": "```py\n[1,]\n```"}, ["removed a trailing comma (1)"]),
        (
            'Example: {"x": 1}\n```json\n{"a": 2}\n```',
            {"a": 2},
            ["removed a code fence", "removed text around the JSON"],
        ),
        ("```json\n5\n```", 5, ["removed a code fence"]),
        ('Here:\n```\n"yes"\n```\nDone.', "yes", ["removed a code fence", "removed text around the JSON"]),
        ("```\n5\n```\n[1]", [1], ["removed a code fence", "removed text around the JSON"]),
        ('{"a": "draft of it"}\n{"a": "x"}', {"a": "x"}, AROUND),
        ('<think>{"a": "a draft"}?</think>{"a": "x"}', {"a": "x"}, AROUND),
        ('{"a": "x"}<think>{"a": "y"} was wrong</think>', {"a": "x"}, AROUND),
        ('{"a": "a draft"}?</think>\n{"a": "x"},', {"a": "x"}, AROUND),
        ('{"a": "x"} <THINKING>or {"a": "y"}', {"a": "x"}, AROUND),
        ('<think>[{</think>{"a": "<think>{"}', {"a": "<think>{"}, ["removed text around the JSON"]),
        ('<think>all of it: {"a": "x"}', {"a": "x"}, ["removed text around the JSON"]),
        ("<think>5 or 7?</think>\n\n7", 7, ["removed text around the JSON"]),
        (" ".join(f"[{word}]" for word in "abcdefghijklmnopqrstuvwxyz") + ' {"a": 1}', {"a": 1}, AROUND),
        (f'{{"n": {2**70},}}', {"n": 2**70}, ["removed a trailing comma (1)"]),
    ],
)
def test_light_damage_is_repaired_and_reported(text: str, value: Any, repairs: list[str]) -> None:
    assert repair(text) == (value, repairs)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('I considered ["x", "y", "z"].\n{"a": "x"}', {"a": "x"}),
        ('{"a": "x"}\nSources: [1], [2]', {"a": "x"}),
        ('{"a": "x"}, as in [1]: ```json\n["the", "list"]\n```', {"a": "x"}),
        ('{"a": "draft"}, or rather {"a": "x"}', {"a": "x"}),
        ('<think>{"a": "draft"}</think>[1]', [1]),
        ("[1] [2]", [2]),
    ],
)
def test_the_last_of_several_documents_that_fits_is_used(text: str, value: Any) -> None:
    assert repair(text, lambda found: isinstance(found, dict))[0] == value


@pytest.mark.parametrize(
    "text",
    [
        "[1] " * 50_000,
        "[a] " * 50_000,
        "<think>" * 50_000,
        "<think>{</think>" * 20_000,
        "```json\n" * 20_000,
        "```\n{" * 20_000,
        "```\n5\n" * 20_000,
        "```" + " " * 200_000,
        '{"a": "' + "```\n[" * 20_000 + '"}',
    ],
    ids=range(9),
)
def test_the_time_is_linear_in_the_text(text: str) -> None:
    began = time.process_time()
    with contextlib.suppress(DecodeError):
        repair(text, lambda found: False)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nope",
        "{a: 1}",
        "{'a': 1}",
        "[1,,2]",
        '{"a" 1}',
        "[1 2]",
        '{"a":1,"a":2}',
        "[NaN]",
        "Here you are:\n[\nBye",
        "[" * 50_000,
    ],
)
def test_ambiguous_json_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        repair(text)


@given(OBJECTS)
def test_well_formed_json_is_left_as_it_is(value: Any) -> None:
    assert repair(json.dumps(value)) == (value, [])


@given(OBJECTS, st.sampled_from(["\ufeff", "```json\n", "Here you are:\n"]))
def test_strings_survive_every_repair(value: Any, before: str) -> None:
    assume(value)
    text = before + json.dumps(value, ensure_ascii=False)[:-1] + ",}"
    read, repairs = repair(text)
    assert read == value
    assert "removed a trailing comma (1)" in repairs


@given(OBJECTS)
def test_raw_line_breaks_in_strings_mean_themselves(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False).replace("\\\\n", "\\\\ n")
    assume("\\\\" not in text)
    assert repair(text.replace("\\n", "\n").replace("\\t", "\t"))[0] == json.loads(text)
