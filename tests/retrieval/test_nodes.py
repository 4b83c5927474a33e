"""Nodes, documents split into nodes, and filters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stepwell.retrieval import Document, Node, ScoredNode
from stepwell.retrieval.filters import matches
from stepwell.retrieval.node import nodes_of, scored_nodes_of
from stepwell.retrieval.splitting import split
from stepwell.schemas import errors
from stepwell.schemas.estimate import estimate_text

prose = st.lists(
    st.sampled_from(["word", "longer-word", "end.", "行く。", "\n", "\n\n", " ", "x" * 90, "1234567"])
).map("".join)
sizes = st.integers(2, 40)


def letters(text: str) -> str:
    return re.sub(r"\s+", "", text)


@given(prose | st.text(), sizes)
@example("000000\x1b0\ue000", 2)
def test_cutting_loses_nothing_but_white_space(text: str, size: int) -> None:
    assert letters("".join(split(text, size))) == letters(text)


@given(prose | st.text(), sizes)
def test_no_piece_is_longer_than_requested(text: str, size: int) -> None:
    assert all(estimate_text(piece) <= size for piece in split(text, size))


@given(prose, sizes.filter(lambda size: size > 4), st.integers(0, 3))
def test_with_an_overlap_every_piece_is_still_a_stretch_of_the_text(text: str, size: int, overlap: int) -> None:
    pieces = split(text, size, overlap)
    assert all(piece in text and estimate_text(piece) <= size for piece in pieces)
    assert set(letters(text)) == set(letters("".join(pieces)))


def test_common_values_become_a_node_or_a_scored_node() -> None:
    assert Node("a", Path("notes") / "a.md") == Node("a", "notes/a.md") and Document("a", None, None) == Document("a")
    assert ScoredNode("a", np.float32(0.5)) == ScoredNode(Node("a"), 0.5)
    assert ScoredNode("a", float("nan")).score is None


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Node("a", 3), "a source cannot be a int"),
        (lambda: Node("a", metadata=["a"]), "metadata cannot be a list"),
        (lambda: Node("a", id=3), "id cannot be a int"),
        (lambda: ScoredNode(3), "a int is not a Node"),
        (lambda: ScoredNode("a", "high"), "a score cannot be a str"),
    ],
)
def test_an_invalid_node_or_document_is_an_error(make: Any, says: str) -> None:
    with pytest.raises(errors.ConfigError, match=says):
        make()


def test_a_text_is_split_at_the_best_boundaries() -> None:
    text = "First thing said. And then more.\n\nSecond paragraph here. It is longer, with some words in it.\n\nThird."
    assert split(text, 100) == [text]
    assert split(text, 16) == [
        "First thing said. And then more.",
        "Second paragraph here. It is longer, with some words in it.",
        "Third.",
    ]
    assert split(text, 5)[:2] == ["First thing said.", "And then more."]
    assert split("one two three four five six", 3, overlap=1) == ["one two three", "three four five", "five six"]


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (5, 5), (5, -1)])
def test_sizes_that_make_no_sense_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(errors.ConfigError, match="an overlap of 0 or more"):
        split("text", size, overlap)


def test_nodes_inherit_the_source_and_metadata_of_their_document() -> None:
    nodes = Document("one.\n\ntwo.", "a.md", {"lang": "en"}).nodes(size=2)
    assert [(node.text, node.source, node.metadata) for node in nodes] == [
        ("one.", "a.md", {"lang": "en"}),
        ("two.", "a.md", {"lang": "en"}),
    ]


def test_the_same_text_of_the_same_source_is_the_same_node() -> None:
    assert Node("a", "s").id == Node("a", "s", {"x": 1}).id
    assert len({Node("a", "s").id, Node("a", "t").id, Node("b", "s").id, Node("as").id}) == 4
    assert Node("a", id="mine").id == "mine" and Node("a", id="mine").identity == Node("a").identity


@pytest.mark.parametrize("text", ["", "  \n", None, 3])
def test_a_node_needs_a_text(text: Any) -> None:
    with pytest.raises(errors.ConfigError, match="no text"):
        Node(text)


def test_nodes_are_accepted_in_every_form() -> None:
    given = ["a", Node("b"), Document("c"), (each for each in ["d", ["e"]])]
    assert [node.text for node in nodes_of(given)] == list("abcde")
    for wrong in (3, {"text": "a"}, b"bytes"):
        with pytest.raises(errors.ConfigError, match="cannot be searched"):
            nodes_of(wrong)


def test_results_of_a_retriever_are_accepted_in_every_form() -> None:
    found = list(scored_nodes_of(["a", Node("b"), ScoredNode(Node("c"), 0.0), None, "", ["d"]], 0.5))
    assert [(each.text, each.score) for each in found] == [("a", 0.5), ("b", 0.5), ("c", 0.0), ("d", 0.5)]
    with pytest.raises(errors.ConfigError, match="returned a dict"):
        list(scored_nodes_of([{"text": "a"}]))


METADATA = {"lang": "en", "year": 2021, "tags": ["x", "y"], "none": None}


@pytest.mark.parametrize(
    ("where", "passes"),
    [
        (None, True),
        ({}, True),
        ({"lang": "en"}, True),
        ({"lang": "de"}, False),
        ({"lang": ["de", "en"]}, True),
        ({"lang": {"de"}}, False),
        ({"lang": "en", "year": 2022}, False),
        ({"tags": "y"}, True),
        ({"tags": ["y", "z"]}, True),
        ({"tags": ["x", "y"]}, True),
        ({"tags": "z"}, False),
        ({"year": lambda year: year > 2020}, True),
        ({"missing": None}, False),
        ({"none": None}, True),
        ({"source": "a.md"}, True),
        (lambda metadata: metadata["year"] < 2000, False),
    ],
)
def test_filters_select_nodes(where: Any, passes: bool) -> None:
    assert matches(where, METADATA, "a.md") is passes
