"""A model's place in the URLs of Google, in a module that needs no wire."""

from __future__ import annotations

from collections.abc import Callable

from ...pipeline.http.request import Request
from .paths import segment, segments

_COLLECTIONS = ("models", "tunedModels")
RESOURCES = ("publishers", "projects", "endpoints")
"""What the full names of resources on Vertex begin with."""


def model_path(id: str) -> str:
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


def method_path(method: str) -> Callable[[Request], str]:
    """Make the path of one of a model's methods."""
    return lambda request: f"{model_path(request.model.id)}:{method}"
