"""Vectors of many texts, in batches and from a cache."""

from .workflows.embed.custom import custom_embedding
from .workflows.embed.embedder import Embedder
from .workflows.embed.result import Embeddings
from .workflows.embed.vectors import aggregate, similarity

__all__ = [
    "Embedder",
    "Embeddings",
    "aggregate",
    "custom_embedding",
    "similarity",
]
