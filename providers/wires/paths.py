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


_COLLECTIONS = ("models", "tunedModels")
RESOURCES = ("publishers", "projects", "endpoints")
"""What the full names of resources on Vertex begin with."""


def google_model_path(id: str) -> str:
    """Return `/models/ID` with the id as one segment; the vendor's own names stay.

    These are `models/…` and `tunedModels/…`, and on Vertex `publishers/google/models/…`, `endpoints/…` (tuned models)
    and `projects/…`.

    https://github.com/googleapis/python-genai/blob/main/google/genai/_transformers.py

    Raises UnknownModel for an id that would lead to another path.
    """
    collection, slash, name = id.partition("/")
    if slash and collection in _COLLECTIONS:
        return f"/{collection}/{segment(name)}"
    if slash and collection in RESOURCES:
        return f"/{segments(id)}"
    return f"/models/{segment(id)}"


def google_method_path(method: str) -> Callable[[Request], str]:
    """Make the path of one of a model's methods."""
    return lambda request: f"{google_model_path(request.model.id)}:{method}"
