"""The model's place in the URL."""

from __future__ import annotations

from ....pipeline.http.request import Request
from ..paths import segment

_COLLECTIONS = ("models", "tunedModels")


def model_path(id: str) -> str:
    """Return `/models/ID` with the id as one segment; the vendor's own names (`models/…`, `tunedModels/…`) stay.

    Raises UnknownModel for an id that would lead to another path.
    """
    collection, slash, name = id.partition("/")
    if slash and collection in _COLLECTIONS:
        return f"/{collection}/{segment(name)}"
    return f"/models/{segment(id)}"


def generate_path(request: Request) -> str:
    """Return the path of an unstreamed call."""
    return f"{model_path(request.model.id)}:generateContent"


def stream_path(request: Request) -> str:
    """Return the path of a streamed call."""
    return f"{model_path(request.model.id)}:streamGenerateContent?alt=sse"
