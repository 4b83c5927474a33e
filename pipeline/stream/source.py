"""An open connection that bytes come from: bounded, inflated, timed. Shared by both transports."""

from __future__ import annotations

import zlib
from typing import Any

from ...schemas.errors import (
    ConnectError,
    ConnectTimeout,
    DecodeError,
    InvalidRequest,
    ResponseTooLarge,
    StepwellError,
    StreamTruncated,
    TransportError,
)
from ..http.live_timeout import Limits, watch_tls_stream
from ..http.timeouts import Clock

MAX_BODY_BYTES = 256 * 2**20
MAX_ERROR_BYTES = 64 * 2**10
DRAIN_TIMEOUT = 0.1
"""Seconds that the end of a body may take to come after the answer is whole."""
_GZIP = b"\x1f\x8b"


class Source:
    """One response being read. `raw` is the HTTP library's response and `iterator` its raw bytes."""

    __slots__ = (
        "_cut",
        "_encoding",
        "_inflater",
        "_limit",
        "_lingers",
        "_size",
        "clock",
        "closed",
        "full",
        "iterator",
        "raw",
    )

    def __init__(
        self, raw: Any, iterator: Any, clock: Clock, *, limit: int, encoding: str = "", cut: bool = False
    ) -> None:
        """`limit` is the most bytes to take; `cut` means an error's body: what is over the limit is left unread, and
        what does not inflate is taken as it is."""
        self.raw = raw
        self.iterator = iterator
        self.clock = clock
        self.closed = False
        self.full = False
        self._limit = limit
        self._cut = cut
        self._size = 0
        self._lingers = False
        self._encoding = encoding
        self._inflater = _inflater(self._encoding, known_only=not cut)

    def take(self, data: bytes) -> bytes:
        """Count and inflate what was read; raises ResponseTooLarge past the limit, and the clock's error when late."""
        clock = self.clock
        if clock.bounded and clock.overdue():
            raise clock.error()
        if self._inflater is not None:
            data = self._inflate(data)
        size = self._size = self._size + len(data)
        if size > self._limit:
            if not self._cut:
                raise ResponseTooLarge(f"the answer is larger than {self._limit:,} bytes")
            self.full = True
            data = data[: len(data) - (size - self._limit)]
        return data

    def _inflate(self, data: bytes) -> bytes:
        # Asked for no more than one byte over the limit, a bomb cannot fill the memory.
        room = self._limit - self._size + 1
        out: list[bytes] = []
        try:
            while room > 0:
                inflater = self._inflater
                out.append(inflater.decompress(data, room))
                room -= len(out[-1])
                if inflater.unconsumed_tail:
                    if not self._cut:
                        raise ResponseTooLarge(f"the answer inflates to more than {self._limit:,} bytes")
                    break
                data = inflater.unused_data
                if not inflater.eof or len(data) < len(_GZIP):
                    break  # what lies behind the end, if anything, is added to by the next read
                # A gzip body may be several, one after another; whatever else stands there is padding.
                self._inflater = _inflater(self._encoding) if data.startswith(_GZIP) else _Padding
        except zlib.error as error:
            if not self._cut:
                raise DecodeError(f"the answer claims to be {self._encoding} but does not inflate: {error}") from None
            begun = bool(self._size or out)
            self._inflater = _Padding if begun else None
            return b"".join(out) if begun else data
        return out[0] if len(out) == 1 else b"".join(out)

    def tune(self, limits: Limits) -> None:
        """Make each read of a streamed body wait exactly as long as the clock allows at that moment, where the
        connection can: over httpcore, and over our client on aiohttp. Elsewhere (other transports) the limit for
        silence serves for all reads.
        """
        extensions = self.raw.extensions
        live = bool(extensions.get("live_limits")) or watch_tls_stream(extensions.get("network_stream"))
        # A read that runs out of time is the end of all streams of an HTTP/2 connection, so there none is risked.
        self._lingers = live and extensions.get("http_version") != b"HTTP/2"
        limits.stream(live=live)

    def finish(self) -> None:
        """The wire has said its last word. Most often the end of the body comes with it, or a moment later, and only a
        body read to its end leaves its connection fit for the next call: so it gets that moment, but no more.
        """
        if self._lingers:
            self.clock.finish(DRAIN_TIMEOUT)
        else:
            self.iterator = _Nothing()


