"""Suggest the known name that a misspelt one stands for."""

from __future__ import annotations

from collections.abc import Iterable

_MOST_SHOWN = 60


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known name closest to `name`, whatever the order of its words.

    If none is close, the hint lists all names, or the three nearest of more than 60.
    """
    names = sorted(set(known))
    if (close := closest(name, names)) is not None:
        return f"did you mean {close!r}?"
    if len(names) <= _MOST_SHOWN:
        return f"known are {', '.join(names) or 'none'}"
    return f"none of the {len(names)} known is close; the nearest are {', '.join(_most_alike(name, names, 3, 0.0))}"


def closest(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the known name that is most like `name`; None if none has at least this likeness, from 0 to 1."""
    return next(iter(_most_alike(name, known, 1, likeness)), None)


def _most_alike(name: str, known: Iterable[str], most: int, likeness: float) -> list[str]:
    from difflib import get_close_matches  # needed only for errors

    names = list(known)
    words = sorted(name.lower().split("_"))
    reordered = [each for each in names if sorted(each.split("_")) == words]
    return reordered or get_close_matches(name, names, most, likeness)
