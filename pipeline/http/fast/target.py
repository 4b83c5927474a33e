"""A URL taken apart, and the head of a request to it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ....schemas.memo import Memo
from ..headers import are_sendable, header_error
from ..urls import is_host, refuse_login
from .errors import InvalidURL, LocalProtocolError, UnsupportedProtocol

_VISIBLE = re.compile(r"[!-~]+")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~]*")
_NAMES: set[str] = set()
"""Names of headers that were checked: to search all lines of each request would take 7 µs."""
Origin = tuple[bool, str, int]
"""A server: whether by TLS, its host and its port."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_WITH_BODY = ("POST", "PUT", "PATCH")


class Target:
    """Where a request goes. The path is sent byte for byte as it was given, since it may be signed.

    Raises UnsupportedProtocol, InvalidURL or LocalProtocolError for a URL to which nothing can be sent.
    """

    __slots__ = ("_rest", "host", "is_numeric", "origin", "port", "tls")

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
            host = _encoded(host)
        if not is_host(host):
            raise InvalidURL("this is not the name of a host")
        self.host = host
        self.is_numeric = ":" in host or host.replace(".", "").isdigit()
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

    def head(self, method: str, headers: dict[str, str], length: int) -> bytes:
        """Write the head of a request.

        method: in any case; it is sent unchanged.
        headers: under lower-case names.
        length: the bytes of the body.

        Raises InvalidOption for a header that cannot be sent (see `header_error`).
        """
        if not _are_fit(headers):
            raise _bad_head(headers)
        if not method.isalpha() or not method.isascii():
            raise LocalProtocolError("the method may have the letters a to z only")
        path, host = self._rest
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if dict.__contains__(headers, "host"):
            host = ""
        if length or method in _WITH_BODY:
            return f"{method}{path}{host}{lines}content-length: {length}\r\n\r\n".encode("ascii")
        return f"{method}{path}{host}{lines}\r\n".encode("ascii")


# Functions that do not raise, so that no traceback shows their values.


def _are_fit(headers: dict[str, str]) -> bool:
    """Return whether headers can be sent, and remember the names that can."""
    try:
        values = "".join(headers.values())
    except TypeError:  # not of text
        return False
    if values.isascii() and values.isprintable() and _NAMES.issuperset(headers):
        return True
    fit = are_sendable(headers) and all(_NAME.fullmatch(name) for name in headers) and bool(_VALUE.fullmatch(values))
    if fit and len(_NAMES) < 1000:
        _NAMES.update(headers)
    return fit


def _bad_head(headers: dict[str, str]) -> Exception:
    if are_sendable(headers):
        return LocalProtocolError("a header's name, or its value, has characters that are not allowed there")
    return header_error(headers)


def _encoded(host: str) -> str:
    """Return a name with letters beyond ASCII as it is looked up.

    Python's own codec follows the rules of 2003, by which some names are those of other hosts: faß.de would be fass.de.
    """
    import idna  # comes with httpx, which takes it, too; seldom needed

    try:
        return idna.encode(host.lower()).decode("ascii")
    except UnicodeError:
        raise InvalidURL("this is not the name of a host") from None


def targets() -> Memo[str, Target]:
    """Return URLs, each taken apart once. One with a user name or password in it is an InvalidOption."""

    def target(url: str) -> Target:
        if "@" in url:
            refuse_login(url)
        return Target(url)

    return Memo(1000, target)
