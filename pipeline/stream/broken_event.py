"""Read an event of a stream whose JSON the fast reader refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...schemas.chunks import HALVES, StreamChunk
from ...schemas.errors import DecodeError
from ...schemas.json_text import JSONDecodeError, loads_event


def read_again(data: bytes, decode: Callable[[Any], list[StreamChunk]]) -> list[StreamChunk]:
    """Read the event leniently and return its chunks. Raises DecodeError for data that is not JSON.

    data: the event's JSON, as it was received.
    decode: makes the chunks of the value that the JSON stands for.
    """
    try:
        value, halves = loads_event(data)
    except JSONDecodeError:
        raise not_json(data) from None
    return [HALVES, *decode(value)] if halves else decode(value)


def not_json(data: bytes) -> DecodeError:
    """Make the error for an event whose data should be JSON and is not; `.payload` holds its beginning."""
    return DecodeError("a stream event is not JSON", hint="see .payload", payload=data)
