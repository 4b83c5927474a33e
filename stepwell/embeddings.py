"""Vectors of many texts, in batches and from a cache."""

from .embedder.embedder import Embedder
from .embedder.result import Embeddings
from .embedder.vectors import similarity

__all__ = [
    "Embedder",
    "Embeddings",
    "similarity",
]
