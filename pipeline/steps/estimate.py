"""Estimate the tokens of a prompt where the provider has no endpoint to count them."""

from __future__ import annotations

from ...schemas.estimate import estimate_tokens
from ...schemas.reply import CallWarning, Reply
from ...schemas.usage import Usage
from ..http.request import Request
from ..pipeline import Pipeline
from ..step import on_request


def estimate(request: Request) -> Reply:
    """Return a reply with the estimate as `usage.input_tokens`, and a warning. Nothing is sent."""
    model = request.model
    why = f"estimated here, since {model.provider} offers no count; within a quarter for prose, code and JSON"
    return Reply(
        usage=Usage(input_tokens=estimate_tokens(request.context)),
        finish_reason="stop",
        provider=model.provider,
        model=model.id,
        already_paid=True,
        warnings=(CallWarning("count_tokens", why, str(model)),),
    )


ESTIMATED_COUNT = Pipeline([on_request("estimate_tokens", estimate)])
