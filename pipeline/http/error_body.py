"""Find the error object and its message in the body of an error answer, whatever its shape."""

from __future__ import annotations

from collections.abc import Mapping

from ...schemas.json_text import JSONDecodeError, dumps, loads

_LONGEST = 300
"""Characters of a body that go into a message where nothing in it is one."""
_MESSAGES = (
    *("message", "msg", "detail", "details", "error_description", "error", "Message"),
    *("error_msg", "errorMessage", "error_message", "status_msg", "faultstring", "errors", "title"),
)
"""The fields that hold a message, the usual ones first."""


def error_in(body: bytes) -> object:
    """Return the error object in a body: under `error`, in a list, or the body itself; its text if it is not JSON."""
    try:
        data = loads(body)
    except JSONDecodeError:
        return _text_of(body)
    if isinstance(data, list) and data:
        data = data[0]
    if isinstance(data, dict):
        # A list of errors, under either name, with no message beside it: Cloudflare's API answers so.
        inner = data.get("error") or wrapped_error(data) or (None if "message" in data else data.get("errors"))
        inner = inner[0] if isinstance(inner, list) and inner else inner
        return {**data, **inner} if isinstance(inner, dict) else data
    return data


def wrapped_error(data: Mapping[str, object]) -> Mapping[str, object] | None:
    """Return the error object that stands in an envelope of a service (`base_resp`) or a gateway (`fault`), if any."""
    base, fault = data.get("base_resp"), data.get("fault")
    if isinstance(base, Mapping) and base.get("status_code"):
        return {"message": base.get("status_msg"), "code": base["status_code"]}
    if isinstance(fault, Mapping):
        return {"message": fault.get("faultstring"), **fault}
    return None


def _text_of(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    if any(character < " " and not character.isspace() for character in text[:_LONGEST]):
        return "a body that is not text"  # compressed, although the request asks for no compression
    return "an HTML page" if text[:1] == "<" else text


def error_message(error: object) -> str:
    """Return the message of an error object, or the object itself as text where no field of it is a message."""
    if isinstance(error, Mapping):
        for key in _MESSAGES:
            value = error.get(key)
            if isinstance(value, list) and value and isinstance(value[0], str):
                value = value[0]
            if isinstance(value, str) and value:
                return value + _inner_message(error, value)
            if isinstance(value, list | dict) and value:
                return dumps(value).decode()[:_LONGEST]
        return "no message in a field that is known for one; see .body"
    text = error if isinstance(error, str) else dumps(error).decode()
    return text[:_LONGEST] if text not in ("", "null") else "no message"


def _inner_message(error: Mapping[str, object], outer: str) -> str:
    """Return the message of the provider behind a gateway, which is in `metadata.raw`, in parentheses."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    if not isinstance(raw, str) or not raw:
        return ""
    inner = error_message(error_in(raw.encode()))
    return "" if inner in outer else f" ({inner})"
