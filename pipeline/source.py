"""An open connection that bytes come from: bounded, inflated, timed. Shared by both transports."""

from __future__ import annotations

import zlib
from typing import Any

from ..schemas.errors import (
    ConnectError,
    ConnectTimeout,
    DecodeError,
    InvalidRequest,
    ResponseTooLarge,
    StepwellError,
    StreamTruncated,
    TransportError,
)
from .timeouts import Clock

MAX_BODY_BYTES = 256 * 2**20
MAX_ERROR_BYTES = 64 * 2**10


class Source:
    """One response being read. `raw` is the HTTP library's response and `iterator` its raw bytes."""

    __slots__ = (
        "_cut",
        "_encoding",
        "_inflater",
        "_limit",
        "_marker",
        "_size",
        "_timed",
        "clock",
        "closed",
        "full",
        "iterator",
        "limits",
        "raw",
    )

    def __init__(
        self, raw: Any, iterator: Any, clock: Clock, marker: float | None, *, limit: int, cut: bool = False
    ) -> None:
        """`limit` is the most bytes to take; `cut` means that what is over it is left unread, not an error."""
        self.raw = raw
        self.iterator = iterator
        self.clock = clock
        self.closed = False
        self.full = False
        self._limit = limit
        self._cut = cut
        self._size = 0
        self._marker = marker
        self._timed: Any = None
        self.limits: dict[str, Any] | None = None
        self._encoding = raw.headers.get("content-encoding", "")
        self._inflater = _inflater(self._encoding)

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
        try:
            out: bytes = self._inflater.decompress(data, self._limit - self._size + 1)
        except zlib.error as error:
            raise DecodeError(f"the answer claims to be {self._encoding} but does not inflate: {error}") from None
        if self._inflater.unconsumed_tail and not self._cut:
            raise ResponseTooLarge(f"the answer inflates to more than {self._limit:,} bytes")
        return out

    def tune(self, limits: dict[str, Any]) -> None:
        """Make each read of a streamed body wait exactly as long as the clock allows at that moment. `limits` are the
        request's, in seconds, by what they limit.

        HTTP/2, and our client over aiohttp, look at `limits["read"]` before each read: there it is kept up to date.
        Else httpcore takes one limit for the whole body, but before the first event we may wait far longer than
        between two. It hands that number to the connection's `network_stream.read` (a documented extension), where we
        know it again by identity; the reads of every other exchange pass through untouched. Where there is no such
        stream (other transports) the limit for silence serves for all.
        """
        extensions = self.raw.extensions
        stream = extensions.get("network_stream")
        marker, clock = self._marker, self.clock
        if extensions.get("http_version") == b"HTTP/2" or extensions.get("live_limits"):
            self.limits = limits
            return
        if marker is None or not hasattr(stream, "__dict__"):
            limits["read"] = clock.allowance(begun=True)
            return
        read = stream.read

        def timed(max_bytes: int, timeout: float | None = None) -> Any:
            return read(max_bytes, clock.allowance() if timeout is marker else timeout)

        stream.read = timed
        self._timed = timed

    def release(self) -> None:
        """Take our hand off the connection; it may serve another exchange by now."""
        self.closed = True
        if self._timed is not None:
            stream = self.raw.extensions["network_stream"]
            if stream.__dict__.get("read") is self._timed:
                del stream.read
            self._timed = None


def _inflater(encoding: str) -> Any:
    """We ask for no compression; a server that compresses all the same gets a bounded inflater."""
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(wbits=47)
        case other:
            raise DecodeError(f"the answer is encoded as {other[:40]!r}, which was not asked for")


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


def failure(error: BaseException, clock: Clock | None, host: str) -> BaseException:
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
            return meaning(text.format(host=host), hint=_reason(error) if meaning is ConnectError else None)
        if kind.__name__ == "LocalProtocolError":
            return InvalidRequest(f"the request to {host} cannot be sent as HTTP", hint="check headers and URL")
        if kind.__name__ in ("TransportError", "InvalidURL", "StreamError"):
            return TransportError(f"the exchange with {host} failed ({type(error).__name__})")
    return error


def _reason(error: Exception) -> str:
    text = str(error)
    return text if text.startswith("[Errno") or "certificate" in text.lower() else "check the address and the network"
