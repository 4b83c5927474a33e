"""Make typed errors of the events of a stream that report one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...pipeline.http.reported_error import error_value, reported_error
from ...pipeline.stream.broken_event import read_again
from ...schemas.chunks import StreamChunk
from ...schemas.errors import DecodeError, ProviderError
from ...schemas.model import Model
from .errors import provider_error


def event_error(model: Model, data: object, name: str = "", *, body: bytes = b"") -> ProviderError | None:
    """Return the error that an event of a stream reports; None for any other event.

    model: the model that answers
    data: the event's JSON value, or its text where that is no JSON
    name: the name of the event
    body: the event as it was received
    """
    error = reported_error(data, name)
    return None if error is None else provider_error(model.provider, error, body=body)


def read_broken(data: bytes, name: str, model: Model, decode: Callable[[Any], list[StreamChunk]]) -> list[StreamChunk]:
    """Read an event whose JSON the fast reader refuses, and return its chunks.

    Raises the provider's error for a text that reports one, in an event named "error" or behind that word, DecodeError
    for other data that is not JSON.

    data: the event's data
    name: its name
    model: the model that answers
    decode: makes the chunks of its JSON
    """
    try:
        return read_again(data, decode)
    except DecodeError as error:
        text = data.decode("utf-8", "replace").strip()
        before, _, rest = text.partition(":")
        if before in ("data", "error") and rest.strip():
            name, text = before if before == "error" else name, rest.strip()
        value = error_value(text.encode())
        raise event_error(model, text if value is None else value, name, body=data) or error from None
