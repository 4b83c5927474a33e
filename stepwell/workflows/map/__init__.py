"""Map: one prompt for each of many items, live or in batches, with its results in a file."""

from .run import AsyncMapRun, MapRun

__all__ = ["AsyncMapRun", "MapRun"]
