"""Suggest the known name that a misspelt one stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MOST_SHOWN = 60
_LONGEST = 80
"""The most characters of a name that is compared letter by letter."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known name that `name` misspells, whatever the order of its words.

    If there is none, the hint lists all names, or says how many there are if they are more than 60: a name that only
    looks alike would mislead.
    """
    names = sorted(set(known))
    if (meant := misspelt(name, names)) is not None:
        return f"did you mean {meant!r}?"
    if len(names) <= _MOST_SHOWN:
        return f"known are {', '.join(names) or 'none'}"
    return f"none of the {len(names)} known is similar"


def misspelt(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` misspells, or None if it is another word.

    Each of its words may differ in one letter, or in two from 8 letters on; a short one begins with the same letter.
    So top_k does not misspell top_p, nor min_tokens max_tokens. Case, underscores and the order of words do not count.
    """
    if len(name) > _LONGEST:
        return None
    names, words = list(known), sorted(_words(name))
    found = [(edits, each) for each in names if (edits := _distance(name, each)) >= 0]
    if found:
        return min(found)[1]
    return next((each for each in names if sorted(_words(each)) == words), None)


def closest(name: str, known: Iterable[str], likeness: float) -> str | None:
    """Return the known name that is most like `name`; None if none has at least this likeness, from 0 to 1."""
    from difflib import get_close_matches  # needed only for errors

    return next(iter(get_close_matches(name, list(known), 1, likeness)), None)


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


def _distance(name: str, other: str) -> int:
    """Return how many letters are misspelt; -1 for another name."""
    ours, theirs = _words(name), _words(other)
    joined, wanted = "".join(ours), "".join(theirs)
    if joined == wanted:
        return 0
    if len(ours) != len(theirs):
        edits = _edits(joined, wanted)
        return edits if edits <= min(2, max(len(joined), len(wanted)) // 5) else -1
    distances = [_of_word(one, two) for one, two in zip(ours, theirs, strict=True)]
    return -1 if -1 in distances else sum(distances)


def _of_word(one: str, two: str) -> int:
    if one == two:
        return 0
    edits, longest = _edits(one, two), max(len(one), len(two))
    if edits > (1 if longest < 8 else 2):
        return -1
    letters = longest <= 2 and len(one) == len(two)  # k and p, id and in
    return -1 if letters or (longest <= 4 and one[0] != two[0]) else edits


def _edits(one: str, two: str) -> int:
    """Count the letters to add, remove, replace or swap with the next, to make one word of the other."""
    if abs(len(one) - len(two)) > 2:
        return 3
    before, row = [], list(range(len(two) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(two, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other)))
            if i > 1 and j > 1 and letter == two[j - 2] and one[i - 2] == other:
                row[j] = min(row[j], last[j - 2] + 1)
    return row[-1]
