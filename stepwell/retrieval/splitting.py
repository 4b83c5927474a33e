"""Split a long text into pieces of a given size."""

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
    """Split a text into pieces that together hold all of it except white space at their borders.

    Raises ConfigError when the size is below 1 or the overlap not below the size.

    text: what to split, at paragraphs, else lines, sentences, words.
    size: most tokens of a piece (estimated).
    overlap: most tokens that a piece repeats from the end of the one before.
    """
    if size < 1 or not 0 <= overlap < size:
        raise ConfigError(
            f"a text cannot be split by {size=} and {overlap=}",
            hint="pass a size of 1 or more, and an overlap of 0 or more that is below the size",
        )
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
    """Yield parts of at most `size` tokens, cut at the first kind of border that makes them short enough."""
    if estimate_text(text) <= size:
        yield text
    elif borders:
        for part in borders[0].split(text):
            yield from _fragments(part, size, borders[1:])
    else:
        # A very long word is halved until it fits; a single letter, estimated at two tokens at most, is left as it is.
        middle = len(text) // 2
        for half in (text[:middle], text[middle:]) if middle else (text,):
            yield from _fragments(half, size, ()) if middle else (half,)


def _tail(fragments: list[str], overlap: int, room: int) -> list[str]:
    """Return the last fragments of a piece for the next one to repeat.

    fragments: the piece.
    overlap: most tokens to repeat.
    room: tokens that are left in the next piece.
    """
    kept: list[str] = []
    for fragment in reversed(fragments) if overlap else ():  # a control character is estimated at 0 tokens
        if estimate_text("".join([fragment, *kept])) > min(overlap, room):
            break
        kept.insert(0, fragment)
    return kept
