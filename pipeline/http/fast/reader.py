"""Read the answers that arrive on one connection, one after another. Waits for nothing: sync and async share it."""

from __future__ import annotations

import re
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from ..headers import Headers, from_lines
from .errors import RemoteProtocolError, UnusableAnswer

MAX_WITHOUT_BODY = 128 * 2**10
"""The most bytes in a row without any of the body: a head, 1xx answers, extensions of chunks, trailers."""
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_FOLDED = re.compile(rb"\r?\n[ \t]+")
_CONTROLS = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LENGTH = b"content-length"


class AnswerReader:
    """The state of one connection's answers.

    The parser (llhttp) finds where heads and bodies end, and checks them. It calls back for bodies only, and the head
    is taken apart as one text: a callback for each header would cost 0.4 µs, of which a provider sends twenty.
    Parser and reader refer to each other; `forget` ends that.
    """

    __slots__ = (
        "_all",
        "_barren",
        "_head",
        "_no_body",
        "_odd",
        "_parser",
        "begun",
        "done",
        "headers",
        "held",
        "on_body",
        "pieces",
        "reusable",
        "status",
    )

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        """what has arrived of the body, and was not taken yet"""
        self.on_body = self.pieces.append  # called by the parser, without a frame of ours for each chunk
        self._parser: Any = self._new_parser()
        self.expect("")

    def _new_parser(self) -> Any:
        parser = HttpResponseParser(self)
        # Where a length is given beside chunks, these count, and the connection is closed after the answer
        # (https://www.rfc-editor.org/rfc/rfc9112#section-6.3). Some servers put spaces after the size of a chunk.
        # A 1xx answer of HTTP/1.0, or one that says `close`, is followed by the answer all the same.
        parser.set_dangerous_leniencies(
            lenient_chunked_length=True, lenient_spaces_after_chunk_size=True, lenient_keep_alive=True
        )
        return parser

    def expect(self, method: str) -> None:
        """Expect an answer to a request that is about to be sent."""
        self.headers: Headers | None = None
        """those of the answer, once its head is complete"""
        self.begun = self.done = False
        self.reusable = True
        """whether the connection can serve another call when the answer is `done`"""
        self.status = self.held = self._barren = self._all = 0
        self._head = b""
        self._odd = False
        self._no_body = method == "HEAD"

    def feed(self, data: bytes | memoryview) -> None:
        """Take what has arrived. Raises RemoteProtocolError for what is not HTTP/1.1, or too long a head."""
        if self.done:
            self.reusable = False  # nobody asked for more
            return
        self.begun = True
        if self.headers is None:
            self._head += data
        pieces = self.pieces
        had = len(pieces)
        try:
            if self._odd:
                self._read_odd_head(len(data))
            else:
                self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._refused()
        if self.done and len(pieces) > self._all:
            del pieces[self._all :]  # the body of a second answer, for which nobody asked
        if len(pieces) > had:
            self._barren = 0
            self.held = self.held + len(data) if had else len(data)
        elif not self.done:
            self._barren += len(data)
            if self._barren > MAX_WITHOUT_BODY:
                raise UnusableAnswer(f"more than {MAX_WITHOUT_BODY // 1024} kB arrived without a body")

    def _refused(self) -> None:
        """Go on after the parser has refused something. Raises RemoteProtocolError where that is not possible."""
        self.reusable = False  # after a complete answer it is junk, and the answer stands
        if self.done:
            return
        while self.headers is None and self._head.startswith(b"HTTP/1."):
            self._odd, before = True, len(self._head)
            try:
                self._read_odd_head(before)
                return
            except (HttpParserError, HttpParserUpgrade):
                if self.done:
                    return
                if len(self._head) >= before:  # not even a 1xx answer was read
                    break
        raise UnusableAnswer("it is not HTTP/1.1") from None

    def _read_odd_head(self, new: int) -> None:
        """Read a head that llhttp refuses and others accept, once all of it has arrived: see `_normalised`."""
        end = _END_OF_HEAD.search(self._head, max(0, len(self._head) - new - 3))
        if end is None:
            return
        self._odd = False
        self._head = data = _normalised(self._head[: end.start()]) + b"\r\n\r\n" + self._head[end.end() :]
        self._parser = self._new_parser()
        self._parser.feed_data(data)

    def end(self) -> None:
        """Note that the server has closed its side. Raises RemoteProtocolError if the answer is not complete."""
        self.reusable = False
        if not self.done and self.headers is not None:
            coding = self.headers.get("transfer-encoding")
            if coding is None:
                self.done = "content-length" not in self.headers
            else:
                self.done = not coding.rstrip().lower().endswith("chunked")
        if not self.done:
            raise RemoteProtocolError("the server closed the connection before the answer was complete")

    def take(self) -> bytes:
        """Return what has arrived of the body since the last time."""
        pieces = self.pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return data

    def whole(self, most: int) -> bytes | None:
        """Return the body of a successful answer, if all of it has arrived with its head and needs no more work.

        That is the usual case, and saves the 4 µs of reading it piece by piece. None for a compressed body, and for one
        that may have more than `most` bytes.
        """
        headers = self.headers
        if not self.done or self.status >= 300 or self.held > most or headers is None:
            return None
        return None if dict.__contains__(headers, "content-encoding") else self.take()

    def forget(self) -> None:
        """End the reference cycle; nothing can be read after that."""
        self._parser = None
        self.reusable = False

    def on_message_begin(self) -> None:
        if self.done:
            self.reusable = False  # an answer that nobody asked for

    def on_headers_complete(self) -> None:
        if self.headers is not None:
            return
        head = self._head
        start = head.index(b"HTTP/")
        end = head.index(b"\r\n\r\n", start)
        status = self._parser.get_status_code()
        if status < 100:
            raise RemoteProtocolError("this is no status")  # which the parser passes on as an error of its own
        if status < 200:  # the answer is still to come
            self._head = head[end + 4 :]
            return
        self._head = b""
        self.status = status
        self.headers = headers = from_lines(head[start:end])
        if self._no_body:
            self.done, self.reusable = True, False
        elif dict.__contains__(headers, "transfer-encoding") and "content-length" in headers:
            self.reusable = False

    def on_message_complete(self) -> None:
        if self.headers is not None and not self.done:
            self.done = True
            self._all = len(self.pieces)
            if not self._parser.should_keep_alive():
                self.reusable = False


def _normalised(head: bytes) -> bytes:
    """Return the lines of a head with CR LF between them, none folded, without control characters, the length once.

    Source: https://www.rfc-editor.org/rfc/rfc9112#section-2.2 (LF alone), section 5.2 (folded lines), section 6.3 (the
    same length several times).
    """
    lines: list[bytes] = []
    for line in _CONTROLS.sub(b"", _FOLDED.sub(b" ", head)).replace(b"\r\n", b"\n").split(b"\n"):
        name, _, value = line.partition(b":")
        if name.lower() == _LENGTH:
            lengths = {each.strip() for each in value.split(b",")}
            line = _LENGTH + b": " + b",".join(sorted(lengths))
            if line in lines:
                continue
        lines.append(line)
    return b"\r\n".join(lines)
