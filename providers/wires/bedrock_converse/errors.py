"""Find the error of a response, and of a frame of a stream."""

from __future__ import annotations

from collections.abc import Mapping

from ....pipeline.http.error_body import error_in, error_message
from ....pipeline.http.response import Response
from ....schemas.errors import ProviderError
from ....schemas.model import Model
from ...declare.errors import answer_error, provider_error
from ...declare.errors import find_error as find_error_by_status
from ..protocols.aws_event_stream import AWSEvent

ON_DEMAND = "on-demand throughput"


def find_error(response: Response) -> ProviderError | None:
    """Find the error of a response by its status, and its kind in the header `x-amzn-errortype`."""
    kind = response.headers.get("x-amzn-errortype", "").partition(":")[0]
    if response.status < 300 or not kind:
        error = find_error_by_status(response)
    else:
        error = answer_error(response, {"message": error_message(error_in(response.body)), "code": kind})
    if error is not None and ON_DEMAND in error.message:
        error.hint = "name an inference profile: put us., eu., apac. or global. before the model's id, or use its ARN"
    return error


def stream_failure(event: AWSEvent, model: Model) -> ProviderError | None:
    """Return the error of a frame: modelled exceptions and the service's own errors have frames of their own."""
    headers, payload = event
    named = headers.get(":exception-type") or headers.get(":event-type") or ""
    if headers.get(":message-type") == "exception" or named.endswith(("Exception", "Error")):
        error = error_in(payload)
        described = {"message": error_message(error), "code": named or None}
        if isinstance(error, Mapping) and (status := error.get("originalStatusCode")):
            described["status"] = status
        return provider_error(model.provider, described, body=payload)
    if headers.get(":message-type") == "error":
        described = {"message": headers.get(":error-message"), "code": headers.get(":error-code")}
        return provider_error(model.provider, described, body=payload)
    return None