class _Nothing:
    """An iterator of either colour that is at its end."""

    def __iter__(self) -> _Nothing:
        return self

    def __next__(self) -> bytes:
        raise StopIteration

    def __aiter__(self) -> _Nothing:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


class _Padding:
    """Inflates to nothing."""

    eof = False
    unconsumed_tail = unused_data = b""

    @staticmethod
    def decompress(data: bytes, most: int) -> bytes:
        return b""


def _inflater(encoding: str, *, known_only: bool = True) -> Any:
    """We ask for no compression; a server that compresses all the same gets a bounded inflater. Raises DecodeError for
    an encoding that we do not know, unless its bytes will do as they are."""
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(wbits=47)
        case other if known_only:
            raise DecodeError(f"the answer is encoded as {other[:40]!r}, which was not asked for")
    return None


_NO_CONNECTION = (ConnectTimeout, "no connection to {host} within the connect timeout")
_UNREACHABLE = (ConnectError, "cannot connect to {host}")
_NO_SCHEME = (ConnectError, "the URL of {host} has no http:// or https:// in front")
_CUT = (StreamTruncated, "{host} closed the connection before the answer was whole")
_BROKEN = (StreamTruncated, "the connection to {host} broke while reading")
_MEANING: dict[str, tuple[type[TransportError], str]] = {
    # httpx, httpx2
    "ConnectTimeout": _NO_CONNECTION,
    "PoolTimeout": (ConnectTimeout, "no free connection to {host} within the connect timeout"),
    "ConnectError": _UNREACHABLE,
    "ProxyError": (ConnectError, "the proxy refused the way to {host}"),
    "UnsupportedProtocol": _NO_SCHEME,
    "RemoteProtocolError": _CUT,
    "ReadError": _BROKEN,
    "WriteError": (ConnectError, "the connection to {host} broke while sending"),
    "CloseError": (StreamTruncated, "the connection to {host} broke"),
    # aiohttp
    "ConnectionTimeoutError": _NO_CONNECTION,
    "ClientConnectorError": _UNREACHABLE,
    "ClientSSLError": _UNREACHABLE,
    "NonHttpUrlClientError": _NO_SCHEME,
    "ServerDisconnectedError": _CUT,
    "ClientPayloadError": _CUT,
    "ClientResponseError": _CUT,
    "ClientOSError": _BROKEN,
    "ClientConnectionError": _BROKEN,
}


def transport_error(error: BaseException, clock: Clock | None, host: str) -> BaseException:
    """Our error for what an HTTP library raised, known by its class's name so that any library of httpx's kind will do.

    Never chained: the library's frames hold headers, and h11 quotes the whole offending value.
    """
    if isinstance(error, StepwellError) or not isinstance(error, Exception):
        return error
    for kind in type(error).__mro__:
        if kind.__name__ in ("ReadTimeout", "WriteTimeout", "TimeoutError") and clock is not None:
            return clock.error()
        if kind.__name__ in _MEANING:
            meaning, text = _MEANING[kind.__name__]
            if meaning is ConnectTimeout and clock is not None and (expired := clock.expired()) is not None:
                return expired
            return meaning(text.format(host=host), hint=_reason(error) if meaning is ConnectError else None)
        if kind.__name__ == "LocalProtocolError":
            return InvalidRequest(f"the request to {host} cannot be sent as HTTP", hint="check headers and URL")
        if kind.__name__ in ("TransportError", "InvalidURL", "StreamError"):
            return TransportError(f"the exchange with {host} failed ({type(error).__name__})")
    return error


def _reason(error: Exception) -> str:
    text = str(error)
    return text if text.startswith("[Errno") or "certificate" in text.lower() else "check the address and the network"
