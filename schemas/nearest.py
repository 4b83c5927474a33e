"""Suggest the known name that a misspelt one stands for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST_SHOWN = 60


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known name closest to `name`; without a close one, list all names, or the three closest.

    All names are listed up to 60 of them.
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, 1, 0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    if len(names) <= _MOST_SHOWN:
        return f"known are {', '.join(names)}"
    nearby = difflib.get_close_matches(name, names, 3, 0.0)
    return f"none of the {len(names)} known is close; the nearest are {', '.join(nearby)}"
