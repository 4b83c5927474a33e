"""Shared code of the protocols: the byte-order mark, the limit on one event, and how to wait for an event's end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ....schemas.errors import ResponseTooLarge, StepwellError

BOM = b"\xef\xbb\xbf"
MAX_EVENT = 32 * 1024 * 1024

Event = TypeVar("Event")
Tail = bytearray | StepwellError | None
"""The buffer of a line protocol: the unfinished event, the error to raise next, or nothing."""


def events_then(error: StepwellError, events: list[Event]) -> tuple[list[Event], StepwellError]:
    """Return the events, with the error as the buffer for the next call to raise; without events, raise it at once."""
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
    buffer: bytes | Tail,
    ends: tuple[bytes, ...],
    split: Callable[[bytes], list[Event]],
    size: Callable[[Event], int],
) -> tuple[list[Event], bytes | Tail]:
    """Frame a stream whose events end with one of `ends`, however its bytes are split.

    data: the new bytes; empty at the end of input
    buffer: bytes before the first event, which a byte-order mark may precede; None between events, or a bytearray
        with the unfinished event
    ends: what ends an event
    split: splits complete events
    size: the size of an event in bytes

    Raises ResponseTooLarge for an event over MAX_EVENT.
    """
    if isinstance(buffer, StepwellError):
        raise buffer
    if isinstance(buffer, bytes):
        start = buffer + data
        if BOM.startswith(start):
            return [], start
        data = start.removeprefix(BOM)
    tail = buffer if isinstance(buffer, bytearray) else bytearray()
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
    """Append `data` to `tail`, then take everything up to the last of `ends`; at the end of input, take all.

    The old tail is not searched again, except its last byte: an end of two bytes may lie across the seam.
    """
    cut = len(tail)
    if data:
        seam = max(cut - 1, 0)
        tail += data
        cut = max(at + len(end) if (at := tail.rfind(end, seam)) >= 0 else 0 for end in ends)
    whole = bytes(tail[:cut])
    del tail[:cut]
    return whole
