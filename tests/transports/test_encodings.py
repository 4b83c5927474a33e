"""Compressed answers that were not requested: decoded where possible, and never hiding the status."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable
from typing import Any

import pytest
from carriers import ask, carriers, saying

from stepwell.pipeline.http.transport import AsyncTransport, Transport
from stepwell.schemas import errors

from loopback import answer, completion, serving

ERROR = b'{"error": {"message": "no room"}}'


def encoded_answer(body: bytes, encoding: str, status: str = "200 OK") -> bytes:
    return answer(body, status, f"content-encoding: {encoding}")


UNREADABLE = {
    "an encoding nobody asked for": encoded_answer(b"\x8b\x03\x80" + bytes(range(40)), "br", "503 Busy"),
    "gzip that is none": encoded_answer(b"\x00\x01\x02\x03" * 9, "gzip", "503 Busy"),
    "gzip cut short": encoded_answer(gzip.compress(ERROR)[:12], "gzip", "503 Busy"),
    "gzip that breaks off": encoded_answer(gzip.compress(ERROR * 5000, 1)[:-20] + b"\xff" * 12, "gzip", "503 Busy"),
}


@carriers
@pytest.mark.parametrize("unreadable", UNREADABLE)
def test_an_error_keeps_its_status_and_is_sent_again(carrier: str, unreadable: str) -> None:
    def script(request: Any) -> Iterable[bytes]:
        yield UNREADABLE[unreadable] if len(server.seen) == 1 else answer(completion())

    with serving(script) as server:
        assert ask(server, carrier, stream=False, retries=1).text == "hello"
    with serving(saying(UNREADABLE[unreadable])) as server, pytest.raises(errors.Overloaded) as caught:
        ask(server, carrier, stream=False)
    assert caught.value.status == 503 and str(caught.value).isprintable()


@carriers
def test_an_error_with_a_false_compression_header_is_read_uncompressed(carrier: str) -> None:
    for encoding in ("gzip", "deflate"):
        with serving(saying(encoded_answer(ERROR, encoding, "503 Busy"))) as server:
            with pytest.raises(errors.Overloaded, match="no room"):
                ask(server, carrier, stream=False)


@carriers
@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_an_unreadable_answer_is_a_decode_error(carrier: str, encoding: str) -> None:
    with serving(saying(encoded_answer(b"\x8b\x03\x80", encoding))) as server:
        with pytest.raises(errors.DecodeError, match="was not asked for|cannot be decompressed"):
            ask(server, carrier, stream=False)


WHOLE = completion("zipped")


@carriers
@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(WHOLE[:20]) + gzip.compress(WHOLE[20:]),
        b"".join(gzip.compress(WHOLE[at : at + 9]) for at in range(0, len(WHOLE), 9)),
        gzip.compress(WHOLE) + bytes(100),
        gzip.compress(WHOLE) + b"\x1f\x00 padding",
    ],
    ids=["two members", "many members", "padding", "junk"],
)
@pytest.mark.parametrize("step", [7, 10_000])
def test_gzip_of_several_members_is_read_to_the_last(carrier: str, body: bytes, step: int) -> None:
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
    with serving(saying(head, *chunks, b"0\r\n\r\n")) as server:
        assert ask(server, carrier, stream=False).text == "zipped"


@carriers
def test_an_encoding_that_is_none_is_none(carrier: str) -> None:
    for encoding in ("utf-8", "UTF8", "none", "identity", "identity, utf-8", ""):
        with serving(saying(encoded_answer(completion(), encoding))) as server:
            assert ask(server, carrier, stream=False).text == "hello"
    with serving(saying(encoded_answer(gzip.compress(completion()), "identity, gzip"))) as server:
        assert ask(server, carrier, stream=False).text == "hello"


@carriers
def test_deflate_is_read_too_with_and_without_a_header(carrier: str) -> None:
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    for body in (zlib.compress(WHOLE), raw.compress(WHOLE) + raw.flush(), gzip.compress(WHOLE)):
        head = b"HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\ncontent-length: %d\r\n\r\n" % len(body)
        with serving(saying(head, body[:1], 0.02, body[1:9], 0.02, body[9:])) as server:
            assert ask(server, carrier, stream=False).text == "zipped"


@carriers
def test_many_small_members_are_a_bomb_too(carrier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for transport in (Transport, AsyncTransport):  # at the real limit each carrier takes a second
        monkeypatch.setitem(transport.__init__.__kwdefaults__, "max_body_bytes", 2**20)
    member = gzip.compress(bytes(2**12), 9)
    with serving(saying(encoded_answer(member * 300, "gzip"))) as server, pytest.raises(errors.ResponseTooLarge):
        ask(server, carrier, stream=False)
