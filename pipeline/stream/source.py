"""Read the body of an open response: limit its size, decompress it, keep its time. Shared by both transports."""

from __future__ import annotations

import zlib
from math import inf
from typing import Any

from ...schemas.errors import DecodeError, ResponseTooLarge
from ...schemas.process_lock import PROCESS
from ..http.live_timeout import Limits, watch_tls_stream
from ..http.timeouts import Clock

MAX_BODY_BYTES = 256 * 2**20
MAX_ERROR_BYTES = 64 * 2**10
DRAIN_TIMEOUT = 0.1
"""Seconds that the end of a body may take to arrive after the answer is complete."""
_GZIP = b"\x1f\x8b"
_NO_CODINGS = ("", "identity", "none", "utf-8", "utf8")
"""What some servers write as a content-encoding that is none. httpx, and so the vendors' SDKs, read such answers."""
_BY_HEADER, _NO_HEADER = 47, -15  # of zlib's `wbits`


class Source:
    """A response that is being read. `raw` is the HTTP library's response and `iterator` yields its raw bytes."""

    __slots__ = (
        "_cut",
        "_encoding",
        "_inflater",
        "_limit",
        "clock",
        "closed",
        "full",
        "iterator",
        "lingers",
        "plain",
        "process",
        "raw",
        "room",
    )

    def __init__(
        self, raw: Any, iterator: Any, clock: Clock, *, limit: int, encoding: str = "", cut: bool = False
    ) -> None:
        """Start to read a body.

        raw: the HTTP library's response.
        iterator: its bytes as they were sent.
        clock: the limits of the exchange.
        limit: the most bytes to take, decompressed.
        encoding: its content-encoding.
        cut: True for the body of an error: stop at the limit, and keep bytes that cannot be decompressed unchanged.
        """
        self.raw = raw
        self.iterator = iterator
        self.clock = clock
        self.process = PROCESS[0]
        """that opened the connection, and alone may read from it"""
        self.closed = False
        self.full = False
        self.room = self._limit = limit
        """how many bytes more may be taken"""
        self._cut = cut
        self.lingers = False
        """True if a read for the rest of the body may be ended by a timeout without harm to others"""
        self._encoding = encoding
        self._inflater: Any = _inflater(encoding, known_only=not cut) if encoding else None
        self.plain = self._inflater is None
        """whether the bytes are as they were sent"""

    def take(self, data: bytes) -> bytes:
        """Count and decompress what was read. Raises ResponseTooLarge over the limit, the clock's error when late."""
        clock = self.clock
        if clock.due != inf and clock.now() >= clock.due:
            raise clock.error()
        if self._inflater is not None:
            data = self._inflate(data)
        room = self.room = self.room - len(data)
        if room < 0:
            if not self._cut:
                raise ResponseTooLarge(f"the answer is larger than {self._limit:,} bytes")
            self.full = True
            data = data[:room]
        return data

    def _inflate(self, data: bytes) -> bytes:
        # At most one byte over the limit is made, so that a decompression bomb cannot fill the memory.
        room = self.room + 1
        out: list[bytes] = []
        try:
            while room > 0:
                inflater = self._inflater
                out.append(inflater.decompress(data, room))
                room -= len(out[-1])
                if inflater.unconsumed_tail:
                    if not self._cut:
                        raise ResponseTooLarge(f"the answer decompresses to more than {self._limit:,} bytes")
                    break
                data = inflater.unused_data
                if not inflater.eof or len(data) < len(_GZIP):
                    break  # the next read brings what follows the end, if anything
                # A gzip body may be several, one after another; anything else after it is padding.
                self._inflater = _inflater(self._encoding) if data.startswith(_GZIP) else _Padding
        except zlib.error as error:
            if not self._cut:
                raise DecodeError(
                    f"the answer is declared as {self._encoding} but cannot be decompressed: {error}"
                ) from None
            begun = bool(self.room < self._limit or out)
            self._inflater = _Padding if begun else None
            return b"".join(out) if begun else data
        return out[0] if len(out) == 1 else b"".join(out)

    def finish(self) -> None:
        """Read the rest of the body for a moment: the wire's end marker has arrived.

        Only a body that is read to its end leaves a connection for the next call, and most often its end arrives with
        the marker or soon after it.
        """
        if self.lingers:
            self.clock.finish(DRAIN_TIMEOUT)
        else:
            self.iterator = _Nothing()


def tune(raw: Any, limits: Limits) -> bool:
    """Make each read of a streamed body wait exactly as long as the clock allows at that moment.

    Connections of httpcore can do so. On other transports the limit for silence holds for all reads. Return whether the
    end of the body may be waited for (see `Source.lingers`).
    """
    live = watch_tls_stream(raw.extensions.get("network_stream"))
    limits.stream(live=live)
    # A read that times out ends all streams of an HTTP/2 connection, so none is made there after the end marker.
    return live and raw.extensions.get("http_version") != b"HTTP/2"


class _Nothing:
    """An empty iterator, sync and async."""

    def __iter__(self) -> _Nothing:
        return self

    def __next__(self) -> bytes:
        raise StopIteration

    def __aiter__(self) -> _Nothing:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


class _Padding:
    """A decompressor that makes nothing of everything."""

    eof = False
    unconsumed_tail = unused_data = b""

    @staticmethod
    def decompress(data: bytes, most: int) -> bytes:
        return b""


class _Deflate:
    """A decompressor of `deflate`, which some servers send without zlib's header; other clients read both."""

    def __init__(self) -> None:
        self._inner: Any = None

    def decompress(self, data: bytes, most: int) -> bytes:
        if self._inner is None:
            if not data:
                return b""
            # The first byte of zlib ends with 8, and that of gzip with 15 (RFC 1950, RFC 1952); no block begins so.
            self._inner = zlib.decompressobj(_BY_HEADER if data[0] & 15 in (8, 15) else _NO_HEADER)
        return self._inner.decompress(data, most)  # type: ignore[no-any-return]

    @property
    def eof(self) -> bool:
        return self._inner is not None and self._inner.eof

    @property
    def unconsumed_tail(self) -> bytes:
        return b"" if self._inner is None else self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return b"" if self._inner is None else self._inner.unused_data


def _inflater(encoding: str, *, known_only: bool = True) -> Any:
    """Make a decompressor, for a server that compresses although we request no compression.

    encoding: the content-encoding.
    known_only: raise DecodeError for an unknown encoding, where its bytes are of no use.
    """
    codings = [each for each in encoding.lower().replace(" ", "").split(",") if each not in _NO_CODINGS]
    match ",".join(codings):
        case "":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(wbits=_BY_HEADER)
        case "deflate":
            return _Deflate()
        case other if known_only:
            raise DecodeError(f"the answer is encoded as {other[:40]!r}, which was not asked for")
    return None
