"""Rows of one test: what `pytest.mark.parametrize` makes many tests of, run as one.

A test of its own costs pytest three milliseconds in each run, to collect, to distribute and to report, however little
it does. That is worth it where its id says what broke; where many rows are one law, a failure names its row instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

import pytest

Test = Callable[..., None]


@contextmanager
def patched_by_one_row(fixtures: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give a `monkeypatch` of its own to a row: a variable that an earlier one had set would hide that it sets none."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(value.context()) if isinstance(value, pytest.MonkeyPatch) else value
            for name, value in fixtures.items()
        }


def in_turn(names: str | Sequence[str], rows: Iterable[Any]) -> Callable[[Test], Test]:
    """Run a test for every row, one after the other, with the arguments of `pytest.mark.parametrize`.

    The rows share the fixtures of the one test, but what a row patches is undone before the next one. The first row
    that fails ends it, and is noted in the error.

    Raises TypeError for an async test, which would be waited for by nothing, and ValueError where there is no row.
    """
    names = (names,) if (alone := isinstance(names, str)) else names
    kept = [(row,) if alone else row for row in rows]
    if not kept:
        raise ValueError(f"there are no rows of {', '.join(names)}, so that nothing would be tested")

    def decorate(test: Test) -> Test:
        if inspect.iscoroutinefunction(test):
            raise TypeError(f"{test.__name__} is async: run its loop inside it")

        @wraps(test)
        def all_rows(**fixtures: Any) -> None:
            for at, row in enumerate(kept):
                given = dict(zip(names, row, strict=True))
                try:
                    with patched_by_one_row(fixtures) as own:
                        test(**own, **given)
                except pytest.skip.Exception:
                    raise AssertionError("a row that is skipped would skip those after it: leave it out") from None
                except BaseException as error:
                    shown = ", ".join(f"{name}={value!r:.200}" for name, value in given.items())
                    error.add_note(f"in row {at}: {shown}")
                    raise

        signature = inspect.signature(test)
        left = [each for name, each in signature.parameters.items() if name not in names]
        all_rows.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return all_rows

    return decorate
