"""The cost of a test, by its fixtures, and a guard against tests without the fixtures they need."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from stepwell.providers.local import server

MARK_OF = {"local_model": "model", "new_process": "process", "framework": "framework", "documents": "docs"}
_FIXTURE_OF = {mark: fixture for fixture, mark in MARK_OF.items()}
_FIRST = ("framework", "process", "docs", "model")
"""The marks in the order in which their tests run, before all others."""
_IMPORT = re.compile(r"^(?:from|import) (?:langchain|llama_index)", re.MULTILINE)
_allowed: list[set[str]] = []
"""The marks of the test that runs, if one does, and of a fixture that may do more."""


def of(item: pytest.Item) -> list[str]:
    """Return the marks that follow from the fixtures of a test."""
    asked = getattr(item, "fixturenames", ())
    return [mark for fixture, mark in MARK_OF.items() if fixture in asked]


def thorough_after(first: int, rows: Iterable[Any]) -> list[Any]:
    """Return rows for `parametrize`, all but the first few of which `make quick` leaves out."""
    return [row if at < first else pytest.param(row, marks=pytest.mark.thorough) for at, row in enumerate(rows)]


def imports_framework(path: Path) -> bool:
    """Check whether a file of tests imports a framework at once, and so has no test that does without."""
    return path.suffix == ".py" and bool(_IMPORT.search(path.read_text(encoding="utf-8")))


def order(item: pytest.Item) -> int:
    """Return the place of a test in the run: what is dear comes first, and what shares something comes together.

    A worker of pytest-xdist gets tests that follow each other, and so starts one server and imports a framework once.
    """
    marks = of(item)
    return next((at for at, mark in enumerate(_FIRST) if mark in marks), len(_FIRST))


@contextmanager
def allowing(marks: set[str]) -> Iterator[None]:
    """Let the guard pass what these marks stand for, and nothing else."""
    _allowed.append(marks)
    try:
        yield
    finally:
        _allowed.pop()


def guard() -> None:
    """Fail tests that start a process or use the embedded model without the fixture for it."""
    # Set for good: the guard belongs to the whole run of pytest, as marks do.
    server.base_url = _only_with("model", server.base_url)
    os.fork = _only_with("process", os.fork)
    subprocess.Popen.__init__ = _only_with("process", subprocess.Popen.__init__)  # type: ignore[method-assign]


def _only_with(mark: str, what: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(what)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if _allowed and mark not in _allowed[-1]:
            pytest.fail(f"a test that does this asks for it: pytest.mark.usefixtures({_FIXTURE_OF[mark]!r})")
        return what(*args, **kwargs)

    return guarded
