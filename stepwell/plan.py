"""All that is known of a call before its prompt."""

from __future__ import annotations

from attrs import frozen

from .pipeline.http.request import Request
from .pipeline.pipeline import Pipeline
from .providers.declare.object_support import ObjectSupport
from .providers.declare.provider import Provider
from .schemas.model import Model
from .schemas.reply import CallWarning


@frozen
class Plan:
    """The decisions made before a prompt: one Plan for each model, operation, wire, streamed or not."""

    pipeline: Pipeline
    """With the client's own edits."""
    bare: Pipeline
    """Without them."""
    request: Request
    """A request of a call, which has only what is the same for all of them."""
    model: Model
    provider: Provider
    base_url: str
    object_support: ObjectSupport
    """How the model takes JSON Schemas."""
    unknown_model_warning: CallWarning | None = None
    """Issued once, for a model that its provider's list does not have."""
