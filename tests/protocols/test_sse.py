"""Server-sent events: WHATWG's rules, in any split, with any line end."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stepwell.providers.wires.protocols import framing, sse
from stepwell.schemas.errors import ResponseTooLarge

from chance import tries
from feeding import bytes_touched, cut, every, feed, in_two, outcome, places

BOM = b"\xef\xbb\xbf"
GOOD = b'data: {"a":1}\n\n'
A = ("", b'{"a":1}')


def slow(stream: bytes) -> list[tuple[str, bytes]]:
    """Parse by WHATWG HTML 9.2.6, one character at a time, and by our additions to it."""
    text = stream.decode("utf-8", "surrogateescape")
    if text.startswith("\ufeff"):
        text = text[1:]
    lines, line = [], ""
    after_cr = False
    for character in text:
        if character == "\n" and after_cr:
            after_cr = False
        elif character in "\r\n":
            lines.append(line)
            line = ""
            after_cr = character == "\r"
        else:
            line += character
            after_cr = False
    lines += [line, ""]  # ours: what has no blank line behind it at the end is an event all the same

    events = []
    data = name = ""
    for line in lines:
        if line == "":
            payload = data[:-1].encode("utf-8", "surrogateescape")
            if payload and not payload.startswith(b":"):  # ours: no empty events, no `data: : keepalive`
                events.append((name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), payload))
            data = name = ""
            continue
        if line[0] == ":":
            continue
        field, colon, value = line.partition(":")
        if colon and value[:1] == " ":
            value = value[1:]
        if field == "event":
            name = value
        elif field == "data":
            data += value + "\n"
    return events


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\n\n\n", [], id="blank lines"),
        pytest.param(GOOD * 3, [A, A, A], id="plain"),
        pytest.param(b"event: x\n" + GOOD + GOOD, [("x", A[1]), A], id="a name is for one event"),
        pytest.param(b"event: x\n\n" + GOOD, [A], id="a name without data is forgotten"),
        pytest.param(b"event: x\nevent:y\n" + GOOD, [("y", A[1])], id="the last name counts"),
        pytest.param(b"data: 1\nevent: x\n\n", [("x", b"1")], id="a name after the data"),
        pytest.param(b"event\n" + GOOD, [A], id="a name without a colon is empty"),
        pytest.param("event: \u00e9t\u00e9\n".encode() + GOOD, [("été", A[1])], id="a name in UTF-8"),
        pytest.param(b"event: \xff\n" + GOOD, [("\ufffd", A[1])], id="a name that is not"),
        pytest.param(b"event: " + b"n" * 99 + b"\n" + GOOD, [("n" * 99, A[1])], id="a long name"),
        pytest.param(b'data:{"a":1}\n\n', [A], id="no space after the colon"),
        pytest.param(b"data:  1\n\n", [("", b" 1")], id="one space is dropped, not two"),
        pytest.param(b"data: a\ndata: b\n\n", [("", b"a\nb")], id="two data lines"),
        pytest.param(b"data: {\ndata\ndata: }\n\n", [("", b"{\n\n}")], id="an empty data line between two"),
        pytest.param(b"data: [DONE]\n\n", [("", b"[DONE]")], id="done is for the wire to know"),
        pytest.param(GOOD[:-1], [A], id="no blank line at the end"),
        pytest.param(GOOD[:-2], [A], id="no line end at the end"),
        pytest.param(b"event: x\n" + GOOD[:-2], [("x", A[1])], id="no line end at the end, with a name"),
        pytest.param(BOM + GOOD, [A], id="byte-order mark"),
        pytest.param(BOM + BOM + GOOD, [], id="a second mark is text"),
        pytest.param(GOOD + BOM + GOOD, [A], id="a later mark is text"),
        pytest.param(BOM, [], id="a mark and nothing else"),
        pytest.param(b"data: a\r\ndata: b\r\n\r\n", [("", b"a\nb")], id="CRLF"),
        pytest.param(b"data: a\rdata: b\r\r" + GOOD, [("", b"a\nb"), A], id="CR"),
        pytest.param(b"data: a\r\n\ndata: b\n\rdata: c\r\r\n", [("", b"a"), ("", b"b"), ("", b"c")], id="mixed"),
        pytest.param(b"data: a\rdata: b\n\n", [("", b"a\nb")], id="a CR inside what looks like one line"),
        pytest.param(b"Data: 1\ndata : 1\n data: 1\ndatax: 1\n\n", [], id="unknown fields"),
        pytest.param(b"id: 1\nretry: 10\n" + GOOD, [A], id="id and retry"),
        pytest.param(b"data: 0\n\ndata: -1\n\n", [("", b"0"), ("", b"-1")], id="numbers"),
        pytest.param(b"data: ;\n\ndata: \xff\n\n", [("", b";"), ("", b"\xff")], id="any bytes"),
    ],
)
def test_a_stream_has_these_events_in_every_split(stream, events):
    assert slow(stream) == events
    for chunks in [[stream], every(1, stream), every(2, stream), every(3, stream), *in_two(stream)]:
        assert feed(sse.parse, chunks) == events


@pytest.mark.parametrize(
    "noise",
    [
        b": OPENROUTER PROCESSING\n\n",
        b"id: 1\n\n: ping\n\n",
        b": ping\n\n",
        b"data: : keepalive\n\n",
        b"data:: keepalive\n\n",
        b"event: keepalive\n\n",
        b"event: keepalive\ndata:\n\n",
        b"data:\n\n",
        b"data\n\n",
        b"data: \n\n",
        b":\n",
        b"id: 7\n\n",
        b"retry: 1000\n\n",
    ],
)
def test_keep_alives_between_two_events_are_not_events(noise):
    stream = b'id: 1\ndata: {"a":1}\n\n' + noise + GOOD
    for chunks in [[stream], [GOOD, noise, GOOD], every(1, stream), *in_two(stream)]:
        assert feed(sse.parse, chunks) == [A, A]


@pytest.mark.parametrize("character", list("\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\x00\U0001f6b0"))
def test_other_line_ends_are_text(character):
    data = f'{{"t":"a{character}b"}}'.encode()
    stream = b"data: " + data + b"\n\n"
    for chunks in [[stream], every(1, stream), *in_two(stream)]:
        assert feed(sse.parse, chunks) == [("", data)]


def test_an_event_is_given_with_the_byte_that_ends_it():
    for end in (b"\n\n", b"\r\r", b"\n\r", b"\r\n\r"):
        buffer = b""
        for byte in every(1, b"data: a" + end[:-1]):
            events, buffer = sse.parse(byte, buffer)
            assert events == []
        assert sse.parse(end[-1:], buffer)[0] == [("", b"a")]


def test_events_keep_coming_when_each_chunk_ends_inside_an_event():
    chunks = [GOOD[:5], GOOD[5:] + GOOD[:5], GOOD[5:]]
    buffer = b""
    given_events = []
    for chunk in chunks:
        events, buffer = sse.parse(chunk, buffer)
        given_events.append(events)
    assert given_events == [[], [A], [A]]


_PIECES = [
    b"data", b"event", b"id", b"retry", b"data: ", b"data:", b"event: x", b"event:", b":", b" ", b"{}", b"{", b"a",
    b";", b"\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n", b'data: {"a":1}\n\n', b"event: x\ndata: {}\n\n", b": ping\n\n",
    BOM, BOM[:1], BOM[1:], b"\xff", "\u2028".encode(), "\x85".encode(), "\U0001f6b0".encode(), b"\x0b",
]  # fmt: skip


@tries(4)
@given(st.lists(st.sampled_from(_PIECES), max_size=24).map(b"".join), places)
@example(b"data: a\r\ndata: b\r\n\r\n", [8])
@example(b"data: a\r\ndata: b\r\n\r\n", [])
def test_any_bytes_in_any_split_are_parsed_by_the_standard(stream, places):
    assert feed(sse.parse, cut(stream, places)) == slow(stream)


_TEXT = st.text(st.sampled_from('{}[]":; a\\\u2028\x85\x0b\U0001f6b0'), min_size=1, max_size=12)
_FIELDS = st.one_of(
    st.builds("data: {}".format, _TEXT),
    st.builds("data:{}".format, _TEXT),
    st.sampled_from(["event: x", "event: content_block_delta", "id: 1", "retry: 5", ": ping", ":", "data", "data:"]),
)


@tries(2)
@given(
    st.lists(st.lists(_FIELDS, max_size=4), max_size=6),
    st.lists(st.sampled_from(["\n", "\r", "\r\n"]), min_size=1, max_size=3),
    st.booleans(),
    places,
)
def test_line_ends_marks_comments_and_splits_change_nothing(blocks, ends, mark, places):
    lines = [line for block in blocks for line in [*block, ""]]
    plain = "".join(line + "\n" for line in lines).encode()
    dressed = ""
    for number, line in enumerate(lines):
        for piece in (": a comment", line):
            end = ends[number % len(ends)]
            merges = not piece and end == "\n" and dressed.endswith("\r")  # CR and a blank line's LF would be one CRLF
            dressed += piece + ("\r" if merges else end)
    expected = slow(plain)
    assert feed(sse.parse, [plain]) == expected
    assert feed(sse.parse, every(1, plain)) == expected
    assert feed(sse.parse, cut((BOM if mark else b"") + dressed.encode(), places)) == expected


def test_an_event_over_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(framing, "MAX_EVENT", 100)
    monkeypatch.setattr(sse, "MAX_EVENT", 100)
    stream = GOOD + b"data: " + b"x" * 101 + b"\n\n" + GOOD
    for size in (1, 7, 50, len(stream)):
        assert outcome(sse.parse, every(size, stream)) == ([A], ResponseTooLarge)
    assert feed(sse.parse, [GOOD * 50]) == [A] * 50


def test_the_limit_on_an_event_is_32_mib():
    assert framing.MAX_EVENT == 32 * 2**20
    with pytest.raises(ResponseTooLarge, match="32 MiB"):
        sse.parse(b"x" * (32 * 2**20 + 1), None)


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(every(1, b'data: {"text":"hello"}\n\n' * 4000), id="100,000 chunks of a byte"),
        pytest.param(every(1024, b"data: " + b"x" * 2**24 + b"\n\n"), id="16 MiB in chunks of 1 KiB"),
        pytest.param(every(1024, b"data: x\r\n" * 2**18 + b"\r\n"), id="an event of many lines"),
        pytest.param(every(1000, GOOD * 10_000), id="chunks that end anywhere"),
    ],
)
def test_the_work_is_linear_in_the_bytes(monkeypatch, chunks):
    size = sum(map(len, chunks))
    assert bytes_touched(monkeypatch, framing, sse.parse, chunks) <= 8 * size


def test_a_read_of_plain_events_is_not_looked_through_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[bytes] = []
    look = sse._each_line
    monkeypatch.setattr(sse, "_each_line", lambda lines: (looked.extend(lines), look(lines))[1])
    for end in (b"\n", b"\r\n"):
        stream = GOOD.replace(b"\n", end) * 50
        for read, buffer in ((stream, None), (stream, b""), (stream + b"data: {", None)):
            assert sse.parse(read, buffer)[0] == [A] * 50 and not looked
    for rest in (b"data: {", b": keepalive\n\n", b"event: a\n\n", b"data: :\n\n", b"data: 1\ndata: 2\n\n", b"\n"):
        events, _ = sse.parse(GOOD * 50 + rest, None)
        assert events[:50] == [A] * 50 and len(events) <= 51
