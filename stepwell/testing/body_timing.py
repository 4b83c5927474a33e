"""When the parts of a recorded answer came, and their replay at the same times."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import httpx

from .faulty_client import await_as_read, wait_as_read


class Stopwatch(list[float]):
    """The seconds from one `lap` to the next, the first from the beginning."""

    def __init__(self) -> None:
        super().__init__()
        self._last = time.monotonic()

    def lap(self) -> None:
        """Note the seconds since the last lap."""
        now = time.monotonic()
        self.append(now - self._last)
        self._last = now


class TimedBody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that replays pieces, each after its seconds.

    waits: the seconds until the answer begins, and then until each piece; those that are missing are 0.
    limits: those of the call, as stepwell gives them to httpx (pipeline/http/live_timeout.py), else anything.
    """

    def __init__(self, pieces: Sequence[bytes], waits: Sequence[float], limits: object) -> None:
        self._pieces = pieces
        first = sum(waits[:2])  # the head comes with the first piece
        self._waits = [first, *waits[2:], *[0.0] * len(pieces)]
        self._clock: Any = getattr(limits, "clock", None)
        self._scope: Any = getattr(limits, "scope", None)

    def __iter__(self) -> Iterator[bytes]:
        for piece, wait in zip(self._pieces, self._waits, strict=False):
            if wait:
                wait_as_read(wait, self._clock, self._scope)
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece, wait in zip(self._pieces, self._waits, strict=False):
            if wait:
                await await_as_read(wait, self._clock)
            yield piece
