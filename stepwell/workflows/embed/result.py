"""The result of embedding: vectors in the order of the texts, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import field, frozen

from ...schemas.model import Model
from ...schemas.prices import Cost
from ...schemas.reply import CallWarning
from ...schemas.usage import Usage
from .vectors import Vector, numpy


@frozen(hash=False)
class Embeddings:
    """One vector for each text, in the order of the texts: index it, iterate it, take its `len()`.

    As the `.partial` of an error, it holds None in the places of the texts that failed.
    """

    vectors: tuple[Vector, ...] = field(repr=False)
    model: Model = field(repr=str)
    usage: Usage = field(factory=Usage)
    """Of all calls together."""
    warnings: tuple[CallWarning, ...] = ()
    cost: Cost = field(factory=lambda: Cost(None, reason="no call was made"), repr=False)
    """Of all calls together."""
    calls: int = 0
    """How many calls succeeded."""
    cached: int = 0
    """How many different texts were found in the cache."""

    @property
    def dimensions(self) -> int:
        """The length of each vector; 0 when there are none."""
        return next((len(vector) for vector in self.vectors if vector is not None), 0)

    def numpy(self) -> Any:
        """Return the vectors as the rows of a float32 array. Raises MissingExtra where numpy is not installed."""
        module = numpy()
        if not self.vectors:
            return module.empty((0, 0), dtype="float32")
        return module.array([module.frombuffer(vector, dtype="float32") for vector in self.vectors])

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, index: int) -> Vector:
        return self.vectors[index]

    def __iter__(self) -> Iterator[Vector]:
        return iter(self.vectors)
