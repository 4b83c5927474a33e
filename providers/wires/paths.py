"""Model ids as parts of a URL's path."""

from __future__ import annotations

from urllib.parse import quote

from ...schemas.errors import UnknownModel


def segment(id: str, safe: str = "@:") -> str:
    """Encode an id as one path segment. Raises UnknownModel for "", `.` and `..`, which would lead to another path.

    id: the id
    safe: characters that stay unencoded
    """
    if id in (".", "..") or not id:
        raise UnknownModel(f"{id!r} cannot be an id in a URL")
    return quote(id, safe=safe)


def segments(id: str) -> str:
    """Encode an id whose slashes separate path segments."""
    return "/".join(segment(part) for part in id.split("/"))
