"""Find the item that a streamed event belongs to, and the places of its parts in the message.

Events name their item by an id, by an index, or by both, and servers are inconsistent: some change the ids from event
to event, some number contents differently in the deltas than in the final item, some leave items out of the last list
or give every item the same index. So an item is found by its id, else by its index while it is open, else by its kind
and order. llama.cpp sends no indexes: there the order of appearance counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field

PLACES = 100
"""How many places each item has: a part's place is its item's index times this, plus its own within the item."""
MESSAGE, REASONING, CALL = "message", "reasoning", "call"
_CALLS = frozenset(("function_call", "custom_tool_call"))


def kind_of(item: Mapping[str, Any]) -> str:
    """Return an item's kind: its type, but one kind for all calls, whose deltas are alike."""
    kind = item.get("type")
    return CALL if kind in _CALLS else str(kind)


@define(eq=False)
class Item:
    """One output item."""

    kind: str
    base: int
    """The place of its first part."""
    shown: set[int] = field(factory=set)
    """The places that deltas have filled."""
    parts: list[int | None] = field(factory=list)
    """The indexes of the parts of its reasoning that have grown, the last one last."""
    texts: dict[int | None, str] = field(factory=dict)
    """The texts of a reasoning item that have ended, which all stand at its place."""
    begun: bool = False
    """Whether its call has started."""
    given: Mapping[str, Any] | None = None
    """The item as its beginning has it, which is all there is of it on some servers."""
    waits: bool = False
    """Whether arguments came before it had started."""
    done: bool = False
    """Whether it is complete."""

    def match(self, places: Sequence[int]) -> list[int]:
        """Match the parts of the final item to the places that deltas filled.

        Returns for each place of the final item the place in the message. Parts that the deltas numbered differently
        are matched in order.
        """
        spare = sorted(self.shown - set(places))
        return [place if place in self.shown or not spare else spare.pop(0) for place in places]


@define
class Items:
    """All items of one stream, in the order in which they appeared."""

    all: list[Item] = field(factory=list)
    _by_id: dict[str, Item] = field(factory=dict)
    _by_index: dict[int, Item] = field(factory=dict)
    _by_kind: dict[str, list[Item]] = field(factory=dict)
    _bases: set[int] = field(factory=set)
    _top: int = 0
    """The highest base that an item has had."""
    _done: int = 0
    """How many of the first items are done."""

    def find(self, data: Mapping[str, Any], kind: str, *, begins: bool = False, whole: bool = False) -> Item:
        """Find the item of an event, or add a new one.

        data: the event
        kind: the item's kind
        begins: the event is the item's beginning
        whole: the event is the item's end
        """
        id, index = data.get("item_id") or (data.get("item") or {}).get("id") or "", data.get("output_index")
        item = self._find(id, index, kind)
        if begins and item is not None and (item.begun or item.shown) and self._by_id.get(id or "\0") is not item:
            item = None  # another one with the same index: the end of the first was left out
        if whole and (item is None or not (item.shown or item.begun or item.done)):
            item = self._find_shown(item, index, kind)
        if item is None and index is None and not begins:
            item = next((each for each in reversed(self._not_done()) if each.kind == kind and not each.done), None)
        if item is None:
            item = Item(kind, self._free(index))
            self.all.append(item)
            self._by_kind.setdefault(kind, []).append(item)
        if id or index is None:
            self._by_id[id] = item
        if index is not None:
            self._by_index[index] = item
        return item

    def listed(self, item: Mapping[str, Any], at: int, kind: str, nth: int) -> Item | None:
        """Find an item of the final response's list; None if it is new.

        item: the item as listed
        at: its index in the list
        kind: its kind
        nth: its position among the items of its kind
        """
        for found in (self._by_id.get(item.get("id") or "\0"), self._by_index.get(at)):
            if found is not None and found.kind == kind:
                return found
        same = self._by_kind.get(kind, [])
        return same[nth] if nth < len(same) else None

    def _find(self, id: str, index: int | None, kind: str) -> Item | None:
        found = self._by_id.get(id) if id or index is None else None
        if found is not None and found.kind == kind and (id or not found.done):
            return found
        found = self._by_index.get(index) if index is not None else None
        return found if found is not None and found.kind == kind and not found.done else None

    def _find_shown(self, named: Item | None, index: int | None, kind: str) -> Item | None:
        """Return the open item with deltas that an end event is for. If the item that it names has none, that is the
        one at the same index under another id; if it names no item, the first open one."""
        if named is None:
            return next((each for each in self._not_done() if each.kind == kind and each.shown and not each.done), None)
        at = self._by_index.get(index) if index is not None else None
        if at is None or at.kind != kind or not at.shown or at.done:
            return named
        self.all.remove(named)
        self._by_kind[named.kind].remove(named)
        self._bases.discard(named.base)
        self._done = 0
        return at

    def _not_done(self) -> list[Item]:
        """Return the items after the first ones, which are done."""
        while self._done < len(self.all) and self.all[self._done].done:
            self._done += 1
        return self.all[self._done :]

    def _free(self, index: int | None) -> int:
        base = (len(self.all) if index is None else index) * PLACES
        if base in self._bases:
            base = self._top + PLACES
        self._bases.add(base)
        self._top = max(self._top, base)
        return base
