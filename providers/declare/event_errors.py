"""Read the events of streams that are no plain pieces of an answer: those that report errors, and odd JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ...pipeline.http.reported_error import error_value, reported_error
from ...schemas.chunks import HALVES, StreamChunk
from ...schemas.errors import DecodeError, ProviderError
from ...schemas.json_text import JSONDecodeError, dumps, loads_event
from ...schemas.model import Model
from .errors import provider_error

Handler = TypeVar("Handler")


def event_error(model: Model, data: object, name: str = "", *, body: bytes = b"") -> ProviderError | None:
    """Return the error that an event of a stream reports; None for any other event.

    model: the model that answers
    data: the event's JSON value, or its text where that is no JSON
    name: the name of the event
    body: the event as it was received
    """
    error = reported_error(data, name)
    return None if error is None else provider_error(model.provider, error, body=body)


def by_kind(handlers: Mapping[str, Handler], data: object, name: str, model: Model) -> Handler | None:
    """Return the handler of an event; None for a type that is not known. Raises the error that the event reports.

    handlers: by type
    data: the event, whose `type` counts
    name: the name of the server-sent event, which says the same where the data does not
    model: the model that answers
    """
    kind = data.get("type") if type(data) is dict else None
    handler = (handlers.get(kind) if type(kind) is str else None) or handlers.get(name)
    plain = handler is not None and type(data) is dict and not data.get("error")
    if not plain and (error := event_error(model, data, name, body=dumps(data))) is not None:
        raise error
    return handler


def read_broken(data: bytes, name: str, model: Model, decode: Callable[[Any], list[StreamChunk]]) -> list[StreamChunk]:
    """Read leniently an event whose JSON the fast reader refuses, and return its chunks.

    Raises the provider's error for a text that reports one, in an event named "error" or after that word; else
    DecodeError for what is not JSON, with its beginning in `.payload`.

    data: the event's data
    name: its name
    model: the model that answers
    decode: makes the chunks of the value that the JSON stands for
    """
    data = data.strip()
    while data.startswith(b"data:"):  # gateways put the field's name before events that have it already
        data = data[5:].lstrip()
    if data in _NOTHING or name in _KEEP_ALIVE:
        return []
    lines = data.split(b"\n")
    if len(lines) > 1 and all(line[:1] == b"{" and line[-1:] == b"}" for line in lines if line != b"[DONE]"):
        # Events without the blank line between them.
        return [chunk for line in lines for chunk in read_broken(line, name, model, decode)]
    try:
        value, halves = loads_event(data)
    except JSONDecodeError:
        raise _broken(data, name, model) from None
    return [HALVES, *decode(value)] if halves else decode(value)


_NOTHING = (b"[DONE]", b"")
_KEEP_ALIVE = ("ping", "keepalive", "keep-alive", "heartbeat")
"""The names of events whose data says nothing, whatever it is."""


def _broken(data: bytes, name: str, model: Model) -> ProviderError | DecodeError:
    text = data.decode("utf-8", "replace").strip()
    before, _, rest = text.partition(":")
    if before.lower() == "error" and rest.strip():
        name, text = "error", rest.strip()
    value = error_value(text.encode())
    error = event_error(model, text if value is None else value, name, body=data)
    return error or DecodeError("a stream event is not JSON", hint="see .payload", payload=data)
