"""What embedding gives: vectors in the order of the texts, and what they took."""

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

    `usage` and `cost` are summed over all calls; `calls` is how many succeeded, `cached` how many different texts were
    found in the cache. Carried by an error as `.partial`, the places of the texts that failed hold None.
    """

    vectors: tuple[Vector, ...] = field(repr=False)
    model: Model = field(repr=str)
    usage: Usage = field(factory=Usage)
    warnings: tuple[CallWarning, ...] = ()
    cost: Cost = field(factory=lambda: Cost(None, reason="nothing was asked"), repr=False)
    calls: int = 0
    cached: int = 0

    @property
    def dimensions(self) -> int:
        """The length of each vector; 0 when there are none."""
        return next((len(vector) for vector in self.vectors if vector is not None), 0)

    def numpy(self) -> Any:
        """The vectors as the rows of a float32 array. Raises MissingExtra where numpy is not installed."""
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
