"""Anthropic's message batches. https://docs.claude.com/en/api/creating-message-batches"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ....pipeline.side_fields import Each, Rules, count
from ....schemas.json_text import Fragment, dumps, trimmed
from ....schemas.nan_check import dumps_as_read
from ...auth.auth import header_key
from ...declare.wire import Wire
from ..anthropic_messages import VERSION
from .batches import results_wire, state_decoder, state_wire

if TYPE_CHECKING:
    from ....schemas.batch import BatchLine, BatchState

_STATUS = {"in_progress": "running", "canceling": "cancelling", "ended": "done"}
_REASONS = {"canceled": "the batch was cancelled", "expired": "the batch expired"}
_FAILURES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "api_error": 500,
    "overloaded_error": 529,
}
"""The HTTP status of each error outside of batches. https://docs.claude.com/en/api/errors"""


def _state(data: Mapping[str, Any]) -> BatchState:
    from ....schemas.batch import BatchState  # only where a batch is read

    counts = data.get("request_counts") or {}
    status = _STATUS.get(data["processing_status"], data["processing_status"])
    return BatchState(
        data["id"],
        status,
        sum(each or 0 for each in counts.values()) if counts else None,
        counts.get("succeeded"),
        counts.get("errored"),
        (data["id"],) if status == "done" else (),
        raw=data,
    )


def _result(row: Mapping[str, Any]) -> BatchLine:
    from ....schemas.batch import BatchLine  # only where a batch is read

    result = row["result"]
    if result["type"] == "succeeded":
        return BatchLine(row["custom_id"], body=trimmed(dumps_as_read(result["message"])))
    if result["type"] == "errored":
        error = result["error"]
        inner = error.get("error") if isinstance(error, Mapping) else None
        kind = inner.get("type") if isinstance(inner, Mapping) else None
        status = _FAILURES.get(kind, 500) if isinstance(kind, str) else 500
        return BatchLine(row["custom_id"], status, dumps(error))
    return BatchLine(row["custom_id"], why=_REASONS.get(result["type"]) or str(result["type"]))


_STATE: Rules = {"request_counts": Each(count)}
_BATCHES = "/messages/batches"
anthropic_batches = tuple(
    evolve(wire, headers={"anthropic-version": VERSION}, auth=header_key("x-api-key"))
    for wire in (
        Wire(
            name="anthropic_batch",
            operation="create_batch",
            path=_BATCHES,
            build_body=lambda request: {
                "requests": [{"custom_id": item.id, "params": Fragment(item.body)} for item in request.input.items]
            },
            decode_response=state_decoder(_state),
            side_fields=_STATE,
        ),
        state_wire("anthropic_batch_state", "get_batch", f"{_BATCHES}/{{id}}", "GET", _state, _STATE),
        state_wire("anthropic_batch_cancel", "cancel_batch", f"{_BATCHES}/{{id}}/cancel", "POST", _state, _STATE),
        results_wire("anthropic_batch_results", f"{_BATCHES}/{{id}}/results", _result),
    )
)
