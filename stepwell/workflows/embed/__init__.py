"""Texts to vectors: batched, cached, compared."""

from .embedder import Embedder
from .result import Embeddings
from .vectors import Vector, aggregate, similarity

__all__ = [
    "Embedder",
    "Embeddings",
    "Vector",
    "aggregate",
    "similarity",
]
