"""The samples of a run, and medians and ratios of them."""

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.curves import Curve
from benchmarks.scenarios import Target


@dataclass(frozen=True)
class Ratio:
    """The median, the lowest and the highest of the ratios, or figures, of all rounds."""

    median: float
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
        """Return the median of the rounds; None without a sample."""
        rounds = self.samples.get((scenario, subject))
        return median(sample[measure] for sample in rounds.values()) if rounds else None

    def ratio(self, scenario: str, over: str, under: str, measure: str) -> Ratio | None:
        """Return the ratio `over` / `under`; None unless both were measured in one round."""
        return _spread(self.ratios(scenario, over, under, measure))

    def figure(self, target: Target) -> Ratio | None:
        """Return what a target is about; None if that was not measured."""
        over, under = self._by_round(target.over, target), self._by_round(target.under, target)
        if not target.under:
            return _spread([value / target.unit for value in over.values()])
        return _spread([value / under[number] for number, value in over.items() if number in under])

    def _by_round(self, subject: str, target: Target) -> dict[int, float]:
        """Return a target's measure of a subject, or how many times that of the earlier scenario it is."""
        samples, before = (self.samples.get((name, subject), {}) for name in (target.scenario, target.since))
        values = {number: sample[target.measure] for number, sample in samples.items()}
        if not target.since:
            return values
        return {n: value / before[n][target.measure] for n, value in values.items() if n in before}

    def ratios(self, scenario: str, over: str, under: str, measure: str) -> list[float]:
        """Return the ratio `over` / `under` of each round."""
        first, second = self.samples.get((scenario, over), {}), self.samples.get((scenario, under), {})
        pairs = [(sample[measure], second[number][measure]) for number, sample in first.items() if number in second]
        return [a / b for a, b in pairs if b]


def _spread(values: list[float]) -> Ratio | None:
    return Ratio(median(values), min(values), max(values)) if values else None
