"""A long text into pieces of a size."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..schemas.errors import ConfigError
from ..schemas.estimate import estimate_text

# Where a text may be cut, from the best place to the worst: after a paragraph, a line, a sentence, a word.
_BORDERS = tuple(
    re.compile(pattern)
    for pattern in (r"(?<=\n)(?=[^\n])(?<=\n\n)", r"(?<=\n)", r"(?<=[.!?])(?=\s)|(?<=[。！？])", r"(?<=\s)(?=\S)")
)


def split(text: str, size: int, overlap: int = 0) -> list[str]:
    """Pieces of at most `size` tokens (estimated) that together hold all of the text but white space at their borders;
    each begins with up to `overlap` tokens of the one before. Raises ConfigError when overlap is not less than size.
    """
    if size < 1 or not 0 <= overlap < size:
        raise ConfigError("pieces need a size of 1 or more and an overlap below it", hint=f"{size=}, {overlap=}")
    pieces: list[str] = []
    open_: list[str] = []
    for fragment in _fragments(text, size, _BORDERS):
        if open_ and estimate_text("".join([*open_, fragment])) > size:
            pieces.append("".join(open_))
            open_ = _tail(open_, overlap, size - estimate_text(fragment))
        open_.append(fragment)
    pieces.append("".join(open_))
    return [piece.strip() for piece in pieces if piece.strip()]


def _fragments(text: str, size: int, borders: tuple[re.Pattern[str], ...]) -> Iterator[str]:
    """The text in parts that are no longer than `size`, cut at the best borders that do."""
    if estimate_text(text) <= size:
        yield text
    elif borders:
        for part in borders[0].split(text):
            yield from _fragments(part, size, borders[1:])
    else:
        # A word without end: halved, since no letter takes more than the two tokens that the estimate gives some.
        middle = len(text) // 2
        for half in (text[:middle], text[middle:]) if middle else (text,):
            yield from _fragments(half, size, ()) if middle else (half,)


def _tail(fragments: list[str], overlap: int, room: int) -> list[str]:
    """The last fragments of a piece, up to the overlap, and to the room that the next fragment leaves."""
    kept: list[str] = []
    for fragment in reversed(fragments) if overlap else ():  # a control character is estimated at no token at all
        if estimate_text("".join([fragment, *kept])) > min(overlap, room):
            break
        kept.insert(0, fragment)
    return kept
