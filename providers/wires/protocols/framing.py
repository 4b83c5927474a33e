"""What the protocols share: the byte-order mark, the limit on one event, and the wait for an event's end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ....schemas.errors import ResponseTooLarge, StepwellError

BOM = b"\xef\xbb\xbf"
MAX_EVENT = 32 * 1024 * 1024

Event = TypeVar("Event")


def events_then(error: StepwellError, events: list[Event]) -> tuple[list[Event], StepwellError]:
    """The events, with the error as the buffer, for the next call to raise; raised at once when there are none."""
    if not events:
        raise error
    return events, error


def too_large(limit: int = MAX_EVENT) -> ResponseTooLarge:
    return ResponseTooLarge(
        f"one event of the stream is over {limit / 2**20:g} MiB",
        hint="check base_url: models do not send such events",
    )


def resume(
    data: bytes,
    buffer: Any,
    ends: tuple[bytes, ...],
    split: Callable[[bytes], list[Event]],
    size: Callable[[Event], int],
) -> tuple[list[Event], Any]:
    """Frame a stream whose events stop at one of `ends`, whatever the shape of its chunks.

    The buffer is None between events, or a bytearray with the unfinished one. Raises ResponseTooLarge.
    """
    if isinstance(buffer, StepwellError):
        raise buffer
    tail = bytearray() if buffer is None else buffer
    whole = _take_whole(data, tail, ends)
    events = split(whole)
    if len(whole) > MAX_EVENT:
        for at, event in enumerate(events):
            if size(event) > MAX_EVENT:
                return events_then(too_large(), events[:at])
    if len(tail) > MAX_EVENT:
        return events_then(too_large(), events)
    return events, tail or None


def _take_whole(data: bytes, tail: bytearray, ends: tuple[bytes, ...]) -> bytes:
    """Put `data` behind `tail`, then take off all up to the last of `ends`; at the end of input, all there is.

    What waits in the tail is not searched again, but for its last byte: an end of two bytes may lie across the seam.
    """
    cut = len(tail)
    if data:
        seam = max(cut - 1, 0)
        tail += data
        cut = max(at + len(end) if (at := tail.rfind(end, seam)) >= 0 else 0 for end in ends)
    whole = bytes(tail[:cut])
    del tail[:cut]
    return whole
