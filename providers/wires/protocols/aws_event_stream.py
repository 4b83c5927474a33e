"""`application/vnd.amazon.eventstream`, the binary frames of Amazon Bedrock's streams.

    total length u32 | headers length u32 | CRC-32 of these 8 bytes | headers | payload | CRC-32 of all before it

All numbers are big-endian. A header is a name (u8 length), a type (u8) and a value.
Source: https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import Any
from zlib import crc32

from ....schemas.errors import DecodeError, ResponseTooLarge, StepwellError, StreamTruncated
from .framing import events_then, too_large

# (headers, payload). A header's value is a bool, int, bytes or str; a timestamp is in ms since 1970, a uuid 16 bytes.
AWSEvent = tuple[dict[str, Any], bytes]

MEDIA_TYPE = "application/vnd.amazon.eventstream"
MAX_FRAME = 24 * 1024 * 1024

_PRELUDE = Struct(">III")
_CRC = Struct(">I")
_OVERHEAD = _PRELUDE.size + _CRC.size

_TRUE, _FALSE, _INT, _LONG, _BYTES, _STRING = 0, 1, 4, 5, 6, 7
_FIXED = {2: Struct(">b"), 3: Struct(">h"), _INT: Struct(">i"), _LONG: Struct(">q"), 8: Struct(">q"), 9: Struct("16s")}
_LENGTH = Struct(">H")


class _Pending:
    """The bytes of the unfinished frame, and the last headers read: consecutive text deltas have the same headers."""

    __slots__ = ("headers", "raw_headers", "tail")

    def __init__(self) -> None:
        self.tail = bytearray()
        self.raw_headers = b""
        self.headers: dict[str, Any] = {}


def parse(data: bytes, buffer: _Pending | bytes | StepwellError) -> tuple[list[AWSEvent], _Pending | StepwellError]:
    """Return the frames that `data` completes.

    Raises DecodeError for a bad checksum or header, ResponseTooLarge for a frame over 24 MiB, and StreamTruncated
    when the input ends inside a frame.
    """
    if isinstance(buffer, StepwellError):
        raise buffer
    pending = buffer if isinstance(buffer, _Pending) else _Pending()
    tail = pending.tail
    if not data and tail:
        raise StreamTruncated(f"the stream ended {len(tail)} bytes into a frame")
    source: bytes | bytearray = data
    if tail:
        tail += data
        source = tail
    events: list[AWSEvent] = []
    at = 0
    try:
        while (end := _frame_end(source, at)) > 0:
            events.append(_frame(bytes(source[at:end]), pending))
            at = end
    except (DecodeError, ResponseTooLarge) as error:
        return events_then(error, events)
    if source is data:
        tail += data[at:]
    else:
        del tail[:at]
    return events, pending


def begins(start: bytes, content_type: str) -> bool:
    """Check whether a body with this start can be frames: the first byte of a frame's length is at most 1."""
    return start[0] <= MAX_FRAME >> 24


def _frame_end(source: bytes | bytearray, at: int) -> int:
    """Return where the frame at `at` ends; 0 while it is incomplete."""
    if len(source) - at < _PRELUDE.size:
        return 0
    total, headers, checksum = _PRELUDE.unpack_from(source, at)
    if crc32(source[at : at + 8]) != checksum:
        raise _malformed("the checksum of a frame's prelude is wrong", source[at:])
    if total < _OVERHEAD + headers:
        raise _malformed("a frame is shorter than its headers", source[at:])
    if total > MAX_FRAME:
        raise too_large(MAX_FRAME)
    end: int = at + total
    return end if end <= len(source) else 0


def _frame(frame: bytes, pending: _Pending) -> AWSEvent:
    body_end = len(frame) - _CRC.size
    if crc32(frame[:body_end]) != _CRC.unpack_from(frame, body_end)[0]:
        raise _malformed("the checksum of a frame is wrong", frame)
    headers_end = _PRELUDE.size + _PRELUDE.unpack_from(frame)[1]
    raw_headers = frame[_PRELUDE.size : headers_end]
    if raw_headers != pending.raw_headers:
        pending.headers = _headers(raw_headers)
        pending.raw_headers = raw_headers
    return pending.headers.copy(), frame[headers_end:body_end]


def _headers(raw: bytes) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    at = 0
    while at < len(raw):
        name_end = at + 1 + raw[at]
        name = _text(raw, at + 1, name_end)
        if name in headers:
            raise _malformed("a frame has the same header twice", raw)
        headers[name], at = _value(raw, name_end)
    return headers


def _value(raw: bytes, at: int) -> tuple[object, int]:
    """Read the value whose type byte is at `at`; return it and where it ends."""
    kind = _slice(raw, at, at + 1)[0]
    at += 1
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, at
    if fixed := _FIXED.get(kind):
        end = at + fixed.size
        return fixed.unpack(_slice(raw, at, end))[0], end
    if kind not in (_BYTES, _STRING):
        raise _malformed(f"a frame has a header of the unknown type {kind}", raw)
    at += _LENGTH.size
    end = at + _LENGTH.unpack(_slice(raw, at - _LENGTH.size, at))[0]
    return (_slice if kind == _BYTES else _text)(raw, at, end), end


def _slice(raw: bytes, start: int, end: int) -> bytes:
    if end > len(raw):
        raise _malformed("a frame's headers are cut short", raw)
    return raw[start:end]


def _text(raw: bytes, start: int, end: int) -> str:
    try:
        return _slice(raw, start, end).decode()
    except UnicodeDecodeError as error:
        raise _malformed(f"a frame has a header that is not UTF-8, at byte {error.start}", raw) from None


def _malformed(problem: str, shown: bytes | bytearray) -> DecodeError:
    return DecodeError(problem, hint="see .payload; if this is not an event stream, check base_url", payload=shown)


def encode(headers: Mapping[str, bool | int | bytes | str], payload: bytes) -> bytes:
    """Encode one frame. A header value is a bool, an int (4 bytes where they are enough, else 8), bytes or a str."""
    raw = b"".join(bytes([len(name.encode())]) + name.encode() + _encoded(value) for name, value in headers.items())
    prelude = _PRELUDE.pack(_OVERHEAD + len(raw) + len(payload), len(raw), 0)[:8]
    frame = prelude + _CRC.pack(crc32(prelude)) + raw + payload
    return frame + _CRC.pack(crc32(frame))


def _encoded(value: bool | int | bytes | str) -> bytes:
    if isinstance(value, bool):
        return bytes([_TRUE if value else _FALSE])
    if isinstance(value, int):
        kind = _INT if -(2**31) <= value < 2**31 else _LONG
        return bytes([kind]) + _FIXED[kind].pack(value)
    kind, raw = (_STRING, value.encode()) if isinstance(value, str) else (_BYTES, value)
    return bytes([kind]) + _LENGTH.pack(len(raw)) + raw
