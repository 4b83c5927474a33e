"""The samples of a run and what can be asked of them."""

from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """The median of the ratios of all rounds, and the lowest and highest of them."""

    median: float
    low: float
    high: float


@dataclass
class Results:
    """`samples[scenario, subject][round]` is one sample: cpu and wall in seconds a run, memory in bytes."""

    samples: dict[tuple[str, str], dict[int, dict[str, float]]] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, scenario: str, subject: str, number: int, sample: dict[str, Any]) -> None:
        if "error" in sample:
            self.failures[scenario, subject] = sample["error"]
        else:
            self.samples.setdefault((scenario, subject), {})[number] = sample

    @property
    def subjects(self) -> list[str]:
        """The subjects that were measured at all, in the order they were."""
        return list(dict.fromkeys(subject for _, subject in self.samples))

    def value(self, scenario: str, subject: str, measure: str) -> float | None:
        """The median over the rounds; None where it was not measured."""
        rounds = self.samples.get((scenario, subject))
        return median(sample[measure] for sample in rounds.values()) if rounds else None

    def ratio(self, scenario: str, over: str, under: str, measure: str) -> Ratio | None:
        """How many times `under` goes into `over`; None unless both were measured in one round."""
        ratios = self.ratios(scenario, over, under, measure)
        return Ratio(median(ratios), min(ratios), max(ratios)) if ratios else None

    def ratios(self, scenario: str, over: str, under: str, measure: str) -> list[float]:
        """How many times `under` goes into `over`, round by round."""
        first, second = self.samples.get((scenario, over), {}), self.samples.get((scenario, under), {})
        pairs = [(sample[measure], second[number][measure]) for number, sample in first.items() if number in second]
        return [a / b for a, b in pairs if b]
