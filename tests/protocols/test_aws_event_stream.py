"""Amazon's binary event stream, checked against botocore's parser."""

from __future__ import annotations

import struct
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from stepwell.providers.wires.protocols import aws_event_stream
from stepwell.providers.wires.protocols.aws_event_stream import encode, parse
from stepwell.schemas.errors import DecodeError, ResponseTooLarge, StreamTruncated

from chance import tries
from feeding import bytes_touched, cut, every, feed, in_two, outcome, places

HEADERS = {":event-type": "contentBlockDelta", ":content-type": "application/json", ":message-type": "event"}
ONE = encode(HEADERS, b'{"delta":{"text":"Hi"}}')
TWO = encode({":event-type": "messageStop", ":message-type": "event"}, b"{}")
EVENTS = [(HEADERS, b'{"delta":{"text":"Hi"}}'), ({":event-type": "messageStop", ":message-type": "event"}, b"{}")]


def frame(headers: bytes, payload: bytes = b"") -> bytes:
    """Put a frame around the given header bytes."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return body + struct.pack(">I", crc32(body))


def parsed_by_botocore(stream: bytes) -> list[tuple[dict, bytes]]:
    reader = EventStreamBuffer()
    reader.add_data(stream)
    return [(message.headers, message.payload) for message in reader]


def test_frames_are_read_in_every_split():
    stream = ONE + TWO
    for chunks in [[stream], every(1, stream), every(5, stream), *in_two(stream)]:
        assert feed(parse, chunks) == EVENTS
    assert parsed_by_botocore(stream) == EVENTS


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (0, b"", True),
        (1, b"", False),
        (2, b"\xff", -1),
        (3, b"\xff\xfe", -2),
        (4, b"\x80\x00\x00\x00", -(2**31)),
        (5, b"\x7f" + b"\xff" * 7, 2**63 - 1),
        (6, b"\x00\x03\x00\xff\x01", b"\x00\xff\x01"),
        (7, b"\x00\x04\xf0\x9f\x9a\xb0", "\U0001f6b0"),
        (8, struct.pack(">q", 1_700_000_000_123), 1_700_000_000_123),
        (9, bytes(range(16)), bytes(range(16))),
    ],
)
def test_each_type_of_header_is_read(kind, raw, value):
    stream = frame(b"\x01a" + bytes([kind]) + raw + b"\x01z\x00", b"payload")
    assert feed(parse, [stream]) == [({"a": value, "z": True}, b"payload")] == parsed_by_botocore(stream)


_NAMES = st.text(min_size=1, max_size=20).filter(lambda name: len(name.encode()) < 128)
_VALUES = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=30) | st.text(max_size=30)


@tries(2)
@given(
    st.lists(st.tuples(st.dictionaries(_NAMES, _VALUES, max_size=4), st.binary(max_size=60)), max_size=5),
    st.booleans(),
    places,
)
def test_encoded_frames_are_decoded_in_any_split(events, repeat, places):
    events = events * 2 if repeat else events
    stream = b"".join(encode(headers, payload) for headers, payload in events)
    assert feed(parse, cut(stream, places)) == events == parsed_by_botocore(stream)


@tries(3)
@given(st.integers(0, len(ONE) - 1), st.integers(1, 255), places)
def test_a_changed_byte_anywhere_is_found(at, change, places):
    stream = TWO + ONE[:at] + bytes([ONE[at] ^ change]) + ONE[at + 1 :] + TWO
    assert outcome(parse, cut(stream, places)) == ([EVENTS[1]], DecodeError)


def test_headers_of_two_frames_are_not_the_same_object():
    (first, _), (second, _) = feed(parse, [ONE + ONE])
    first["mine"] = True
    assert "mine" not in second


def test_a_stream_cut_inside_a_frame_is_an_error():
    for at in range(1, len(TWO)):
        assert outcome(parse, [ONE + TWO[:at]]) == ([EVENTS[0]], StreamTruncated)
    assert outcome(parse, [ONE]) == ([EVENTS[0]], None)


def test_something_else_than_an_event_stream_is_an_error_that_shows_it():
    body = b'{"message":"The security token is invalid"}'
    with pytest.raises(DecodeError, match="checksum") as caught:
        parse(body, b"")
    assert caught.value.payload == body


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (b"\x01a\x0a", "unknown type 10"),
        (b"\x01a", "cut short"),
        (b"\x05a", "cut short"),
        (b"\x01a\x04\x00", "cut short"),
        (b"\x01a\x07\x00", "cut short"),
        (b"\x01a\x07\x00\x05abc", "cut short"),
        (b"\x01a\x07\x00\x01\xff", "not UTF-8, at byte 0"),
        (b"\x01a\x00\x01a\x01", "same header twice"),
    ],
)
def test_bad_headers_behind_good_checksums_are_errors(headers, said):
    with pytest.raises(DecodeError, match=said):
        parse(frame(headers, b"payload"), b"")


def test_a_frame_that_claims_to_be_shorter_than_its_headers_is_an_error():
    prelude = struct.pack(">II", 20, 100)
    with pytest.raises(DecodeError, match="shorter than its headers"):
        parse(prelude + struct.pack(">I", crc32(prelude)), b"")


def test_a_frame_over_24_mib_is_refused_before_it_is_read():
    prelude = struct.pack(">II", 24 * 2**20 + 1, 0)
    with pytest.raises(ResponseTooLarge, match="24 MiB"):
        parse(prelude + struct.pack(">I", crc32(prelude)), b"")


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(every(1, ONE * 700), id="100,000 chunks of a byte"),
        pytest.param(every(1024, encode({}, bytes(2**24))), id="16 MiB in chunks of 1 KiB"),
        pytest.param(every(1000, ONE * 10_000), id="chunks that end anywhere"),
    ],
)
def test_the_work_is_linear_in_the_bytes(monkeypatch, chunks):
    # Each chunk costs a fixed look at the prelude of the frame that waits for it.
    allowed = 8 * sum(map(len, chunks)) + 16 * len(chunks)
    assert bytes_touched(monkeypatch, aws_event_stream, parse, chunks) <= allowed
