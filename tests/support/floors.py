"""The oldest allowed version of every dependency and extra, pinned exactly, one requirement a line.

`python tests/support/floors.py > floors.txt`, then `pip install -r floors.txt`: a floor that is too low shows at once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent.parent / "pyproject.toml"
NOT_OURS = ("dev", "docs", "ray")
"""Extras that nobody but us installs, and Ray, which has an environment of its own: see `make test-ray`."""


def requirements(project: dict[str, object]) -> Iterator[str]:
    """Return every requirement of the package and of its extras, as written in pyproject.toml."""
    yield from project["dependencies"]  # type: ignore[misc]
    for name, extra in project["optional-dependencies"].items():  # type: ignore[attr-defined]
        if name not in NOT_OURS:
            yield from extra


def floors(text: str) -> list[str]:
    """Return a pyproject.toml's requirements with `==` for `>=`, each once. Raises ValueError if one has no floor."""
    pinned: dict[str, str] = {}
    unpinned: list[tuple[str, str]] = []
    for each in requirements(tomllib.loads(text)["project"]):
        found = re.fullmatch(r"([A-Za-z0-9._-]+)(\[[\w, -]+\])?(?:>=([\w.]+)(?:,<[\w.]+)?)?", each.replace(" ", ""))
        if found is None:
            raise ValueError(f"{each!r} is not written as name>=version, or name>=version,<version")
        name, extra, floor = found.group(1).lower(), found.group(2) or "", found.group(3)
        if floor is None:
            unpinned.append((name, extra))
        elif pinned.setdefault(name + extra, floor) != floor:
            raise ValueError(f"{name} has two floors: {pinned[name + extra]} and {floor}")
    known = {key.partition("[")[0]: floor for key, floor in pinned.items()}
    for name, extra in unpinned:
        if name not in known:
            raise ValueError(f"{name} has no floor")
        pinned[name + extra] = known[name]
    return [f"{key}=={floor}" for key, floor in pinned.items()]


if __name__ == "__main__":
    print("\n".join(floors(PYPROJECT.read_text())))
