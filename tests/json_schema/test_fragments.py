"""A part of a broken JSON document is never used as the document; a complete one is found in any surrounding text."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from in_turn import in_turn

from stepwell.parsers import JSONParser, SchemaParser
from stepwell.providers.text_calls.arguments import read_arguments
from stepwell.schemas.errors import DecodeError, ObjectInvalid
from stepwell.schemas.json_schema.decode import loads_exact
from stepwell.schemas.json_schema.repair import LEFT_OPEN, repair

BROKEN = [
    '{"name":"root","kids":[{"name":"a"},{"name":"b" oops},{"name":"c"}]}',
    '{"bad_one":["Lorem Ipsum", "consectetur" comment" ], "good_one":[ "elit", "sed", "tempor"]}',
    '[{"key":"value"}},{"key":"value2"}]',
    '{"key1": "value1"}, "key2": "value2", "key3": "value3"}',
    '{"key1": "value1"} "key2": {"key3": 1}}',
    '{"key1": "value1"}, "key2": {"key3": 1}}',
    '{"a": 1, "items": [{"x": 1}, {"y": ',
    '{"a": 1, "items": [{"x": 1}, {"y" 2}]}',
    '{"a" 1, "b": {"x": 1}}',
    "{'a': {\"x\": 1}}",
    '{a: {"x": 1}}',
    '{ // the answer\n "a": {"x": 1}}',
    '[1, {"x": 1} oops, {"x": 2}]',
    '[null, {"x": 1}, {"x": 2} oops]',
    '"items": [{"x": 1}, {"x": 2}]',
    '"a": 1,\n"items": {"x": 1}}',
    '{"x": 1}, {"x": 2}',
    '{"a": "```json\n{"x": 1}\n```", "b" 2}',
    '{"a": "Use\n```json\n{"x": 1}\n```\nand',
    '```json\n{"a": {"x": 1}, "b": \n```',
    '<think>{"x": 1}</think>{"x": 2 oops}',
]
AROUND = [
    "{}",
    "Here you are:\n{}\nAnything else?",
    "```json\n{}\n```",
    "Sure!\n\n```\n{}\n```\nDone.",
    "As [1] says: {}",
]


@in_turn("around", AROUND)
@in_turn("broken", BROKEN)
def test_nothing_of_a_broken_document_is_used(broken: str, around: str) -> None:
    if around.startswith("As") and broken.startswith('"'):
        return  # a name in quotes after other text is a part of that text
    text = around.replace("{}", broken)
    with contextlib.suppress(DecodeError):
        value, _ = repair(text, lambda found: True, cut=False)
        assert value == [1]  # the reference in front of it is a document of its own


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"x": 1}}', {"x": 1}),
        ('{{"x": 1}}', {"x": 1}),
        ('{"x": 1}, as you asked', {"x": 1}),
        ('{"x": "draft" oops}\nSorry, again:\n{"x": 1}', {"x": 1}),
        ('Use { to open:\n```json\n{"x": 1}\n```', {"x": 1}),
        ('In [0, 1): {"x": 0.5}', {"x": 0.5}),
        ('It is {obviously} this: {"x": 1}', {"x": 1}),
        ('function f() { return {"x": 1}; }', {"x": 1}),
        ('For "Paris": {"x": 1}', {"x": 1}),
        ('See [1], {"x": 1}', {"x": 1}),
        ('{"x": 1}\nwhere the form is {"x": ...}', {"x": 1}),
        ('{"a": [1, {"b": 2}', {"a": [1, {"b": 2}]}),
        ('{"x": "[{\\"y\\": 1}, oops"}, fine', {"x": '[{"y": 1}, oops'}),
    ],
)
def test_a_complete_document_is_found_in_the_surrounding_text(text: str, value: Any) -> None:
    assert repair(text, lambda found: isinstance(found, dict), cut=False)[0] == value


VALUES = st.recursive(
    st.integers() | st.text(alphabet='ab ,:"{}[]', max_size=5),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=2), inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=2), VALUES, min_size=1, max_size=3)


@given(DOCUMENTS, st.data())
def test_a_document_cut_at_any_place_gives_itself_without_its_closing_brackets_or_nothing(
    value: Any, data: Any
) -> None:
    text = json.dumps(value)
    end = data.draw(st.integers(1, len(text) - 1))
    with contextlib.suppress(DecodeError):
        read, _ = repair(text[:end], cut=False)
        rest = text[end:]
        assert isinstance(read, dict)
        assert read == value or rest.lstrip(" }]").startswith((",", ":")) or not rest.strip(" }]")
        assert list(value.items())[: len(read) - 1] == list(read.items())[:-1]


@given(DOCUMENTS, st.data())
def test_text_between_two_tokens_leaves_nothing_that_could_be_used(value: Any, data: Any) -> None:
    text = json.dumps(value)
    places = [at for at in range(1, len(text)) if text[at - 1] in "}]" or text[at] in "{["]
    assume(places)
    at = data.draw(st.sampled_from(places))
    broken = f"{text[:at]} oops {text[at:]}"
    try:
        loads_exact(broken)
    except DecodeError:
        with pytest.raises(DecodeError):
            repair(broken, lambda found: True, cut=False)


@pytest.mark.parametrize(
    "piece",
    [
        *('{"a" ', "[1, ", "[ {", '[{"a": 1} x, ', '"a": [', '{"a": 1}, ', "```\n{'", "[" * 30, "{ foo ", "{{", "} "),
        *('{"x": 1}\n', '{"x" 1} word\n{"x": 1}\n', '{"x": 1}"', "(0, 1] ", '{ foo {"x": 1} '),
    ],
)
def test_the_time_is_linear_in_the_text(piece: str) -> None:
    began = time.process_time()
    with contextlib.suppress(DecodeError):
        repair(piece * (100_000 // len(piece)), lambda found: False, cut=False)
    assert time.process_time() - began < 10


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.mark.parametrize(
    "text",
    [
        '[{"city": "Paris"}]',
        '{"city": "Paris"}, "unit": "C"}',
        '{"city": "Paris", "at": {"x": 1}',
        '{"at": {"city": "Paris"} oops}',
        '{"city": "Paris"}, {"city": "Rome"}',
        '{"city": "Paris"} 5, "unit": "C"}',
        '"at": {"city": "Paris"}}',
        'at": {"city": "Paris"}, "unit": "C"}',
    ],
)
def test_the_arguments_of_a_call_are_a_whole_object_or_none(text: str) -> None:
    assert read_arguments(text, PARAMETERS) is None


DRAFTS = (
    'Draft: {} so the answer is {"name": "ri',
    'Draft: {} so the answer is {"name": "right"',
    'Draft: {} so the answer is [{"name": "right"}, {"na',
    '```json\n{}\n```\nBetter:\n```json\n{"name": "ri',
    '<think>{}</think>{"name": "ri',
)


@pytest.mark.parametrize("text", DRAFTS)
def test_no_draft_is_taken_for_a_document_that_is_left_open(text: str) -> None:
    text = text.replace("{}", '{"name": "wrong"}')
    for settings in ({"cut": True}, {"cut": False}, {"cut": False, "limited": True}):
        try:
            value, repairs = repair(text, lambda found: True, **settings)
        except DecodeError:
            continue
        assert "wrong" not in str(value) and any(what.startswith(LEFT_OPEN) for what in repairs)
        assert "limited" not in settings, "what a limit has cut is not repaired"
    for parser in (JSONParser(), SchemaParser({"type": "object", "properties": {"name": {"type": "string"}}})):
        with pytest.raises(ObjectInvalid):
            parser.parse(text)


def test_a_draft_in_the_reasoning_is_no_answer_where_the_limit_cut_the_text() -> None:
    for text in ('<think>{"name": "wrong"} but', '<think>{"name": "wrong"}</think>So'):
        with pytest.raises(DecodeError):
            repair(text, lambda found: True, cut=False, limited=True)
        assert repair(text, lambda found: True, cut=False)[0] == {"name": "wrong"}, "all that the model wrote"
    rambling = '{"name": "right"} which is what was asked'
    assert repair(rambling, lambda found: True, cut=False, limited=True)[0] == {"name": "right"}
