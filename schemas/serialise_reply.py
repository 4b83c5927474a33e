"""The JSON form of a Reply, to store an answer: all that was decoded, and nothing of the HTTP exchange.

It leaves out `raw`, `headers`, `prompt`, and what a workflow of several calls adds (`steps`, `tool_messages`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import DecodeError
from .json_text import JSONDecodeError, loads
from .message import Message
from .reply import CallWarning, Ranked, Reply, Verdict
from .serialise import checked_json, from_data, to_data
from .usage import Usage
from .versions import refused_version

VERSION = 1
_PLAIN = ("finish_reason", "finish_reason_raw", "id", "model", "provider", "request_id")
_PARTS: Mapping[str, Any] = {
    "message": Message,
    "usage": Usage,
    "warnings": tuple[CallWarning, ...],
    "alternatives": tuple[Message, ...],
}
_LISTS: Mapping[str, type] = {"ranking": Ranked, "verdicts": Verdict}


def dump_reply(reply: Reply) -> bytes:
    """Return the JSON of a Reply. Raises ConfigError for one with a value that has no JSON form."""
    body = {
        "stepwell": "reply",
        "version": VERSION,
        **{name: to_data(getattr(reply, name)) for name in _PARTS},
        "metadata": dict(reply.metadata),
        **{name: getattr(reply, name) for name in _PLAIN},
        **_object(reply.object),
    }
    return checked_json(body, "this answer")


def load_reply(data: bytes) -> Reply:
    """Return the Reply of a JSON text. Raises DecodeError for JSON of another shape or a newer version."""
    try:
        body = loads(data)
        if body["stepwell"] != "reply":
            raise DecodeError("this JSON is not of a Reply")
        if why := refused_version(body.get("version"), VERSION, "this Reply"):
            raise DecodeError(why, hint="update stepwell")
        kind, object = body.get("kind"), body.get("object")
        return Reply(
            **{name: from_data(body[name], tp, "a Reply") for name, tp in _PARTS.items()},
            metadata=body["metadata"],
            object=object if kind is None else [from_data(each, _LISTS[kind], "a Reply") for each in object],
            **{name: body[name] for name in _PLAIN},
        )
    except (JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DecodeError(f"this JSON does not fit a Reply: {type(error).__name__}") from None


def _object(value: object) -> dict[str, Any]:
    if isinstance(value, list | tuple) and value:
        for kind, cls in _LISTS.items():
            if all(type(each) is cls for each in value):
                return {"kind": kind, "object": to_data(value)}
    return {"object": value}
