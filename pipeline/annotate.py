"""What every reply gets from the exchange it came by."""

from __future__ import annotations

from ..schemas.errors import StepwellError
from ..schemas.reply import Reply
from .response import Response


def tell_partial(error: StepwellError, partial: Reply) -> None:
    """Put what had come of an answer on its error. What the provider said of the usage with the error counts more."""
    if error.usage is not None:
        partial.usage = error.usage
    error.partial, error.usage = partial, partial.usage


def annotate(reply: Reply, response: Response) -> Reply:
    """Set who answered, what was asked, the warnings and the request id. Changes the reply in place: it is ours."""
    request = response.request
    model = request.model
    reply.provider = reply.provider or model.provider
    reply.model = reply.model or model.id
    reply.asked = reply.asked or request.context
    reply.priced_as = model
    reply.request_id = reply.request_id or response.request_id
    reply.headers = response.headers
    if request.warnings:
        reply.warnings = request.warnings + tuple(w for w in reply.warnings if w not in request.warnings)
    return reply
