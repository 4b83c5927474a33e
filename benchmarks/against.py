"""Compare another commit with the present tree, as two subjects of one run.

They take turns, round by round, so that other load on the machine affects both. A scenario is a loss if the median of
the ratios after / before is over 1.03 and their lower quartile over 1.00, so that most rounds agree.
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
MEDIAN_LIMIT, QUARTILE_LIMIT = 1.03, 1.00
LAYERS = ("schemas", "model_metadata", "pipeline", "providers")


class NoSuchCommit(ValueError):
    """A commit that git does not have, or cannot check out; the message is git's."""


@contextmanager
def two_subjects(commit: str, folder: Path) -> Iterator[list[Subject]]:
    """Check the commit out in the folder; give it and the present tree, uncommitted changes included, as subjects.

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
    """Link the tree's five folders into one package, as they are installed; return the folder for PYTHONPATH.

    It takes precedence over the editable install, whose import hook comes last.
    """
    package = folder / "stepwell"
    package.mkdir(parents=True)
    for path in [*(root / "stepwell").iterdir(), *(root / layer for layer in LAYERS)]:
        if path.name != "__pycache__":
            (package / path.name).symlink_to(path)
    return folder


def _git(*words: str) -> None:
    process = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    if process.returncode:
        raise NoSuchCommit(process.stderr.strip() or f"git {words[0]} failed")


@dataclass(frozen=True)
class Change:
    """The ratios after / before of one scenario, one for each round."""

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
        """ "LOSS", "gain" (by the same rule, inverted) or ""."""
        low, high = self.quartiles
        if self.median > MEDIAN_LIMIT and low > QUARTILE_LIMIT:
            return "LOSS"
        return "gain" if self.median < 1 / MEDIAN_LIMIT and high < QUARTILE_LIMIT else ""


def changes(results: Results, scenarios: Iterable[Scenario]) -> dict[Scenario, Change]:
    """Return the change of each scenario that was measured for both."""
    measured = {each: results.ratios(each.name, AFTER, BEFORE, each.measure) for each in scenarios}
    return {each: Change(tuple(ratios)) for each, ratios in measured.items() if ratios}


def report(found: dict[Scenario, Change], results: Results) -> str:
    """Write a table of all scenarios, and a line for each that could not be measured."""
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
