"""Counting tokens where the provider has no endpoint for it: estimated here, and said to be."""

from __future__ import annotations

from ...schemas.estimate import estimate_tokens
from ...schemas.reply import CallWarning, Reply
from ...schemas.usage import Usage
from ..pipeline import Pipeline
from ..request import Request
from ..step import on_request


def estimate(request: Request) -> Reply:
    """A reply whose `usage.input_tokens` is the estimate; nothing is sent."""
    model = request.model
    why = f"estimated here, since {model.provider} offers no count; within a quarter for prose, code and JSON"
    return Reply(
        usage=Usage(input_tokens=estimate_tokens(request.context)),
        finish_reason="stop",
        provider=model.provider,
        model=model.id,
        free=True,
        warnings=(CallWarning("count_tokens", why, str(model)),),
    )


ESTIMATED_COUNT = Pipeline([on_request("estimate_tokens", estimate)])
