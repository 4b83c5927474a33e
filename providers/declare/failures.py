"""Find out that an answer is none: a failed, cancelled or unfinished one, or one that is an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...pipeline.http.reported_error import JOB_OPERATIONS, error_value, reported_error
from ...pipeline.http.response import Response
from ...pipeline.outcome import PENDING, failure_of, unfinished
from ...pipeline.side_fields import Rules
from ...pipeline.steps.decode import Failure, Reader, read_usage
from ...schemas.errors import StepwellError
from ...schemas.reply import Reply
from .errors import answer_error

_IDS = ("id", "task_id", "request_id", "name")
_STATES = ("status", "task_status", "state")


def failure_finder(operation: str, extract: Reader, side_fields: Rules) -> Failure | None:
    """Make the function that finds the error in an answer's body; None for operations that ask for a job's state.

    operation: the operation
    extract: reads the usage of an answer, which goes on the error of a failed one
    side_fields: the rules that the answer's fields keep
    """
    if operation in JOB_OPERATIONS:
        return None

    def failure(response: Response, data: Any, reply: Reply | None) -> StepwellError | None:
        if response.status >= 300:
            return None  # left to find_error
        if reply is None:
            return body_failure(response)
        error: StepwellError
        if isinstance(data, Mapping) and data.get("error"):
            error = answer_error(response, reported_error(data))
        else:
            error = failure_of(reply.finish_reason or "", reply.finish_reason_raw, response.request.model, reply.id)
        error.usage = read_usage(extract, response, reply, side_fields)
        return error

    return failure


def body_failure(response: Response) -> StepwellError | None:
    """Return the error that a body which cannot be decoded reports, or one that says that its answer is unfinished;
    else None."""
    data = error_value(response.body)
    if data is None:  # an error may be the first line of a stream
        data = error_value(response.body.lstrip().partition(b"\n")[0])
    places = _places(data)
    states = (place.get(name) for place in places for name in _STATES)
    state = next((each.lower() for each in states if isinstance(each, str) and each), "")
    state = state or ("running" if places and places[0].get("done") is False else "")
    if response.status == 202 or state in PENDING:
        id = next((place[name] for place in places for name in _IDS if place.get(name)), None)
        return unfinished(f"the answer of {response.request.model} is not finished", state or "accepted", id)
    error = reported_error(data, failed=True)
    return None if error is None else answer_error(response, error)


def _places(data: object) -> list[Mapping[str, Any]]:
    """Return the objects in which a job's id and state may be."""
    inner = (data.get("output") or data.get("data")) if isinstance(data, Mapping) else None
    return [each for each in (inner, data) if isinstance(each, Mapping)][::-1]
