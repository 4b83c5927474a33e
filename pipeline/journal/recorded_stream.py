"""A stream that was read in an earlier run."""

from __future__ import annotations

from math import inf
from typing import Any

from ...schemas.errors import StreamTruncated
from .data import error_of


class _NoClock:
    """The clock of a stream that is not read from a network."""

    begun, due = True, inf

    def begin(self) -> None:
        """Do nothing: there is no limit."""


class RecordedStream:
    """The source of a stream whose bytes are recorded. Reading past its end is an error: the first run closed it there.

    pieces: the bytes of each read, or the error that ended it as data.
    """

    __slots__ = ("_pieces",)
    clock = _NoClock()
    closed = True
    """there is no connection to return"""

    def __init__(self, pieces: list[tuple[Any, bytes]]) -> None:
        self._pieces = iter(pieces)

    def read(self) -> bytes:
        """Return the next bytes, b"" at the end."""
        for error, data in self._pieces:
            if error is not None:
                raise error_of(error)
            return data
        raise StreamTruncated("the first run of this job closed the stream here", hint="read no further than it did")

    def finish(self) -> None:
        """Do nothing: there is no connection to keep."""
