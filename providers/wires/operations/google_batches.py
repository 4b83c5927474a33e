"""Gemini's batches, with their requests and answers inline. https://ai.google.dev/gemini-api/docs/batch-api"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ....pipeline.http.request import Request
from ....pipeline.side_fields import Each, Held, Rules, count
from ....schemas.json_text import Fragment, dumps, trimmed
from ....schemas.model import Model
from ....schemas.nan_check import dumps_as_read
from ....schemas.reply import Reply
from ...auth.auth import header_key
from ...declare.wire import Wire
from ..paths import google_method_path
from .batches import read_line, results_reply, state_decoder, state_wire

if TYPE_CHECKING:
    from ....schemas.batch import BatchLine, BatchState

_STATUS = {
    "PENDING": "queued",
    "RUNNING": "running",
    "SUCCEEDED": "done",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
    "EXPIRED": "expired",
}


def _build_body(request: Request) -> dict[str, Any]:
    rows = [{"request": Fragment(item.body), "metadata": {"key": item.id}} for item in request.input.items]
    name = (request.options.get("metadata") or {}).get("display_name", "stepwell")
    return {"batch": {"displayName": name, "inputConfig": {"requests": {"requests": rows}}}}


def _state(data: Mapping[str, Any]) -> BatchState:
    from ....schemas.batch import BatchState  # only where a batch is read

    metadata = data.get("metadata") or {}
    status = str(metadata.get("state") or "").removeprefix("BATCH_STATE_").removeprefix("JOB_STATE_")
    counts = metadata.get("batchStats") or {}
    return BatchState(
        str(data.get("name") or ""),  # the answer to a cancellation is empty
        _STATUS.get(status, status.lower() or "queued"),
        counts.get("requestCount"),
        counts.get("successfulRequestCount"),
        counts.get("failedRequestCount"),
        results=(data["name"],) if status == "SUCCEEDED" else (),
        why=str((data.get("error") or {}).get("message") or ""),
        raw=data,
    )


def _results(data: Mapping[str, Any], model: Model) -> Reply:
    output = data.get("response") or (data.get("metadata") or {}).get("output") or {}
    rows = (output.get("inlinedResponses") or {}).get("inlinedResponses") or []
    return results_reply([read_line(row, _result, _key(row)) for row in rows], dumps(rows))


def _key(row: object) -> str:
    """Return the id of a row's request; "" where it does not say."""
    about = row.get("metadata") if isinstance(row, Mapping) else None
    return str(about.get("key") or "") if isinstance(about, Mapping) else ""


def _result(row: Mapping[str, Any]) -> BatchLine:
    from ....schemas.batch import BatchLine  # only where a batch is read

    id = _key(row)
    if "response" in row:
        return BatchLine(id, body=trimmed(dumps_as_read(row["response"])))
    error = row.get("error") or {}
    # Errors inside a batch have gRPC status codes. https://grpc.io/docs/guides/status-codes
    code = error.get("code", 13) if isinstance(error, Mapping) else 13
    return BatchLine(id, _STATUSES.get(code, 500) if isinstance(code, int) else 500, dumps({"error": error}))


_STATUSES = {3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 13: 500, 14: 503, 16: 401}
# Counts are strings, as all 64-bit numbers are in Google's JSON; the rule makes numbers of them.
_STATE: Rules = {"metadata": Held({"batchStats": Each(count)}), "error": dict}
_READ = state_wire("google_batch_state", "get_batch", "/{id}", "GET", _state, _STATE)

google_batches = tuple(
    evolve(wire, auth=header_key("x-goog-api-key"))
    for wire in (
        Wire(
            name="google_batch",
            operation="create_batch",
            path=google_method_path("batchGenerateContent"),
            options=frozenset(("metadata",)),
            build_body=_build_body,
            decode_response=state_decoder(_state),
            side_fields=_STATE,
        ),
        _READ,
        state_wire("google_batch_cancel", "cancel_batch", "/{id}:cancel", "POST", _state, _STATE),
        evolve(_READ, name="google_batch_results", operation="batch_results", decode_response=_results),
    )
)
