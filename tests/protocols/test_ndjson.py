"""Newline-delimited JSON: only LF ends a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.providers.wires.protocols import framing, ndjson
from stepwell.schemas.errors import ResponseTooLarge

from chance import tries
from feeding import bytes_touched, cut, every, feed, in_two, outcome, places

BOM = b"\xef\xbb\xbf"


def slow(stream: bytes) -> list[bytes]:
    lines = [""]
    for character in stream.removeprefix(BOM).decode("latin-1"):
        if character == "\n":
            lines.append("")
        else:
            lines[-1] += character
    return [text.encode("latin-1") for line in lines if (text := line.strip(" \t\r"))]


@pytest.mark.parametrize(
    ("stream", "lines"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}'], id="plain"),
        pytest.param(b'{"a":1}\r\n{"b":2}\r\n', [b'{"a":1}', b'{"b":2}'], id="CRLF"),
        pytest.param(b'{"a":1}\n{"b":2}', [b'{"a":1}', b'{"b":2}'], id="no line end at the end"),
        pytest.param(b'\n\n {"a":1} \n \r\n\t\n{"b":2}\n\n', [b'{"a":1}', b'{"b":2}'], id="blank lines and spaces"),
        pytest.param(b'{"a":\r1}\n', [b'{"a":\r1}'], id="a CR inside a line is text"),
        pytest.param(BOM + b'{"a":1}\n', [b'{"a":1}'], id="byte-order mark"),
        pytest.param(BOM, [], id="a mark and nothing else"),
        pytest.param(b'{"a":1}\n' + BOM + b"1\n", [b'{"a":1}', BOM + b"1"], id="a later mark is text"),
        pytest.param(
            '{"t":"\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\U0001f6b0"}\n'.encode(),
            ['{"t":"\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\U0001f6b0"}'.encode()],
            id="what other standards call a line end is text",
        ),
    ],
)
def test_a_stream_has_these_lines_in_every_split(stream, lines):
    for chunks in [[stream], every(1, stream), every(2, stream), *in_two(stream)]:
        assert feed(ndjson.parse, chunks) == lines


_PIECES = [b"\n", b"\r\n", b"\r", b" ", b"{}", b'{"a":1}\n', b"a", BOM, BOM[:1], "\u2028".encode(), b"\x85", b"\x0b"]


@tries(2)
@given(st.lists(st.sampled_from(_PIECES), max_size=16).map(b"".join), places)
def test_any_bytes_in_any_split_give_the_same_lines(stream, places):
    # a lone beginning of a byte-order mark is the one text that is dropped
    expected = [] if BOM.startswith(stream) else slow(stream)
    assert feed(ndjson.parse, cut(stream, places)) == expected


def test_a_line_is_returned_with_the_byte_that_ends_it():
    events, buffer = ndjson.parse(b'{"a":1}', b"")
    assert events == []
    assert ndjson.parse(b"\n", buffer)[0] == [b'{"a":1}']


def test_a_line_over_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(framing, "MAX_EVENT", 100)
    monkeypatch.setattr(ndjson, "MAX_EVENT", 100)
    stream = b"1\n" + b"x" * 101 + b"\n2\n"
    for size in (1, 7, 50, len(stream)):
        assert outcome(ndjson.parse, every(size, stream)) == ([b"1"], ResponseTooLarge)
    assert feed(ndjson.parse, [b"1\n" * 500]) == [b"1"] * 500


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(every(1, b'{"text":"hello, reader"}\n' * 4000), id="100,000 chunks of a byte"),
        pytest.param(every(1024, b"x" * 2**24 + b"\n"), id="16 MiB in chunks of 1 KiB"),
    ],
)
def test_the_work_is_linear_in_the_bytes(monkeypatch, chunks):
    assert bytes_touched(monkeypatch, framing, ndjson.parse, chunks) <= 8 * sum(map(len, chunks))
