"""A curve of growth: what some work costs at three sizes, and with which exponent that grows."""

import math
from dataclasses import dataclass
from itertools import pairwise

LIMIT = 1.15
"""The largest exponent that counts as linear, with the noise of a measurement."""
Sizes = tuple[int, int, int]


@dataclass(frozen=True)
class Curve:
    """Seconds of CPU of one subject at three sizes; fewer if it is too slow for the last ones."""

    name: str
    subject: str
    sizes: Sizes
    seconds: list[float]

    @property
    def exponents(self) -> list[float]:
        points = list(zip(self.sizes, self.seconds, strict=False))
        return [math.log(t1 / t0) / math.log(n1 / n0) for (n0, t0), (n1, t1) in pairwise(points)]

    @property
    def fits(self) -> bool:
        """Whether it grows no faster than the work, at the larger sizes."""
        return not self.exponents or self.exponents[-1] <= LIMIT

    def line(self) -> str:
        """Return it as a line to print."""
        points = zip(self.sizes, self.seconds, strict=False)
        shown = "  ".join(f"{size:,}: {seconds * 1e3:.1f} ms" for size, seconds in points)
        exponents = ", ".join(f"{each:.2f}" for each in self.exponents)
        return f"{self.name:44} {self.subject:10} {shown}  exponents {exponents}{'' if self.fits else '  <--'}"
