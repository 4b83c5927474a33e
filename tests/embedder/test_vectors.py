"""Vector arithmetic: our own and numpy's agree."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.schemas import errors
from stepwell.workflows.embed import aggregate, similarity
from stepwell.workflows.embed.vectors import packed, unpacked, vector_of

numbers = st.floats(-1e3, 1e3, width=32)
pairs = st.integers(1, 30).flatmap(lambda n: st.tuples(*[st.lists(numbers, min_size=n, max_size=n)] * 2))


@given(pairs)
def test_similarities_equal_numpys(pair: tuple[list[float], list[float]]) -> None:
    a, b = map(np.array, pair)
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    assert similarity(*pair, mode="dot") == pytest.approx(float(a @ b))
    assert similarity(*pair, mode="euclidean") == pytest.approx(-float(np.linalg.norm(a - b)))
    assert similarity(*pair) == pytest.approx(float(a @ b / lengths) if lengths else 0.0, abs=1e-6)


@given(pairs)
def test_a_vector_is_most_similar_to_itself(pair: tuple[list[float], list[float]]) -> None:
    a, b = pair
    for mode in ("cosine", "euclidean"):
        assert similarity(a, a, mode) >= similarity(a, b, mode) - 1e-6 or not any(a)


@given(st.lists(numbers, min_size=1))
def test_bytes_give_the_same_vector_again(values: list[float]) -> None:
    vector = vector_of(values)
    assert unpacked(packed(vector)) == vector
    assert packed(vector) == np.array(values, dtype="<f4").tobytes()


@pytest.mark.parametrize("data", [b"", b"123"])
def test_bytes_that_are_no_vector_are_reported(data: bytes) -> None:
    with pytest.raises(errors.DecodeError):
        unpacked(data)


@pytest.mark.parametrize("values", [[], [None], ["1"], [[1.0]]])
def test_a_broken_models_vector_is_a_decode_error(values: Any) -> None:
    with pytest.raises(errors.DecodeError):
        vector_of(values)


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(numbers, min_size=n, max_size=n), min_size=1)))
def test_aggregates_equal_numpys(rows: list[list[float]]) -> None:
    whole = np.array(rows)
    for how in ("mean", "sum", "max", "min"):
        expected = getattr(whole, how)(axis=0)
        assert list(aggregate(rows, how)) == pytest.approx(list(expected), rel=1e-5, abs=1e-3)


def test_a_mean_may_be_weighted_and_brought_to_length_one() -> None:
    assert aggregate([[1, 0], [0, 1]], weights=[3, 1]) == array("f", [0.75, 0.25])
    assert aggregate([[3, 4], [3, 4]], normalise=True) == array("f", [0.6, 0.8])
    assert aggregate([[1, -1], [-1, 1]], normalise=True) == array("f", [0, 0]), "nothing has no direction"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: similarity([1], [1, 2]), "same model and dimensions"),
        (lambda: similarity([1], [1], mode="cosin"), "did you mean 'cosine'"),
        (lambda: aggregate([]), "no vectors"),
        (lambda: aggregate([[1], [1, 2]]), "different lengths"),
        (lambda: aggregate([[1]], "median"), "mean"),
        (lambda: aggregate([[1]], weights=[1, 2]), "one for each"),
        (lambda: aggregate([[1], [2]], "max", weights=[1, 2]), "go with the mean"),
        (lambda: aggregate([[1], [2]], weights=[1, -1]), "add up to 0"),
    ],
)
def test_invalid_arguments_are_refused(call: Any, says: str) -> None:
    with pytest.raises(errors.ConfigError, match=says):
        call()
