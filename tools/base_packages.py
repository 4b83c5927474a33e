"""Hide the packages that the base installation lacks, so that a snippet sees what most readers have.

Left are the dependencies of stepwell and those of its extras `local` and `fast`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Sequence
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from types import ModuleType
from typing import Any

_REQUIRED = re.compile(r"([\w.-]+)[^;]*(?:;(.*))?")
EXTRAS = ("local", "fast")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _needed(distribution: str, extras: Collection[str] = ()) -> set[str]:
    """Return the names of all distributions that one needs, with some of its extras, itself included."""
    found, waiting = {_plain(distribution)}, [(distribution, extras)]
    while waiting:
        name, chosen = waiting.pop()
        try:
            lines = requires(name) or []
        except PackageNotFoundError:
            continue  # for another system, or another version of Python
        for required, condition in (_REQUIRED.match(line).groups() for line in lines):  # type: ignore[union-attr]
            extra = re.search(r"extra == ['\"](.+?)['\"]", condition or "")
            if (extra is None or extra[1] in chosen) and _plain(required) not in found:
                found.add(_plain(required))
                waiting.append((required, ()))
    return found


@cache
def further_packages() -> frozenset[str]:
    """Return the importable names of all installed packages beyond the base installation."""
    base = _needed("stepwell", EXTRAS)
    names = packages_distributions()
    return frozenset(name for name, places in names.items() if base.isdisjoint(map(_plain, places)))


class _Without:
    """A finder of modules that finds none of some packages."""

    def __init__(self, finder: Any, hidden: frozenset[str]) -> None:
        self._finder, self._hidden = finder, hidden
        if hasattr(finder, "find_distributions"):  # for the metadata of what is left
            self.find_distributions = finder.find_distributions

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the finder finds; None for a module of a hidden package."""
        if name.partition(".")[0] in self._hidden:
            return None
        found: ModuleSpec | None = self._finder.find_spec(name, path, target)
        return found


def hide(packages: frozenset[str]) -> None:
    """Make these packages impossible to import in this process, also those that are loaded already."""
    if not packages:
        return
    sys.meta_path[:] = [_Without(finder, packages) for finder in sys.meta_path if hasattr(finder, "find_spec")]
    for name in list(sys.modules):
        if name.partition(".")[0] in packages:
            del sys.modules[name]
