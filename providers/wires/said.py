"""How much of a text its deltas have said, for formats whose end repeats the whole text."""

from __future__ import annotations

from ...schemas.record import define


@define(eq=False)
class Said:
    """The length of a streamed text and its last piece: enough to tell a repetition, without keeping the text."""

    length: int = 0
    last: str = ""

    def add(self, piece: str) -> None:
        self.length += len(piece)
        self.last = piece

    def rest(self, whole: str) -> str | None:
        """Return what the whole text adds to what was said, and note it as said; None if it is another text."""
        if len(whole) < self.length or whole[self.length - len(self.last) : self.length] != self.last:
            return None if whole else ""
        rest = whole[self.length :]
        if rest:
            self.add(rest)
        return rest


CONTRADICTION = "the end of the stream has another text than its pieces had; theirs was kept"
"""Why an end is not trusted."""
