"""The JSON form of a Reply, to store an answer: all that was decoded, and nothing of the HTTP exchange.

It leaves out `raw`, `headers`, `prompt`, and what a workflow of several calls adds (`steps`, `tool_messages`).
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import cattrs

from .errors import DecodeError
from .json_text import JSONDecodeError, loads
from .message import Message
from .reply import CallWarning, Ranked, Reply, Verdict
from .serialise import CONVERTER, checked_json
from .usage import Usage
from .versions import refused_version

VERSION = 1
_PLAIN = ("finish_reason", "finish_reason_raw", "id", "model", "provider", "request_id")
_LISTS: Mapping[str, type] = {"ranking": Ranked, "verdicts": Verdict}


def dump_reply(reply: Reply) -> bytes:
    """Return the JSON of a Reply. Raises ConfigError for one with a value that has no JSON form."""
    body = {
        "stepwell": "reply",
        "version": VERSION,
        "message": CONVERTER.unstructure(reply.message),
        "usage": _usage(reply.usage),
        "warnings": [CONVERTER.unstructure(warning) for warning in reply.warnings],
        "alternatives": [CONVERTER.unstructure(message) for message in reply.alternatives],
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
        if kind is not None:
            object = [CONVERTER.structure(each, _LISTS[kind]) for each in object]
        usage = body["usage"]
        cost, unpriced_charges = usage.pop("reported_cost", None), tuple(usage.pop("unpriced_charges", ()))
        return Reply(
            message=CONVERTER.structure(body["message"], Message),
            usage=Usage(
                **usage, unpriced_charges=unpriced_charges, reported_cost=None if cost is None else Decimal(cost)
            ),
            warnings=tuple(CONVERTER.structure(each, CallWarning) for each in body["warnings"]),
            alternatives=tuple(CONVERTER.structure(each, Message) for each in body["alternatives"]),
            metadata=body["metadata"],
            object=object,
            **{name: body[name] for name in _PLAIN},
        )
    except (
        JSONDecodeError,
        cattrs.BaseValidationError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:
        raise DecodeError(f"this JSON does not fit a Reply: {type(error).__name__}") from None


def _usage(usage: Usage) -> dict[str, Any]:
    data = CONVERTER.unstructure(usage)
    data.pop("raw", None)
    if usage.reported_cost is not None:
        data["reported_cost"] = str(usage.reported_cost)
    return dict(data)


def _object(value: object) -> dict[str, Any]:
    if isinstance(value, list | tuple) and value:
        for kind, cls in _LISTS.items():
            if all(type(each) is cls for each in value):
                return {"kind": kind, "object": [CONVERTER.unstructure(each) for each in value]}
        value = [each.tolist() if type(each) is array else each for each in value]  # vectors
    return {"object": value}
