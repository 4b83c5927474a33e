"""Turn error statuses into typed errors."""

from __future__ import annotations

from ...schemas.errors import StepwellError
from ..annotate import attach_attempts
from ..http.redact import mask_secrets
from ..http.request import Request
from ..http.response import FindError, Response
from ..step import Step, after


def map_errors(find_error: FindError) -> Step:
    """Make the step that raises the error which `find_error` finds in a response.

    It adds the details of the call to every error that passes. It is outside retry, which sees the error statuses.
    """

    def run(response: Response, request: Request) -> None:
        if (found := response.error_by(find_error)) is not None:
            mask_secrets(found, response.request)  # the request as it was sent, with its credential
            found.request_id = found.request_id or response.request_id
            attach_call_details(found, request)
            raise found

    return after("map_errors", run, attach_call_details)


def attach_call_details(error: StepwellError, request: Request) -> None:
    """Put the provider, the model and the warnings so far on an error, and mask the credential in it."""
    mask_secrets(error, request)
    error.provider = error.provider or request.model.provider
    error.model = error.model or request.model.id
    error.warnings = error.warnings or request.warnings
    attach_attempts(error, request)
