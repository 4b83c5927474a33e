"""What goes wrong on a connection; `transport_error` (../library_errors.py) knows the meaning, as for httpx's errors.

No message holds a header or a part of a body.
"""

from __future__ import annotations


class HTTPError(Exception):
    """The base class of the errors of this package."""


class UnsupportedProtocol(HTTPError):
    """The URL has no http:// or https:// in front."""


class InvalidURL(HTTPError):
    """The host of the URL is none that can be looked up."""


class LocalProtocolError(HTTPError):
    """The request cannot be sent as HTTP."""


class Unreachable(HTTPError):
    """The host cannot be reached, or TLS failed; the message is the system's."""


class SlowConnect(HTTPError):
    """Connecting took too long."""


class PoolBusy(HTTPError):
    """All connections were in use for too long."""


class RemoteProtocolError(HTTPError):
    """The answer was cut, or cannot be used."""


class UnusableAnswer(RemoteProtocolError):
    """The answer is not HTTP/1.1, or never comes to a body; the message says which, and quotes nothing."""


class StaleConnection(RemoteProtocolError):
    """A connection that had served an earlier call broke before the first byte of this answer."""

    def __str__(self) -> str:
        return "the server has closed the connection since the last call"


class ReadError(HTTPError):
    """The connection broke while reading, or was closed by the caller."""


class ReadTimeout(HTTPError):
    """Nothing arrived in time."""


class WriteTimeout(HTTPError):
    """The server did not take the request in time."""


def broken(error: Exception) -> str:
    """Return the message for a connection that broke: TLS names its reason, such as a client's certificate missing."""
    text = str(error)
    return text if text.startswith("[SSL") else "the connection broke"
