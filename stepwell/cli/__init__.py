"""The command line: `stepwell ask`, `chat`, `embed`, `map`, `models`, `providers`, `pipeline`, `local`."""

from .main import main

__all__ = ["main"]
