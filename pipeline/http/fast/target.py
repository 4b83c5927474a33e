"""A URL taken apart, and the head of a request to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from ..headers import are_sendable, header_error
from .errors import LocalProtocolError, UnsupportedProtocol

_VISIBLE = re.compile(r"[!-~]+")
_LINES = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~]*(?:\r\n|$))*")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_FRAMING = frozenset(("content-length", "transfer-encoding"))
_WITH_BODY = ("POST", "PUT", "PATCH")


class Target:
    """Where a request goes. The path is sent byte for byte as it was given, since it may be signed.

    Raises UnsupportedProtocol or LocalProtocolError for a URL to which nothing can be sent.
    """

    __slots__ = ("_rest", "host", "origin", "port", "tls")

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise LocalProtocolError("this is not a URL") from None
        default = _DEFAULT_PORTS.get(parts.scheme)
        if default is None or not host:
            raise UnsupportedProtocol("a URL needs http:// or https:// and a host")
        if not host.isascii():
            try:
                host = host.encode("idna").decode()
            except UnicodeError:
                raise LocalProtocolError("this is not the name of a host") from None
        self.host = host
        self.port = port or default
        self.tls = parts.scheme == "https"
        self.origin = (self.tls, host, self.port)
        rest = url.partition("://")[2].partition("#")[0]
        start = min((at for at in map(rest.find, "/?") if at >= 0), default=len(rest))
        path = rest[start:] if rest.startswith("/", start) else f"/{rest[start:]}"
        where = f"[{host}]" if ":" in host else host
        if self.port != default:
            where += f":{self.port}"
        if not (_VISIBLE.fullmatch(path) and _VISIBLE.fullmatch(where)):
            raise LocalProtocolError("the URL holds spaces, control characters or letters beyond ASCII")
        self._rest = f" {path} HTTP/1.1\r\n", f"host: {where}\r\n"

    def head(self, method: str, headers: Mapping[str, str], length: int) -> bytes:
        """Write the head of a request.

        method: in any case; it is sent unchanged.
        headers: under lower-case names.
        length: the bytes of the body.

        Raises InvalidOption for a header that cannot be sent (see `header_error`).
        """
        path, host = self._rest
        try:
            text = "\r\n".join(map(": ".join, headers.items()))
        except TypeError:  # not of text
            raise _bad_head(headers) from None
        if not _LINES.fullmatch(text) or text.count("\n") >= (len(headers) or 1) or not _FRAMING.isdisjoint(headers):
            raise _bad_head(headers)
        if not method.isalpha() or not method.isascii():
            raise LocalProtocolError("the method is no word")
        if "host" in headers:
            host = ""
        end = f"\r\ncontent-length: {length}\r\n\r\n" if length or method in _WITH_BODY else "\r\n\r\n"
        return f"{method}{path}{host}{text}{end if text else end[2:]}".encode("ascii")


def _bad_head(headers: Mapping[str, str]) -> Exception:
    if are_sendable(headers):
        return LocalProtocolError("a header's name is no name")
    return header_error(headers)
