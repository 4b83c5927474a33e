"""Find the block of a streamed event, and the block's place in the message.

Formats with blocks number them, and each block has a beginning, pieces and an end. Servers that imitate a format give
all blocks the number 0, use a number again, send none, or leave ends out. A block that begins where another has been is
a new one: what has ended is never written over.
"""

from __future__ import annotations

from attrs import define, field


@define
class Blocks:
    """The blocks of one stream."""

    places: dict[int | None, int] = field(factory=dict)
    """The places of the open blocks, by the number that the server gives them; None for a block without one. The block
    that began last is the last."""
    next_place: int = 0
    """The place behind all blocks so far."""
    call_ids: set[str] = field(factory=set)
    """The ids of the calls."""

    def begin(self, number: int | None) -> int:
        """Open a block, and return its place: its number, or the next place where that is used or missing."""
        self.places.pop(number, None)  # so that it is put last
        place = self.next_place if number is None or number < self.next_place else number
        self.places[number] = place
        self.next_place = place + 1
        return place

    def find(self, number: int | None) -> int | None:
        """Return the place of the open block with this number; None if there is none.

        Without a number, the block that began last is meant. A block that began without one is found by any number.
        """
        if number is None:
            return next(reversed(self.places.values()), None)
        place = self.places.get(number)
        return self.places.get(None) if place is None else place

    def find_or_begin(self, number: int | None) -> int:
        """Return the place of the open block with this number, or open one: its beginning was left out."""
        place = self.find(number)
        return self.begin(number) if place is None else place

    def end(self, number: int | None) -> int | None:
        """Close the open block with this number, and return its place; None if there is none."""
        place = self.places.pop(number, None)
        if place is None and (place := self.find(number)) is not None:
            self.places = {name: each for name, each in self.places.items() if each != place}
        return place
