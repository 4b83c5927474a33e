"""Key-value stores that keep vectors and answers between calls."""

from ..pipeline.key_value import KeyValueStore
from .redis import RedisStore
from .sqlite import SQLiteStore
from .store import MemoryStore

__all__ = ["KeyValueStore", "MemoryStore", "RedisStore", "SQLiteStore"]
