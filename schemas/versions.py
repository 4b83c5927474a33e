"""Format versions of what is stored: what an older stepwell wrote is read, what a newer one wrote is refused."""

from __future__ import annotations

from typing import Any


def refused_version(found: Any, newest: int, what: str) -> str | None:
    """Say why data of the version `found` cannot be read; None where it can. Without a version it is the first form."""
    if found is None or (type(found) is int and 1 <= found <= newest):
        return None
    if type(found) is int and found > newest:
        return f"{what} has format version {found}, which a newer stepwell wrote; this one reads up to version {newest}"
    return f"{what} has no format version that there is: {found!r:.40}"
