"""Key-value stores that keep vectors and answers between calls."""

from typing import TYPE_CHECKING

from ..pipeline.key_value import KeyValueStore
from ..schemas.other_names import suggesting
from .redis import RedisStore
from .sqlite import SQLiteStore
from .store import MemoryStore

__all__ = ["KeyValueStore", "MemoryStore", "RedisStore", "SQLiteStore"]


if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
