"""Before and after: another commit and the present tree, as two subjects of one run.

They take turns, round by round, so that whatever else the machine does falls on both. A scenario is a loss if the
median of the ratios after / before is over 1.03 and their lower quartile over 1.00: one that most rounds agree on.
"""

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from benchmarks.peers import ROOT, Subject
from benchmarks.report import table
from benchmarks.results import Results
from benchmarks.scenarios import Scenario

BEFORE, AFTER = "stepwell_before", "stepwell_after"
ROUNDS = 15
MOST, LEAST = 1.03, 1.00
LAYERS = ("schemas", "model_metadata", "pipeline", "providers")


class NoSuchCommit(ValueError):
    """git has no such commit, or cannot check it out; the text is git's."""


@contextmanager
def two_subjects(commit: str, folder: Path) -> Iterator[list[Subject]]:
    """The commit, checked out in the folder, and the present tree with all that is not committed.

    Raises NoSuchCommit.
    """
    tree = folder / "before"
    _git("worktree", "add", "--detach", "--quiet", str(tree), commit)
    try:
        yield [
            Subject(name, "stepwell_.py", "stepwell", path=str(package_of(root, folder / name)))
            for name, root in ((BEFORE, tree), (AFTER, ROOT))
        ]
    finally:
        _git("worktree", "remove", "--force", str(tree))


def package_of(root: Path, folder: Path) -> Path:
    """A folder for PYTHONPATH in which the tree's five folders are the one package that they install as.

    It comes before the editable install, whose import hook is asked last.
    """
    package = folder / "stepwell"
    package.mkdir(parents=True)
    for path in [*(root / "stepwell").iterdir(), *(root / layer for layer in LAYERS)]:
        if path.name != "__pycache__":
            (package / path.name).symlink_to(path)
    return folder


def _git(*words: str) -> None:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise NoSuchCommit(done.stderr.strip() or f"git {words[0]} failed")


@dataclass(frozen=True)
class Change:
    """The ratios after / before of one scenario, a round each."""

    ratios: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The lower and the upper one."""
        if len(self.ratios) < 2:
            return self.median, self.median
        low, _, high = quantiles(self.ratios, n=4, method="inclusive")
        return low, high

    @property
    def verdict(self) -> str:
        """LOSS, gain (the same rule the other way round) or nothing."""
        low, high = self.quartiles
        if self.median > MOST and low > LEAST:
            return "LOSS"
        return "gain" if self.median < 1 / MOST and high < LEAST else ""


def changes(results: Results, scenarios: Iterable[Scenario]) -> dict[Scenario, Change]:
    """What was measured of both."""
    measured = {each: results.ratios(each.name, AFTER, BEFORE, each.measure) for each in scenarios}
    return {each: Change(tuple(ratios)) for each, ratios in measured.items() if ratios}


def report(found: dict[Scenario, Change], results: Results) -> str:
    """A table of all scenarios, and what could not be measured."""
    rows = [
        [
            f"{scenario.title} ({scenario.measure})",
            f"{change.median:.3f}",
            "{:.3f} to {:.3f}".format(*change.quartiles),
            str(len(change.ratios)),
            change.verdict,
        ]
        for scenario, change in found.items()
    ]
    failed = {f"{subject}, {name}": why for (name, subject), why in results.failures.items()}
    wrong = [f"{what}: {why}" for what, why in (results.unavailable | failed).items()]
    return "\n".join([table(["after / before", "median", "quartiles", "rounds", ""], rows), *wrong])
