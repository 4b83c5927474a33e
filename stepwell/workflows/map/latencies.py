"""How long many items took, as a histogram with a bounded number of buckets."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log

from attrs import field, frozen

_GROWTH = log(1.02)
_SHORTEST, _LONGEST = 1e-4, 1e5


def bucket_of(seconds: float) -> int:
    """Return the number of the bucket into which a duration falls."""
    bounded = _SHORTEST if seconds < _SHORTEST else _LONGEST if seconds > _LONGEST else seconds
    return int(log(bounded) // _GROWTH)


@frozen
class Latencies:
    """How long the items took: counts in at most 1,050 buckets from 0.1 ms to 28 h, each 2% wider than the last."""

    counts: Mapping[int, int] = field(factory=dict, repr=False)

    def percentile(self, percent: float) -> float | None:
        """Return the seconds within which `percent` of the items were done, to 1%; None without items."""
        return self.seconds_at(self.bucket_at(percent)) if self.counts else None

    def bucket_at(self, percent: float) -> int:
        """Return the bucket within which `percent` of the items were done. There must be at least one item."""
        left = sum(self.counts.values()) * percent / 100
        for bucket in sorted(self.counts):
            left -= self.counts[bucket]
            if left <= 0:
                break
        return bucket

    @staticmethod
    def seconds_at(bucket: float) -> float:
        """Return the seconds in the middle of a bucket."""
        return exp((bucket + 0.5) * _GROWTH)
