"""A document with one wrong character is read with all its values or not at all: no part of it is the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_turn import in_turn

from stepwell import Client
from stepwell.errors import ObjectInvalid, StepwellError
from stepwell.parsers.json import JSONParser, SchemaParser
from stepwell.schemas.errors import DecodeError
from stepwell.schemas.json_schema.repair import repair
from stepwell.testing import FakeModel

MARKS = '{}[]",:x'
AROUND = ["{}", "```json\n{}\n```", "Here you are:\n\n{}\n\nAnything else?", "Sure: {} Done.", "<think>{{}}</think>{}"]
FORMATS: list[dict[str, Any]] = [{}, {"indent": 1}, {"separators": (",", ":")}]

# Strings that look like JSON and like prose, so that a quote too many or too few shows their brackets.
WORDS = st.sampled_from(["a", "see [1] or", "} then [2] {", "p}, {q", '"k": [', "]", "{", "\n{}\n", "so: {x}", "``"])


def leaves(value: Any) -> Iterator[Any]:
    """Give the values in a document that hold no others; an empty list or object is none."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from leaves(each)
    else:
        yield value


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """Draw nested lists and objects in which no two leaves are equal."""
    count = iter(range(100, 1000))

    def build(shape: Any) -> Any:
        match shape:
            case [*items]:
                return [build(each) for each in items]
            case dict():
                return {name: build(each) for name, each in shape.items()}
            case int():
                return next(count)
            case _:
                return shape and f"{next(count)}{shape}"

    leaf = st.just(0) | WORDS | st.none()
    names = st.sampled_from(["name", "kids", "sub", "first name", "see [1]", "e{"])

    def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)

    return build(draw(larger(st.recursive(leaf, larger, max_leaves=8))))


def corrupted(text: str, at: int, mark: str, how: str) -> str:
    return text[:at] + (mark if how != "delete" else "") + text[at + (how != "insert") :]


def touched(text: str, at: int, leaf: Any) -> bool:
    """Whether the character at a place is in a leaf, or next to one or to the space around it."""
    written = json.dumps(leaf)
    begin = text.find(written)
    end = begin + len(written)
    between = text[at + 1 : begin] if at < begin else text[end:at]
    return not between.strip() or begin <= at <= end


@given(
    documents(),
    st.sampled_from(FORMATS),
    st.sampled_from(AROUND),
    st.sampled_from(MARKS),
    st.sampled_from(["delete", "insert", "replace"]),
    st.integers(0, 10_000),
)
def test_a_corrupted_document_keeps_its_values_or_is_refused(
    document: Any, form: dict[str, Any], around: str, mark: str, how: str, place: int
) -> None:
    text = json.dumps(document, **form)
    at = place % len(text)
    broken = corrupted(text, at, mark, how)
    try:
        read, _ = repair(around.replace("{}", broken), lambda found: True, cut=False)
    except DecodeError:
        return
    lost = [leaf for leaf in leaves(document) if leaf is not None and leaf not in list(leaves(read))]
    assert all(touched(text, at, leaf) for leaf in lost), (broken, read)


TREE = {
    "name": "root",
    "kids": [{"name": "a", "kids": [{"name": "a1", "kids": []}]}, {"name": "b", "kids": [{"name": "b1", "kids": []}]}],
}
ROWS = [{"row": 1, "sub": {"w": [1]}}, {"row": 2, "sub": {"w": [2]}}]
INNER = [*TREE["kids"], *(kid for each in TREE["kids"] for kid in each["kids"]), [], {}, *ROWS, ROWS[:1], ROWS[1:]]  # type: ignore[index, attr-defined, misc]


@in_turn("form", FORMATS)
@in_turn("document", [TREE, ROWS])
@in_turn("mark", MARKS)
def test_no_wrong_character_makes_an_inner_value_the_answer(document: Any, form: dict[str, Any], mark: str) -> None:
    text = json.dumps(document, **form)
    for at in range(len(text)):
        for how in ("delete", "insert", "replace"):
            try:
                read, _ = repair(corrupted(text, at, mark, how), lambda found: True, cut=False)
            except DecodeError:
                continue
            assert read not in INNER


@attrs.define
class Node:
    name: str
    kids: list[Node] = attrs.field(factory=list)


@attrs.define
class Row:
    row: int
    sub: dict[str, list[int]]


CASES = [
    (Node, json.dumps(TREE).replace('[{"name": "a"', '[}"name": "a"', 1)),
    (Node, json.dumps(TREE)[1:]),
    (Node, json.dumps(TREE).replace('"kids": [', '"kids": ```[', 1)),
    (Node, "{" + json.dumps(TREE)[2:]),
    (Row, json.dumps(ROWS).replace("[1]", "1]")),
    (list[Row], json.dumps(ROWS, indent=1).replace("]", "] ]", 1)),
    (list[Row], f"```json\n{json.dumps(ROWS, indent=1).replace(']', '] ]', 1)}\n```"),
]


@pytest.mark.parametrize(("kind", "text"), CASES, ids=range(len(CASES)))
@pytest.mark.parametrize("mode", ["prompt", "tool", "json", "json_schema", "strict_tool"])
def test_no_mode_and_no_stream_gives_a_part(kind: Any, text: str, mode: str) -> None:
    with pytest.raises(StepwellError):
        Client(registry=FakeModel(text, repeat=True).registry).generate_object("fake:m", "hi", kind, mode=mode)
    partial = []
    with pytest.raises(StepwellError):
        for value in Client(registry=FakeModel(text).registry).stream_object("fake:m", "hi", kind, mode=mode):
            partial.append(value)
    assert not any(isinstance(value, Node | Row) for value in partial)


@pytest.mark.parametrize(("kind", "text"), CASES, ids=range(len(CASES)))
def test_no_parser_gives_a_part(kind: Any, text: str) -> None:
    for parser in (SchemaParser(kind), JSONParser()):
        with pytest.raises(ObjectInvalid):
            parser.parse(text)
