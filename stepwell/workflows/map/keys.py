"""Keys of items: texts by which a later run finds the result of an item."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from ...schemas.errors import ConfigError
from ...schemas.json_schema.write_value import plain_data
from ...schemas.json_text import SORT_KEYS, dumps, short_json

KeyOf = str | Callable[[Any], object] | None
"""The field of an item that is its key, or a function that returns it; None makes one of its number and content."""


def item_key(item: object, index: int, key: KeyOf) -> str:
    """Return the key of an item.

    index: its number in the input, from 0.
    key: the field that has it, or a function of the item; None makes `number-digest`, in which the digest is that of
        the item's JSON.

    Raises ConfigError for an item without the field, for a key that is neither text nor a whole number, and without
    `key` for an item that has no JSON form.
    """
    if key is None:
        return f"{index}-{item_digest(item)}"
    if callable(key):
        found = key(item)
    elif not isinstance(item, Mapping):
        raise ConfigError(f"a {type(item).__name__} has no field {key!r}", hint="pass a function of the item as key=")
    elif key not in item:
        raise ConfigError(f"the item has no field {key!r}, which is its key", hint="give it one, or leave out key=")
    else:
        found = item[key]
    if not isinstance(found, str | int) or isinstance(found, bool):
        raise ConfigError(
            f"a key cannot be {short_json(found) if found is None else type(found).__name__}",
            hint="a key is text or a whole number",
        )
    return str(found)


def key_or_error(item: object, index: int, key: KeyOf) -> tuple[str, Exception | None]:
    """Return the key of an item, and None; of one without, the error of `item_key`, or of the caller's function.

    The key is then made of its number, and a digest if it has one, so that it is the same in each run.
    """
    try:
        return item_key(item, index, key), None
    except Exception as error:
        return spare_key(item, index), error


def spare_key(item: object, index: int) -> str:
    """Return a key for an item that cannot have its own: of its number and its content, or its type without JSON."""
    try:
        return item_key(item, index, None)
    except ConfigError:
        return item_key(type(item).__qualname__, index, None)


def item_digest(item: object) -> str:
    """Return a digest of an item's JSON. Raises ConfigError for an item that has no JSON form."""
    try:
        content = dumps(item, plain_data, SORT_KEYS)
    except TypeError:
        raise ConfigError(
            f"a {type(item).__name__} cannot be recognised in a later run",
            hint="pass key=: a field or a function of the item",
        ) from None
    return blake2b(content, digest_size=6).hexdigest()


def digest_or_none(item: object) -> str | None:
    """Return a digest of an item's JSON, None for an item that has no JSON form."""
    try:
        return item_digest(item)
    except ConfigError:
        return None


class KeyTable:
    """A hash table of numbers by key, with 24 to 48 bytes for each: it stores 64-bit digests in place of the keys.

    The chance that two of a million keys have the same digest is one in 37 million.
    """

    def __init__(self) -> None:
        self._digests, self._numbers = _slots(64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: str) -> bool:
        return self.find(key) is not None

    def find(self, key: str) -> int | None:
        """Return the number of a key, or None."""
        if not self._count:
            return None
        digest = _digest(key)
        at = _place(self._digests, digest)
        return self._numbers[at] if self._digests[at] == digest else None

    def add(self, key: str, number: int = 0) -> bool:
        """Add a key with its number, and return whether it is new. A key that is not new keeps its number."""
        digest = _digest(key)
        at = _place(self._digests, digest)
        if self._digests[at] == digest:
            return False
        self._digests[at], self._numbers[at] = digest, number
        self._count += 1
        if self._count * 3 > len(self._digests) * 2:
            self._grow()
        return True

    def set(self, key: str, number: int) -> None:
        """Add a key with its number, or give it another number."""
        if not self.add(key, number):
            self._numbers[_place(self._digests, _digest(key))] = number

    def _grow(self) -> None:
        """Double the number of slots."""
        digests, numbers = _slots(2 * len(self._digests))
        for digest, number in zip(self._digests, self._numbers, strict=True):
            if digest:
                at = _place(digests, digest)
                digests[at], numbers[at] = digest, number
        self._digests, self._numbers = digests, numbers


def _slots(count: int) -> tuple[array[int], array[int]]:
    """Make the free slots of a table: digests (0 is free) and numbers. The count is a power of two."""
    return array("Q", bytes(8 * count)), array("Q", bytes(8 * count))


def _place(digests: array[int], digest: int) -> int:
    """Return the slot that holds a digest, or the free slot where it belongs."""
    mask = len(digests) - 1
    at = digest & mask
    while (found := digests[at]) and found != digest:
        at = (at + 1) & mask
    return at


def _digest(key: str) -> int:
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") or 1
