"""Model ids as parts of a URL's path."""

from __future__ import annotations

from urllib.parse import quote

from ...schemas.errors import UnknownModel


def segment(id: str, safe: str = "@:") -> str:
    """The id as one path segment. Raises UnknownModel for `.` and `..`, which would lead to another path."""
    if id in (".", "..") or not id:
        raise UnknownModel(f"{id!r} is no id that can stand in a URL")
    return quote(id, safe=safe)


def segments(id: str) -> str:
    """An id whose slashes are part of the path, each segment on its own."""
    return "/".join(segment(part) for part in id.split("/"))
