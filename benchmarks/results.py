"""The samples of a run, and figures and ratios of them."""

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.curves import Curve
from benchmarks.scenarios import Target

_ALL = -1
"""Stands for all rounds together among the numbers of rounds."""


@dataclass(frozen=True)
class Ratio:
    """A ratio, or a figure, and the lowest and the highest within a round."""

    value: float
    low: float
    high: float


@dataclass
class Results:
    """All samples of a run, and what could not be measured."""

    samples: dict[tuple[str, str], dict[int, dict[str, float]]] = field(default_factory=dict)
    """`samples[scenario, subject][round]`: cpu and wall in seconds a run, memory in bytes."""
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    """`versions[subject][package]`."""
    unavailable: dict[str, str] = field(default_factory=dict)
    """Why a subject does not run, by subject."""
    curves: list[Curve] = field(default_factory=list)
    """What benchmarks/growth.py measured."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of each folder and file of an installation."""
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    """`failures[scenario, subject]`: an error of one scenario."""

    def add(self, scenario: str, subject: str, number: int, sample: dict[str, Any]) -> None:
        """Add a sample of one round, or its error."""
        if "error" in sample:
            self.failures[scenario, subject] = sample["error"]
        else:
            self.samples.setdefault((scenario, subject), {})[number] = sample

    @property
    def subjects(self) -> list[str]:
        """The subjects that have samples, in the order in which they were measured."""
        return list(dict.fromkeys(subject for _, subject in self.samples))

    def value(self, scenario: str, subject: str, measure: str) -> float | None:
        """Return the figure of all rounds; None without a sample."""
        return self._rounds(scenario, subject, measure).get(_ALL)

    def ratio(self, scenario: str, over: str, under: str, measure: str) -> Ratio | None:
        """Return the ratio `over` / `under`; None unless both were measured in one round."""
        return self.figure(Target("", scenario, over, under, 0, measure=measure))

    def figure(self, target: Target) -> Ratio | None:
        """Return what a target is about; None if that was not measured."""
        values = self._values(target.over, target)
        units = self._values(target.under, target) if target.under else dict.fromkeys(values, target.unit)
        within = _within(values, units)
        return Ratio(values[_ALL] / units[_ALL], min(within), max(within)) if within else None

    def _values(self, subject: str, target: Target) -> dict[int, float]:
        """Return a target's measure of a subject by round, or how many times that of the earlier scenario it is."""
        values, before = (self._rounds(name, subject, target.measure) for name in (target.scenario, target.since))
        return {n: value / before[n] for n, value in values.items() if n in before} if target.since else values

    def _rounds(self, scenario: str, subject: str, measure: str) -> dict[int, float]:
        values = {number: sample[measure] for number, sample in self.samples.get((scenario, subject), {}).items()}
        return {_ALL: _of_all([*values.values()], measure), **values} if values else {}

    def ratios(self, scenario: str, over: str, under: str, measure: str) -> list[float]:
        """Return the ratio `over` / `under` of each round."""
        first, second = (self._rounds(scenario, subject, measure) for subject in (over, under))
        return _within(first, second)


def _within(values: dict[int, float], units: dict[int, float]) -> list[float]:
    """Return the ratio of each round that both have."""
    return [value / units[number] for number, value in values.items() if number != _ALL and units.get(number)]


def _of_all(values: list[float], measure: str) -> float:
    """Return the median memory of all rounds, or the lowest time: other load on the machine only adds."""
    return median(values) if measure == "memory" else min(values)
