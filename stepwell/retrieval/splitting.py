"""Split a long text into pieces of a given size."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from ..schemas.errors import ConfigError
from ..schemas.estimate import WINDOW, bound_for_parts, estimate_text, is_longer

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
    bound = bound_for_parts(text)
    open_ = _Piece(bound)
    for fragment in _fragments(text, size, _BORDERS):
        if not open_.takes(fragment, size):
            pieces.append("".join(open_.fragments))
            open_ = _tail(open_.fragments, overlap, size - estimate_text(fragment), bound)
        open_.add(fragment)
    pieces.append("".join(open_.fragments))
    return [piece.strip() for piece in pieces if piece.strip()]


class _Piece:
    """Fragments of a piece, with a bound on what they are estimated at together.

    All of them are estimated together only where the bound is not enough: at each fragment, it would cost the piece.
    """

    def __init__(self, bound: Callable[[str], int]) -> None:
        self.fragments: deque[str] = deque()
        self._bound = bound
        self._most = 0

    def takes(self, fragment: str, size: int, *, in_front: bool = False) -> bool:
        """Return whether the fragment fits in as well. A first one always does, unless it is `in_front`."""
        more = self._bound(fragment)
        if self._most + more > size and (self.fragments or in_front):
            parts = [fragment, *self.fragments] if in_front else [*self.fragments, fragment]
            together = self._bound("".join(parts))
            self._most = together - more
            return together <= size
        return True

    def add(self, fragment: str, *, in_front: bool = False) -> None:
        (self.fragments.appendleft if in_front else self.fragments.append)(fragment)
        self._most += self._bound(fragment)


def _fragments(text: str, size: int, borders: tuple[re.Pattern[str], ...]) -> Iterator[str]:
    """Yield parts of at most `size` tokens, cut at the first kind of border that makes them short enough."""
    if not is_longer(text, size):
        yield text
    elif borders:
        for part in _cut(text, borders[0]):
            yield from _fragments(part, size, borders[1:])
    else:
        # A very long word is halved until it fits; a single letter, estimated at two tokens at most, is left as it is.
        middle = len(text) // 2
        for half in (text[:middle], text[middle:]) if middle else (text,):
            yield from _fragments(half, size, ()) if middle else (half,)


def _cut(text: str, border: re.Pattern[str]) -> Iterator[str]:
    """Yield the parts of a text between borders, which are found a bit of the text at a time."""
    start = 0
    for at in range(0, len(text), WINDOW):
        end = at + WINDOW
        for found in border.finditer(text, at, end + 1):  # whether the last is one depends on the letter after it
            if start < (place := found.start()) < end:
                yield text[start:place]
                start = place
    yield text[start:]


def _tail(fragments: Sequence[str], overlap: int, room: int, bound: Callable[[str], int]) -> _Piece:
    """Return the last fragments of a piece for the next one to repeat, as the beginning of that.

    fragments: the piece.
    overlap: most tokens to repeat.
    room: tokens that are left in the next piece.
    bound: of the tokens of a fragment.
    """
    tail = _Piece(bound)
    for fragment in reversed(fragments) if overlap else ():  # a control character is estimated at 0 tokens
        if not tail.takes(fragment, min(overlap, room), in_front=True):
            break
        tail.add(fragment, in_front=True)
    return tail
