"""Batches in OpenAI's format and its followers': a file of requests in, a file of answers out.

https://platform.openai.com/docs/api-reference/batch, https://console.groq.com/docs/batch,
https://docs.mistral.ai/api/#tag/batch
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ....pipeline.http.request import Request
from ....pipeline.side_fields import Rules, count
from ....schemas.json_text import Fragment, dumps, loads, trimmed
from ....schemas.model import Model
from ....schemas.nan_check import dumps_as_read
from ....schemas.reply import Reply
from ...declare.wire import Wire
from .batches import results_wire, state_decoder, state_wire
from .openai_media import CONTENT_TYPE, encode_form

if TYPE_CHECKING:
    from ....schemas.batch import BatchItem, BatchLine, BatchState

_STATUS = {
    "validating": "queued",
    "in_progress": "running",
    "finalizing": "running",
    "cancelling": "cancelling",
    "completed": "done",
}
_MISTRAL_STATUS = {
    "QUEUED": "queued",
    "RUNNING": "running",
    "CANCELLATION_REQUESTED": "cancelling",
    "SUCCESS": "done",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
    "TIMEOUT_EXCEEDED": "expired",
}


def _mistral_line(item: BatchItem) -> dict[str, Any]:
    # The job names the model for all of its requests.
    body = {name: value for name, value in loads(item.body).items() if name != "model"}
    return {"custom_id": item.id, "body": body}


def upload(line: Callable[[BatchItem], dict[str, Any]]) -> Wire:
    """Make the wire that uploads the file of requests; the reply's id is the file's."""

    def build(request: Request) -> dict[str, Any]:
        data = b"\n".join(trimmed(dumps(line(item))) for item in request.input.items)
        return {"purpose": "batch", "file": ("batch.jsonl", data, "application/jsonl")}

    return Wire(
        name="openai_batch_file",
        operation="upload_batch",
        path="/files",
        content_type=CONTENT_TYPE,
        build_body=build,
        encode_body=encode_form,
        decode_response=_uploaded,
    )


def _uploaded(data: Mapping[str, Any], model: Model) -> Reply:
    if type(id := data["id"]) is not str:
        raise TypeError("a file has an id")
    return Reply(id=id, finish_reason="stop")


def _state(data: Mapping[str, Any]) -> BatchState:
    from ....schemas.batch import BatchState  # only where a batch is read

    counts = data.get("request_counts") or {}
    errors = (data.get("errors") or {}).get("data") or ()
    return BatchState(
        data["id"],
        _STATUS.get(data["status"], data["status"]),
        counts.get("total"),
        counts.get("completed"),
        counts.get("failed"),
        tuple(data[name] for name in ("output_file_id", "error_file_id") if data.get(name)),
        "; ".join(str(error.get("message")) for error in errors)[:500],
        data,
    )


def _mistral_state(data: Mapping[str, Any]) -> BatchState:
    from ....schemas.batch import BatchState  # only where a batch is read

    return BatchState(
        data["id"],
        _MISTRAL_STATUS.get(data["status"], data["status"].lower()),
        data.get("total_requests"),
        data.get("succeeded_requests"),
        data.get("failed_requests"),
        tuple(data[name] for name in ("output_file", "error_file") if data.get(name)),
        "; ".join(str(error.get("message")) for error in data.get("errors") or ())[:500],
        data,
    )


def _result(row: Mapping[str, Any]) -> BatchLine:
    from ....schemas.batch import BatchLine  # only where a batch is read

    response, error = row.get("response"), row.get("error")
    if response is None:
        why = error.get("message") if isinstance(error, Mapping) else error
        return BatchLine(row["custom_id"], why=str(why or "no answer"))
    request_id = response.get("request_id")
    headers = {"x-request-id": str(request_id)} if request_id else {}
    # Without a status that can be read, the body shows whether it is an error.
    status, body = count(response.get("status_code")), trimmed(dumps_as_read(response["body"]))
    return BatchLine(row["custom_id"], status if type(status) is int else 200, body, headers=headers)


_STATE: Rules = {
    "request_counts": {"total": count, "completed": count, "failed": count},
    "errors": {"data": [{}]},
    "output_file_id": str,
    "error_file_id": str,
}
_MISTRAL_STATE: Rules = {
    "total_requests": count,
    "succeeded_requests": count,
    "failed_requests": count,
    "errors": [{}],
    "output_file": str,
    "error_file": str,
}
_CREATE = Wire(
    name="openai_batch",
    operation="create_batch",
    path="/batches",
    options=frozenset(("metadata", "completion_window")),
    build_body=lambda request: {
        "input_file_id": request.input.file,
        "endpoint": f"/v1{request.input.items[0].path}",
        "completion_window": "24h",
        **request.options,
    },
    decode_response=state_decoder(_state),
    side_fields=_STATE,
)
_RESULTS = results_wire("openai_batch_results", "/files/{id}/content", _result)

openai_batches = (
    upload(
        lambda item: {
            "custom_id": item.id,
            "method": "POST",
            "url": f"/v1{item.path}",
            "body": Fragment(item.body),
        }
    ),
    _CREATE,
    state_wire("openai_batch_state", "get_batch", "/batches/{id}", "GET", _state, _STATE),
    state_wire("openai_batch_cancel", "cancel_batch", "/batches/{id}/cancel", "POST", _state, _STATE),
    _RESULTS,
)
mistral_batches = (
    upload(_mistral_line),
    evolve(
        _CREATE,
        name="mistral_batch",
        path="/batch/jobs",
        options=frozenset(("metadata", "timeout_hours")),
        build_body=lambda request: {
            "input_files": [request.input.file],
            "endpoint": f"/v1{request.input.items[0].path}",
            "model": request.input.model,
            **request.options,
        },
        decode_response=state_decoder(_mistral_state),
        side_fields=_MISTRAL_STATE,
    ),
    state_wire("mistral_batch_state", "get_batch", "/batch/jobs/{id}", "GET", _mistral_state, _MISTRAL_STATE),
    state_wire(
        "mistral_batch_cancel", "cancel_batch", "/batch/jobs/{id}/cancel", "POST", _mistral_state, _MISTRAL_STATE
    ),
    _RESULTS,
)
