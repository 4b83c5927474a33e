"""A JSON array in pieces: each element as soon as it is complete."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.providers.wires.protocols import framing, json_array
from stepwell.schemas.errors import DecodeError, ResponseTooLarge, StreamTruncated

from chance import tries
from feeding import bytes_touched, cut, every, feed, in_two, outcome, places

BOM = b"\xef\xbb\xbf"
MANY_STRINGS = b"[" + b'"}",' * 300 + b"0]"


@pytest.mark.parametrize(
    ("stream", "elements"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b" \r\n", [], id="space"),
        pytest.param(b"[]", [], id="empty"),
        pytest.param(b" [ ] \n", [], id="empty, with space"),
        pytest.param(b'[{"a":1}]', [b'{"a":1}'], id="one"),
        pytest.param(b'[{"a": 1}\n,\r\n{"b": [1, {}]}\n]\n', [b'{"a": 1}', b'{"b": [1, {}]}'], id="as Google sends"),
        pytest.param(b'[{"a":"]}"},{"b":"\\"}"}]', [b'{"a":"]}"}', b'{"b":"\\"}"}'], id="brackets in strings"),
        pytest.param(rb'[{"a":"\\"},{"b":"\\\"}"}]', [rb'{"a":"\\"}', rb'{"b":"\\\"}"}'], id="runs of backslashes"),
        pytest.param(b'[[[]],[{"a":[]}],{}]', [b"[[]]", b'[{"a":[]}]', b"{}"], id="nesting"),
        pytest.param(b'[1, -2.5e3,"a,]b" ,null,true]', [b"1", b"-2.5e3", b'"a,]b"', b"null", b"true"], id="scalars"),
        pytest.param(b'{"error": {"code": 404}}\n', [b'{"error": {"code": 404}}'], id="a single object"),
        pytest.param(BOM + b"[{}]", [b"{}"], id="byte-order mark"),
        pytest.param(BOM, [], id="a mark and nothing else"),
        pytest.param(
            '[{"t":"\U0001f6b0\u2028\x85"}]'.encode(), ['{"t":"\U0001f6b0\u2028\x85"}'.encode()], id="any characters"
        ),
        pytest.param(b"[%b]" % MANY_STRINGS, [MANY_STRINGS], id="many strings"),
    ],
)  # fmt: skip
def test_a_stream_has_these_elements_in_every_split(stream, elements):
    for chunks in [[stream], every(1, stream), every(2, stream), every(3, stream), *in_two(stream)]:
        assert feed(json_array.parse, chunks) == elements


_TEXT = st.text(st.sampled_from('{}[]",:\\a\n\u2028\U0001f6b0'), max_size=6)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=12,
)


@tries(3)
@given(st.lists(_JSON, max_size=6), st.sampled_from([None, 2]), st.booleans(), places)
def test_any_array_in_any_split_gives_its_elements(values, indent, ascii_only, places):
    stream = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
    assert [json.loads(element) for element in feed(json_array.parse, cut(stream, places))] == values


@tries(3)
@given(st.text(st.sampled_from('{}[]",: \\a1'), max_size=16).map(str.encode), places)
def test_any_text_in_any_split_has_the_same_outcome(stream, places):
    assert outcome(json_array.parse, cut(stream, places)) == outcome(json_array.parse, [stream])


def test_an_object_is_returned_with_its_closing_brace():
    events, buffer = json_array.parse(b'[{"a":{}', b"")
    assert events == []
    events, buffer = json_array.parse(b"}", buffer)
    assert events == [b'{"a":{}}']
    assert json_array.parse(b',{"b":1}', buffer)[0] == [b'{"b":1}']


@pytest.mark.parametrize("stream", [b"[", b"[{}", b"[{},", b'[{}, {"a', b'[{}, {"a"', b"[{}, 1", b'{"a":1'])
def test_an_array_cut_short_is_an_error(stream):
    whole = [b"{}"] if stream.startswith(b"[{}") else []
    for chunks in ([stream], every(1, stream)):
        assert outcome(json_array.parse, chunks) == (whole, StreamTruncated)


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (b"<html>", "is not a JSON array"),
        (b"data: {}\n\n", "is not a JSON array"),
        (b'"oops"', "is not a JSON array"),
        (b"[,", "misplaced byte"),
        (b"[}", "misplaced byte"),
        (b"[{},]", "misplaced byte"),
        (b"[{} {}]", "misplaced byte"),
        (b"[{}}", "misplaced byte"),
        (b"[] []", "goes on after its end"),
        (b"{} {}", "goes on after its end"),
    ],
)
def test_a_body_that_is_not_an_array_is_an_error_with_the_place(stream, said):
    with pytest.raises(DecodeError, match=said) as caught:
        feed(json_array.parse, every(1, stream))
    assert stream.endswith(caught.value.payload) or caught.value.payload in stream


def test_whole_elements_are_given_before_the_error():
    assert outcome(json_array.parse, [b'[{"a":1},{"b":2}oops']) == ([b'{"a":1}', b'{"b":2}'], DecodeError)


def test_an_element_over_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(json_array, "MAX_EVENT", 100)
    stream = b'[{},{"a":"' + b"x" * 101 + b'"},{}]'
    for size in (1, 7, 50, len(stream)):
        assert outcome(json_array.parse, every(size, stream)) == ([b"{}"], ResponseTooLarge)


class _Watched:
    """A compiled pattern that adds up how far each match reached."""

    def __init__(self, pattern):
        self.pattern, self.read = pattern, 0

    def match(self, data, at):
        found = self.pattern.match(data, at)
        self.read += found.end() - at + 1
        return found


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"[" + b'{"text":"hello","n":[1,2]},' * 4000 + b"{}]", id="many elements"),
        pytest.param(b'[{"text":"' + b"\\\\\\n" * 2**17 + b'"}]', id="a string of backslashes"),
        pytest.param(b"[" + b"[" * 50_000 + b"]" * 50_000 + b"]", id="deep nesting"),
    ],
)
@pytest.mark.parametrize("size", [1, 1024])
def test_the_work_is_linear_in_the_bytes(monkeypatch, stream, size):
    watched = _Watched(json_array._RUN)
    monkeypatch.setattr(json_array, "_RUN", watched)
    assert bytes_touched(monkeypatch, json_array, json_array.parse, every(size, stream)) <= 4 * len(stream)
    assert watched.read <= 4 * len(stream)
    assert framing.MAX_EVENT == 32 * 2**20
