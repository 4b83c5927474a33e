"""Texts to vectors: batched, cached, compared."""

from .embedder import Embedder
from .redis_store import RedisStore
from .result import Embeddings
from .sqlite import SQLiteStore
from .stores import KeyValueStore, MemoryStore
from .vectors import Vector, aggregate, similarity

__all__ = [
    "Embedder",
    "Embeddings",
    "KeyValueStore",
    "MemoryStore",
    "RedisStore",
    "SQLiteStore",
    "Vector",
    "aggregate",
    "similarity",
]
