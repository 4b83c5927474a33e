"""Format versions of stored data: data of an older version is read, data of a newer one is refused."""

from __future__ import annotations


def refused_version(version: object, newest: int, label: str) -> str | None:
    """Return why data of a format version cannot be read; None if it can.

    version: the version in the data; None stands for the first one, which had no number.
    newest: the newest version that can be read.
    label: how the message names the data.
    """
    if version is None or (type(version) is int and 1 <= version <= newest):
        return None
    if type(version) is int and version > newest:
        return (
            f"{label} has format version {version}, which a newer stepwell wrote; this one reads up to version {newest}"
        )
    return f"{label} has an impossible format version: {version!r:.40}"
