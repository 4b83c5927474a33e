"""How long many items took, counted in a bounded number of classes."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log

from attrs import field, frozen

_GROWTH = log(1.02)
_SHORTEST, _LONGEST = 1e-4, 1e5


def class_of(seconds: float) -> int:
    """Return the number of the class of so many seconds."""
    return int(log(min(max(seconds, _SHORTEST), _LONGEST)) // _GROWTH)


@frozen
class Latencies:
    """How long the items took, as counts in at most 1,050 classes, of which each ends 2% above the one before."""

    counts: Mapping[int, int] = field(factory=dict, repr=False)

    def percentile(self, percent: float) -> float | None:
        """Return the seconds within which so many percent of the items were done, to 1%; None without any."""
        return self.seconds_at(self.place_of(percent)) if self.counts else None

    def place_of(self, percent: float) -> int:
        """Return the class within which so many percent of the items were done. There must be some."""
        left = sum(self.counts.values()) * percent / 100
        for place in sorted(self.counts):
            left -= self.counts[place]
            if left <= 0:
                break
        return place

    @staticmethod
    def seconds_at(place: float) -> float:
        """Return the seconds in the middle of a class."""
        return exp((place + 0.5) * _GROWTH)
