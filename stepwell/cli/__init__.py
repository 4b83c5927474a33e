"""The command line: `stepwell ask`, `chat`, `models`, `providers`, `pipeline`, `local`."""

from .main import main

__all__ = ["main"]
