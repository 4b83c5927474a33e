"""Model ids as parts of a URL's path."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from ...pipeline.http.request import Request
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


def bedrock_path(action: str) -> Callable[[Request], str]:
    """Make the path of one of Bedrock's actions, which follows the model: an ARN is one segment."""
    return lambda request: f"/model/{segment(request.model.id, safe='')}/{action}"
