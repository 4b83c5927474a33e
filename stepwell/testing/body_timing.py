"""When the parts of an answer came."""

from __future__ import annotations

import time


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
