"""One JSON array sent in pieces, as Google streams without `alt=sse`.

Each element is an event as soon as it is complete: an object at its closing brace, a number at the comma after it. A
single object instead of the array, for instance an error body, is one event. Only the frame is checked here; the JSON
decoder checks the elements.
"""

from __future__ import annotations

import re

from ....schemas.errors import DecodeError, StepwellError, StreamTruncated
from .framing import BOM, MAX_EVENT, events_then, too_large

_NOT_SPACE = re.compile(rb"[^ \t\r\n]")
# Inside an object or array, everything up to the next bracket or string with a backslash: other strings are skipped,
# a hundred at a time to bound the matcher's memory. 3 times as fast as stopping at each quote.
_RUN = re.compile(rb'[^"{}\[\]]*+(?:"[^"\\]*+"[^"{}\[\]]*+){0,100}')
_SCALAR_END = re.compile(rb"[,\] \t\r\n]")

_START, _FIRST, _VALUE, _INSIDE, _AFTER, _END = range(6)


class _Scanner:
    """The position in the array after the bytes seen so far. No byte is read twice."""

    __slots__ = ("depth", "escaped", "held", "in_string", "place", "single")

    def __init__(self) -> None:
        self.place = _START
        self.single = False
        self.held = bytearray()  # the element's bytes from earlier chunks
        self.depth = 0  # brackets open within the element; 0 for a string or a number
        self.in_string = False
        self.escaped = False  # the chunk ended after a backslash

    def feed(self, data: bytes, events: list[bytes]) -> None:
        at = 0
        while at < len(data):
            start = at
            if self.place != _INSIDE:
                found = _NOT_SPACE.search(data, at)
                if not found:
                    return
                start = found.start()
                at = self._step(data, start)
                if self.place != _INSIDE:
                    continue
            end = self._element_end(data, at)
            if end < 0:
                self.held += data[start:]
                if len(self.held) > MAX_EVENT:
                    raise too_large()
                return
            element = data[start:end]
            if self.held:
                element = bytes(self.held + element)
                self.held.clear()
            if len(element) > MAX_EVENT:
                raise too_large()
            events.append(element)
            self.place = _END if self.single else _AFTER
            at = end

    def _step(self, data: bytes, at: int) -> int:
        """Take the byte at `at`, which is outside of any element; return where to go on."""
        byte = data[at : at + 1]
        place = self.place
        if place == _START and byte == b"[":
            self.place = _FIRST
        elif (place == _START and byte == b"{") or (place in (_FIRST, _VALUE) and byte not in b"],}:"):
            self.single = place == _START
            self.place = _INSIDE
            self.depth = int(byte in b"{[")
            self.in_string = byte == b'"'
        elif place in (_FIRST, _AFTER) and byte == b"]":
            self.place = _END
        elif place == _AFTER and byte == b",":
            self.place = _VALUE
        else:
            where = ("is not a JSON array", *["has a misplaced byte between two elements"] * 4, "goes on after its end")
            raise DecodeError(
                f"the stream {where[place]}",
                hint="see .payload; check base_url: a proxy or web page may have answered",
                payload=data[at:],
            )
        return at + 1

    def _element_end(self, data: bytes, at: int) -> int:
        """Return the index after the element's last byte, or -1 when that is not in `data`."""
        while True:
            if self.in_string:
                at = self._string_end(data, at)
                if at < 0:
                    return -1
                if self.depth == 0:
                    return at
            if self.depth == 0:
                found = _SCALAR_END.search(data, at)
                return found.start() if found else -1
            at = _RUN.match(data, at).end()  # type: ignore[union-attr]  # it matches the empty string too
            if at == len(data):
                return -1
            byte = data[at]
            at += 1
            if byte == 34:
                self.in_string = True
            elif byte in b"{[":
                self.depth += 1
            else:
                self.depth -= 1
                if self.depth == 0:
                    return at

    def _string_end(self, data: bytes, at: int) -> int:
        """Return the index after the closing quote, or -1 when that is not in `data`."""
        if self.escaped:
            self.escaped = False
            at += 1
        while (quote := data.find(b'"', at)) >= 0:
            if not _is_escaped(data, at, quote):
                self.in_string = False
                return quote + 1
            at = quote + 1
        self.escaped = _is_escaped(data, at, len(data))
        return -1


def _is_escaped(data: bytes, start: int, at: int) -> bool:
    """Check whether an odd number of backslashes comes right before `at`."""
    before = at
    while before > start and data[before - 1] == 92:
        before -= 1
    return (at - before) % 2 == 1


Buffer = _Scanner | bytes | StepwellError


def parse(data: bytes, buffer: Buffer) -> tuple[list[bytes], Buffer]:
    """Return the elements that `data` completes.

    Raises DecodeError when the stream is not one array or object, ResponseTooLarge for an element over 32 MiB, and
    StreamTruncated when the input ends before the array does.
    """
    if isinstance(buffer, StepwellError):
        raise buffer
    if isinstance(buffer, bytes):
        start = buffer + data
        if BOM.startswith(start):
            return [], start
        data, buffer = start.removeprefix(BOM), _Scanner()
    if not data and buffer.place not in (_START, _END):
        raise StreamTruncated("the stream ended before its JSON array did")
    events: list[bytes] = []
    try:
        buffer.feed(data, events)
    except StepwellError as error:
        return events_then(error, events)
    return events, buffer
