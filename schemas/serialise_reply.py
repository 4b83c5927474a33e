"""The JSON form of a Reply, to store an answer: all that was decoded, and nothing of the HTTP exchange.

It leaves out `raw`, `headers`, `prompt`, and what a workflow of several calls adds (`steps`, `tool_messages`).
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import cattrs

from .errors import ConfigError, DecodeError
from .json_schema.write_value import plain_data
from .json_text import JSONDecodeError, loads
from .serialise import CONVERTER, checked_json
from .usage import Usage
from .versions import refused_version

VERSION = 1
_PLAIN = ("finish_reason", "finish_reason_raw", "id", "model", "provider", "request_id")
_LABEL = "this answer"


def dump_reply(values: Mapping[str, Any], classes: Mapping[str, type], *, exact: bool) -> bytes:
    """Return the JSON of a Reply.

    values: its fields by name.
    classes: the classes of its parts, by the names under which they are stored.
    exact: True refuses what would be read back as something else. False writes an object of any type as plain data, and
        leaves out metadata without a JSON form.

    Raises ConfigError for a value that has no JSON form.
    """
    body = {
        "stepwell": "reply",
        "version": VERSION,
        "message": CONVERTER.unstructure(values["message"]),
        "usage": _usage(values["usage"]),
        "warnings": [CONVERTER.unstructure(warning) for warning in values["warnings"]],
        "alternatives": [CONVERTER.unstructure(message) for message in values["alternatives"]],
        "metadata": dict(values["metadata"]) if exact else _with_json_form(values["metadata"]),
        **{name: values[name] for name in _PLAIN},
        **_object(values["object"], classes, exact),
    }
    return checked_json(body, _LABEL)


def load_reply(data: bytes | str, classes: Mapping[str, type]) -> dict[str, Any]:
    """Return the fields of a Reply from its JSON.

    data: what dump_reply wrote.
    classes: as there.

    Raises DecodeError for JSON of another shape or a newer version.
    """
    try:
        body = loads(data)
        if body["stepwell"] != "reply":
            raise DecodeError("this JSON is not of a Reply", hint="use Reply.to_json()")
        if why := refused_version(body.get("version"), VERSION, "this Reply"):
            raise DecodeError(why, hint="update stepwell")
        kind, object = body.get("kind"), body.get("object")
        if kind is not None:
            object = [CONVERTER.structure(each, classes[kind]) for each in object]
        usage = body["usage"]
        cost, unpriced_charges = usage.pop("reported_cost", None), tuple(usage.pop("unpriced_charges", ()))
        return {
            "message": CONVERTER.structure(body["message"], classes["message"]),
            "usage": Usage(
                **usage, unpriced_charges=unpriced_charges, reported_cost=None if cost is None else Decimal(cost)
            ),
            "warnings": tuple(CONVERTER.structure(each, classes["warning"]) for each in body["warnings"]),
            "alternatives": tuple(CONVERTER.structure(each, classes["message"]) for each in body["alternatives"]),
            "metadata": body["metadata"],
            "object": object,
            **{name: body[name] for name in _PLAIN},
        }
    except (
        JSONDecodeError,
        cattrs.BaseValidationError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:
        raise DecodeError(
            f"this JSON does not fit a Reply: {type(error).__name__}", hint="use Reply.to_json()"
        ) from None


def _usage(usage: Usage) -> dict[str, Any]:
    data = CONVERTER.unstructure(usage)
    data.pop("raw", None)
    if usage.reported_cost is not None:
        data["reported_cost"] = str(usage.reported_cost)
    return dict(data)


def _object(value: object, classes: Mapping[str, type], exact: bool) -> dict[str, Any]:
    if isinstance(value, list | tuple) and value:
        for kind, cls in classes.items():
            if all(type(each) is cls for each in value):
                return {"kind": kind, "object": [CONVERTER.unstructure(each) for each in value]}
        value = [each.tolist() if type(each) is array else each for each in value]  # vectors
    if exact:
        return {"object": value}
    try:
        return {"object": plain_data(value)}
    except (TypeError, RecursionError) as error:
        raise ConfigError(
            f"the object of {_LABEL} has no JSON form: {error}", hint="reply.replace(object=None)"
        ) from None


def _with_json_form(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata as plain data, without what has no JSON form."""
    written: dict[str, Any] = {}
    for name, value in metadata.items():
        try:
            written[name] = plain_data(value)
        except (TypeError, RecursionError):
            continue
    return written
