"""Vectors of many texts, in batches and from a cache."""

from typing import TYPE_CHECKING

from .schemas.other_names import suggesting
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


if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
