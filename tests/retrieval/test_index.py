"""Ranking of vectors: numpy and our own arithmetic agree, and threads may add and search at once."""

from __future__ import annotations

from array import array
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.retrieval import VectorRetriever, index
from stepwell.retrieval.index import Entry, Index
from stepwell.schemas import errors

from vectors import Vectors

numbers = st.floats(-100, 100, width=16)
tables = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(numbers, min_size=n, max_size=n), min_size=1, max_size=12)
)


def ranking(rows: list[list[float]], query: list[float], mode: Any) -> dict[str, float]:
    made = Index(len(rows))
    for at, row in enumerate(rows):
        made.put(Entry(at, str(at), "", {}, False), array("f", row))
    made = made.snapshot()
    return {entry.id: score for entry, score in made.ranked(array("f", query), mode)}


@given(tables, st.sampled_from(["cosine", "dot", "euclidean"]))
def test_numpy_ranks_as_we_do(rows: list[list[float]], mode: str) -> None:
    fast = ranking(rows, rows[-1], mode)
    with patch.object(index, "_numpy", lambda: None):
        ours = ranking(rows, rows[-1], mode)
    assert fast == pytest.approx(ours, rel=1e-3, abs=1e-3)
    for scores in (list(fast.values()), list(ours.values())):
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("with_numpy", [True, False])
def test_a_query_of_another_length_is_reported(with_numpy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not with_numpy:
        monkeypatch.setattr(index, "_numpy", lambda: None)
    with pytest.raises(errors.ConfigError, match="a query vector of 2 numbers cannot be compared with vectors of 3"):
        ranking([[1.0, 2.0, 3.0]], [1.0, 2.0], "dot")
    assert ranking([], [1.0], "dot") == {}


@pytest.mark.parametrize("in_file", [True, False])
def test_threads_add_and_search_at_once(in_file: bool, tmp_path: Any) -> None:
    notes = VectorRetriever(Vectors().embedder(), tmp_path / "notes.sqlite" if in_file else None)

    def work(n: int) -> None:
        notes.add([f"note {n}", "a note of all"])
        assert f"note {n}" in [found.text for found in notes.retrieve(f"note {n}", top_k=99)]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(24)))
    assert len(notes) == 25
    notes.close()
