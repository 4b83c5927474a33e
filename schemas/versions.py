"""Format versions of stored data: data of an older version is read, data of a newer one is refused."""

from __future__ import annotations


def refused_version(found: object, newest: int, what: str) -> str | None:
    """Return why data of a format version cannot be read; None if it can.

    found: the version in the data; None stands for the first one, which had no number.
    newest: the newest version that can be read.
    what: how the message names the data.
    """
    if found is None or (type(found) is int and 1 <= found <= newest):
        return None
    if type(found) is int and found > newest:
        return f"{what} has format version {found}, which a newer stepwell wrote; this one reads up to version {newest}"
    return f"{what} has an impossible format version: {found!r:.40}"
