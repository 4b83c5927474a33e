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
# Inside a string, everything up to its closing quote, or to a backslash whose second half has not come yet.
_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_SCALAR = re.compile(rb"[^,\] \t\r\n]*+")

_START, _FIRST, _VALUE, _INSIDE, _AFTER, _END = range(6)
_PUNCTUATION = {(_START, b"["): _FIRST, (_FIRST, b"]"): _END, (_AFTER, b"]"): _END, (_AFTER, b","): _VALUE}


class _Scanner:
    """The position in the array after the bytes seen so far; none of them is scanned from the beginning again."""

    __slots__ = ("at", "depth", "in_string", "place", "single", "tail")

    def __init__(self) -> None:
        self.place = _START
        self.single = False
        self.tail = bytearray()  # the bytes of the open element
        self.at = 0  # how many of them are scanned
        self.depth = 0  # brackets open within the element; 0 for a string or a number
        self.in_string = False

    def feed(self, data: bytes, events: list[bytes]) -> None:
        tail = self.tail
        tail += data
        while True:
            if self.place != _INSIDE:
                found = _NOT_SPACE.search(tail)
                if not found:
                    tail.clear()
                    return
                del tail[: found.start()]
                self._step(bytes(tail[:1]))
                continue
            ended = self._ends()
            if self.at > MAX_EVENT:
                raise too_large()
            if not ended:
                return
            events.append(bytes(tail[: self.at]))
            del tail[: self.at]
            self.place = _END if self.single else _AFTER

    def _step(self, byte: bytes) -> None:
        """Process the first byte of the tail, outside of any element: begin an element, or remove punctuation."""
        place = self.place
        if (place == _START and byte == b"{") or (place in (_FIRST, _VALUE) and byte not in b"],}:"):
            self.place, self.single, self.at = _INSIDE, place == _START, 1
            self.depth, self.in_string = int(byte in b"{["), byte == b'"'
            return
        if (place, byte) not in _PUNCTUATION:
            where = ("is not a JSON array", *["has a misplaced byte between two elements"] * 4, "goes on after its end")
            raise DecodeError(
                f"the stream {where[place]}",
                hint="see .payload; check base_url: a proxy or web page may have answered",
                payload=self.tail,
            )
        self.place = _PUNCTUATION[place, byte]
        del self.tail[:1]

    def _ends(self) -> bool:
        """Scan on through the open element; return whether it is complete."""
        tail = self.tail
        while True:
            pattern = _STRING if self.in_string else _RUN if self.depth else _SCALAR
            self.at = pattern.match(tail, self.at).end()  # type: ignore[union-attr]  # it matches the empty text, too
            if self.at == len(tail) or (self.in_string and tail[self.at] != 34):
                return False
            if self.depth or self.in_string:
                byte = tail[self.at]
                self.at += 1
                self.in_string = byte == 34 and not self.in_string
                self.depth += (byte in b"{[") - (byte in b"}]")
            if not self.depth and not self.in_string:
                return True


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
