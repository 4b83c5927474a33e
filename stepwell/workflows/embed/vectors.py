"""Vectors: how similar two are, the mean of several, to bytes and back.

A vector is an `array("f")`: a sequence of 32-bit floats, which is what providers compute, in a seventh of the memory
of a list. `.tolist()` gives a list; numpy takes it without a copy.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from math import fsum, sqrt
from operator import mul
from typing import Any, Literal, TypeAlias

from ...schemas.errors import ConfigError, DecodeError, MissingExtra
from ...schemas.nearest import nearest

Vector: TypeAlias = "array[float]"
Numbers = Sequence[float]
Mode = Literal["cosine", "dot", "euclidean"]


def vector_of(values: Iterable[float]) -> Vector:
    """Make a Vector of a provider's numbers. Raises DecodeError where there are none, or one is not a number."""
    try:
        vector = values if type(values) is array and values.typecode == "f" else array("f", values)
    except (TypeError, OverflowError):
        raise DecodeError("a vector holds something that is not a number", hint="the model may be broken") from None
    if not vector:
        raise DecodeError("a vector has no numbers in it", hint="the model may not be one for embeddings")
    return vector


def packed(vector: Vector) -> bytes:
    """Return a vector's floats as little-endian bytes, four each."""
    if sys.byteorder == "big":
        vector = array("f", vector)
        vector.byteswap()
    return vector.tobytes()


def unpacked(data: bytes) -> Vector:
    """Return the Vector of `packed` bytes. Raises DecodeError for bytes that are not a vector."""
    if not data or len(data) % 4:
        raise DecodeError(f"{len(data)} bytes are not a vector", hint="the store holds something else, or was damaged")
    vector = array("f")
    vector.frombytes(data)
    if sys.byteorder == "big":
        vector.byteswap()
    return vector


def dot(a: Numbers, b: Numbers) -> float:
    return float(sum(map(mul, a, b)))


def norm(a: Numbers) -> float:
    return sqrt(dot(a, a))


def cosine(a: Numbers, b: Numbers) -> float:
    """Return the cosine of two vectors, -1 to 1; 0 where either is all zeros."""
    lengths = norm(a) * norm(b)
    return dot(a, b) / lengths if lengths else 0.0


def euclidean(a: Numbers, b: Numbers) -> float:
    """Return the negative distance of two vectors: 0 for equal ones, and less the farther apart."""
    return -sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


_MODES: dict[str, Callable[[Numbers, Numbers], float]] = {"cosine": cosine, "dot": dot, "euclidean": euclidean}


def check_mode(mode: str) -> None:
    """Raise ConfigError for a mode that does not exist."""
    if mode not in _MODES:
        raise ConfigError(f"{mode!r} is not a similarity mode", hint=nearest(str(mode), _MODES))


def similarity(a: Numbers, b: Numbers, mode: Mode = "cosine") -> float:
    """Return how similar two vectors are. Higher is always more similar, so "euclidean" is the negative distance.

    Raises ConfigError for an unknown mode and for vectors of different lengths.
    """
    check_mode(mode)
    if len(a) != len(b):
        raise ConfigError(
            f"vectors of {len(a)} and {len(b)} numbers cannot be compared",
            hint="embed both with the same model and dimensions",
        )
    return _MODES[mode](a, b)


def _mean(column: Sequence[float]) -> float:
    return fsum(column) / len(column)


_WAYS: dict[str, Callable[[Sequence[float]], float]] = {"mean": _mean, "sum": fsum, "max": max, "min": min}


def aggregate(
    vectors: Iterable[Numbers],
    how: Literal["mean", "sum", "max", "min"] = "mean",
    *,
    weights: Sequence[float] | None = None,
    normalise: bool = False,
) -> Vector:
    """Combine several vectors into one, number by number.

    vectors: of one length.
    how: their mean, sum, largest or smallest numbers.
    weights: one for each vector, for a weighted mean.
    normalise: bring the result to length 1.

    Raises ConfigError for no vectors, for vectors of different lengths, and for weights that do not fit.
    """
    rows = list(vectors)
    if how not in _WAYS:
        raise ConfigError(f"{how!r} is not a way to aggregate", hint=nearest(str(how), _WAYS))
    if not rows:
        raise ConfigError("there are no vectors to aggregate", hint="pass at least one")
    if len({len(row) for row in rows}) > 1:
        raise ConfigError("vectors of different lengths cannot be aggregated", hint="embed them with the same model")
    plain = map(_WAYS[how], zip(*rows, strict=True))
    combined = array("f", plain) if weights is None else _weighted_mean(rows, weights, how)
    length = norm(combined) if normalise else 0.0
    return array("f", (value / length for value in combined)) if length else combined


def _weighted_mean(rows: list[Numbers], weights: Sequence[float], how: str) -> Vector:
    total = fsum(weights)
    if how != "mean" or len(weights) != len(rows) or not total:
        raise ConfigError(
            "weights go with the mean, one for each vector, and must not add up to 0", hint='use how="mean"'
        )
    return array("f", (fsum(map(mul, column, weights)) / total for column in zip(*rows, strict=True)))


def numpy() -> Any:
    """Return the numpy module. Raises MissingExtra where it is not installed."""
    try:
        import numpy as module  # heavy and optional
    except ImportError:
        raise MissingExtra("arrays need numpy", hint="run: pip install numpy") from None
    return module
