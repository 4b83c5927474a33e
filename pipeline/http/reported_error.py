"""Find the error that an answer reports under a good status, however it is spelled: in a body, or in an event.

Servers and gateways send an error in place of an answer as `{"error": ...}`, with `object` or `type` of "error", as
`detail`, as `code` and `message`, as a bare `message`, as `base_resp` with a status code, in a list, or as JSON in a
string.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...schemas.json_text import JSONDecodeError, loads
from .error_body import error_in, wrapped_error

JOB_OPERATIONS = frozenset(("upload_batch", "create_batch", "get_batch", "cancel_batch", "batch_results"))
"""Operations whose answers are states of a job: an error in them is the job's, and a state that is not final is
right."""
_ANSWERS = (
    "choices", "candidates", "content", "output", "delta", "response", "item", "part", "content_block", "embeddings",
    "embedding", "data", "results", "predictions", "pages", "text",
)  # fmt: skip
"""The fields of answers, none of which an error has."""
_TEXTS = ("message", "Message", "msg", "error_msg", "errorMessage", "error_message", "detail")
CODES = ("code", "type", "status", "__type", "object", "error_code", "errorCode", "status_code", "statusCode")
"""The fields of an error that say what kind it is, the most exact first."""
_KINDS = ("type", "object", "__type")
_ENVELOPE = frozenset(
    (*_TEXTS, *CODES, "id", "request_id", "requestId", "param", "path", "timestamp", "success", "title", "user_id")
)
"""The fields that stand beside the message of an error which has no code."""
_GOOD = frozenset(("", "0", "200", "201", "ok", "success", "succeeded", "none", "completed", "accepted"))
_FAULTS = ("error", "exception", "failure")
"""How the type of an error ends."""

# The first letter of a name is looked at first, and a text is taken in runs of plain letters: every answer comes here,
# and would wait 2.5 times as long otherwise.
_SIGN = (
    rb'"(?=[_bcdefMmot])(?:'
    rb'(?:e(?:rrors?|rror_code|rror_?msg|rrorMessage)|detail|__type|fault|base_resp)"\s*+:\s*+(?!null|false|""|\[\s*\])'
    rb'|(?:[mM]essage|msg)"\s*+:\s*+"|code"\s*+:\s*+(?!null|0\b|200\b)|(?:type|object)"\s*+:\s*+"[\w.]*error")'
)
_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FIELD = rb'(?>"[^"\\]{0,40}+"\s*+:\s*+(?:' + _TEXT + rb"|[-+.\w]++|\[\s*\]|\{\s*\})\s*+,\s*+)"
SUSPECT = re.compile(rb"\s*+(?:\[\s*+)?+\{\s*+" + _FIELD + rb"{0,12}?" + _SIGN)
"""The beginning of a body that may be an error: 1 µs for a good one. Only what is short stands before the first field
that shows it."""


def error_value(body: bytes) -> object:
    """Return the JSON value of a body; None if it is none."""
    try:
        return loads(body)
    except JSONDecodeError:
        return None


def reported_error(data: object, name: str = "", *, failed: bool = False) -> object | None:
    """Return the error object, or its text, of a body or an event that reports an error; None for any other.

    data: its JSON value
    name: the name of the event; "error" says that it is one, whatever is in it
    failed: it cannot be decoded as an answer, so fields that an answer would have are no answer
    """
    if isinstance(data, list):
        data = data[0] if data else None
    if isinstance(data, str):
        inner = error_value(data.encode("utf-8", "replace")) if data.lstrip()[:1] in ("{", "[") else None
        found = reported_error(inner, name, failed=failed) if isinstance(inner, dict | list) else None
        return found if found is not None else data if name == "error" else None
    if not isinstance(data, Mapping):
        return "an error event" if name == "error" else None
    if error := data.get("error"):
        return _merged(data, error)
    kinds = [str(data[field]) for field in _KINDS if isinstance(data.get(field), str)]
    if name == "error" or any(kind.lower().endswith(_FAULTS) for kind in kinds):
        return _merged(data, None)
    if not failed and (any(map(data.get, _ANSWERS)) or isinstance(data.get("message"), Mapping)):
        return None
    if (wrapped := wrapped_error(data)) is not None:
        return wrapped
    if data.get("errors"):
        return _merged(data, data["errors"])
    texts = [data[field] for field in _TEXTS if data.get(field)]
    if not texts:
        return None
    if data.get("detail") and not kinds:
        return _merged(data, data["detail"]) if isinstance(data["detail"], Mapping) else data
    codes = [str(data[field]) for field in CODES if field not in _KINDS and isinstance(data.get(field), str | int)]
    bad = not kinds and any(code.lower() not in _GOOD for code in codes)
    if not isinstance(texts[0], str):
        return data if bad else None
    alone = not codes and not kinds and _ENVELOPE.issuperset(data)
    return data if bad or alone or data.get("success") is False else None


def _merged(data: Mapping[str, Any], error: object) -> object:
    """Return the object of an error with the fields beside it; the first of a list; JSON in a string as its object."""
    if isinstance(error, list):
        error = error[0] if error else None
    if isinstance(error, str) and error.lstrip()[:1] == "{":
        inner = error_in(error.encode("utf-8", "replace"))
        error = inner if isinstance(inner, Mapping) else error
    if isinstance(error, Mapping):
        return {**data, **error}
    if isinstance(error, str) and isinstance(data.get("message"), Mapping):
        return {**data, "message": error}  # Ollama's, beside what it has written
    if type(error) is int:
        return {"status_code": error, **data, "error": str(error)}
    return data if error is None or isinstance(error, str | bool) else {**data, "error": str(error)}
