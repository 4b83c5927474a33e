"""Keys of items: text that finds an item's result again in a later run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b

from ...schemas.errors import ConfigError
from ...schemas.json_schema.write_value import plain_data
from ...schemas.json_text import SORT_KEYS, dumps, short_json

KeyOf = str | Callable[[object], object] | None
"""The field of an item that is its key, or a function that returns it; None makes one of its number and content."""


def item_key(item: object, index: int, key: KeyOf) -> str:
    """Return the key of an item.

    index: its number in the input, from 0.
    key: the field that has it, or a function of the item; None makes `number-digest`, in which the digest is that of
        the item's JSON.

    Raises ConfigError for an item without the field, and for one that has no JSON and needs a key therefore.
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
        raise ConfigError(f"a key cannot be {short_json(found) if found is None else type(found).__name__}")
    return str(found)


def item_digest(item: object) -> str:
    """Return a digest of an item's JSON. Raises ConfigError for one that has none."""
    try:
        content = dumps(item, plain_data, SORT_KEYS)
    except TypeError:
        raise ConfigError(
            f"a {type(item).__name__} cannot be recognised in a later run", hint="pass key=: a function of the item"
        ) from None
    return blake2b(content, digest_size=6).hexdigest()
