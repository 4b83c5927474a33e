"""Typed errors for what HTTP libraries and the system raise: known by their classes, without importing a library."""

from __future__ import annotations

import errno
import sys
from typing import Any

from ...schemas.errors import (
    ConnectError,
    ConnectTimeout,
    InvalidRequest,
    PoolTimeout,
    StepwellError,
    StreamTruncated,
    TransportError,
)
from .fast import errors as fast_errors
from .headers import Headers
from .request import Request
from .response import Response
from .timeouts import Clock
from .urls import is_host, split_url

_NO_CONNECTION = (ConnectTimeout, "no connection to {host} within the connect timeout{limit}")
_NONE_FREE = (PoolTimeout, "no connection to {host} became free within the connect timeout{limit}")
_UNREACHABLE = (ConnectError, "cannot connect to {host}")
_NO_WAY_BY_PROXY = (ConnectError, "the proxy refused the way to {host}")
_NO_SCHEME = (ConnectError, "the URL of {host} has no http:// or https:// in front")
_CUT = (StreamTruncated, "{host} closed the connection before the answer was whole")
_BROKEN = (StreamTruncated, "the connection to {host} broke while reading")
_FAILED = (TransportError, "the exchange with {host} failed")
_MEANING: dict[str, tuple[type[TransportError], str]] = {
    # The classes of httpx's interface, and those of pipeline/http/fast
    "ConnectTimeout": _NO_CONNECTION,
    "SlowConnect": _NO_CONNECTION,
    "PoolTimeout": _NONE_FREE,
    "PoolBusy": _NONE_FREE,
    "ConnectError": _UNREACHABLE,
    "Unreachable": _UNREACHABLE,
    "ProxyError": _NO_WAY_BY_PROXY,
    "UnsupportedProtocol": _NO_SCHEME,
    "RemoteProtocolError": _CUT,
    "UnusableAnswer": (StreamTruncated, "{host} sent what is no answer"),
    "StaleConnection": (StreamTruncated, "{host} had closed the connection that was kept since the last call"),
    "ReadError": _BROKEN,
    "WriteError": (ConnectError, "the connection to {host} broke while sending"),
    "CloseError": (StreamTruncated, "the connection to {host} broke"),
    "TransportError": _FAILED,
    "StreamError": _FAILED,
}
_LATE = ("ReadTimeout", "WriteTimeout")
_OTHERS = {
    ("requests", "ReadTimeout"): "ReadTimeout",
    ("requests", "ConnectTimeout"): "ConnectTimeout",
    ("requests", "ProxyError"): "ProxyError",
    ("requests", "ConnectionError"): "ConnectError",
    ("requests", "ChunkedEncodingError"): "RemoteProtocolError",
    ("urllib3", "ReadTimeoutError"): "ReadTimeout",
    ("urllib3", "ConnectTimeoutError"): "ConnectTimeout",
    ("urllib3", "NewConnectionError"): "ConnectError",
    ("urllib3", "MaxRetryError"): "ConnectError",
    ("urllib3", "SSLError"): "ConnectError",
    ("urllib3", "ProxyError"): "ProxyError",
    ("urllib3", "ProtocolError"): "RemoteProtocolError",
    ("aiohttp", "ClientConnectorError"): "ConnectError",
    ("aiohttp", "ClientOSError"): "ReadError",
    ("aiohttp", "ServerDisconnectedError"): "RemoteProtocolError",
    ("aiohttp", "ClientPayloadError"): "RemoteProtocolError",
    ("http", "HTTPException"): "RemoteProtocolError",
    ("asyncio", "IncompleteReadError"): "RemoteProtocolError",
    ("socket", "gaierror"): "ConnectError",
    ("idna", "IDNAError"): "ConnectError",
    ("ssl", "SSLCertVerificationError"): "ConnectError",
    ("ssl", "SSLError"): "ReadError",
}
"""Classes of libraries of another shape, and of Python's own, which functions of users call: as httpx names them."""
_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL)
_SYSTEMS = ("[Errno", "[SSL")
"""How the texts of the system, and of TLS, begin."""
_NOT_ALLOWED = "the proxy's rules do not allow it; NO_PROXY lists hosts that are reached without it"
_NOT_NOW = "the proxy has no way to it at the moment; NO_PROXY lists hosts that are reached without it"
_LOGIN = "it wants a login: HTTPS_PROXY={}://user:password@host:port"
_SOCKS = (
    ("Requested ", _LOGIN.format("socks5"), False),
    ("Invalid username/password", "the proxy does not accept the user name and the password of its variable", False),
    ("Proxy Server could not connect: Connection not allowed", _NOT_ALLOWED, False),
    ("Proxy Server could not connect: ", _NOT_NOW, True),
)
"""What httpcore says of a SOCKS proxy's refusal: how that begins, a hint, and whether it may pass.
https://github.com/encode/httpcore/blob/master/httpcore/_sync/socks_proxy.py"""
_LAYERS = ("h2", "h11", "httpcore", "anyio")
"""Packages below httpx, some of whose errors it passes on as they are."""


def transport_error(error: BaseException, clock: Clock | None, host: str) -> BaseException:
    """Return our error for an error of an HTTP library or the network; any other error, unchanged.

    error: what was raised; it is not chained, since its frames hold headers and h11 quotes values of headers.
    clock: the limits of the exchange.
    host: the server's name, for the message.
    """
    if isinstance(error, StepwellError) or not isinstance(error, Exception):
        return error
    if isinstance(inner := getattr(error, "reason", None), OSError) and type(error).__module__ == "urllib.error":
        error = inner  # urllib.request wraps what the network raises
    name = _name_of(error)
    if clock is not None and (name in _LATE or isinstance(error, TimeoutError)):
        if _is_system_timeout(error):
            return _typed(error, "ReadError", clock, host)
        return _typed(error, "ConnectTimeout", clock, host) if clock.opening else clock.error()
    if name == "InvalidURL" or (isinstance(error, UnicodeError) and "idna" in str(error)):  # Python's, for no name
        return _no_address(host)
    if name == "LocalProtocolError" and not _is_of(error, "h2"):
        return InvalidRequest(f"the request to {host} cannot be sent as HTTP", hint="check headers and URL")
    if name in _MEANING:
        if clock is not None and clock.opening and _MEANING[name][0] is StreamTruncated:
            name = "ProxyError"
        return _typed(error, name, clock, host)
    if isinstance(error, ConnectionRefusedError) or (isinstance(error, OSError) and error.errno in _NO_WAY):
        return ConnectError(f"cannot connect to {host}", hint=_reason(error))
    if isinstance(error, ConnectionError):
        return StreamTruncated(f"the connection to {host} broke", hint=_reason(error))
    if _is_of(error, "socksio"):  # a proxy whose answer is not SOCKS
        return _typed(error, "ProxyError", clock, host)
    if any(_is_of(error, layer) for layer in _LAYERS):
        # A connection of HTTP/2 that another call spoilt, say: nothing is wrong with this request.
        return TransportError(f"the exchange with {host} failed ({type(error).__name__})")
    return error


def _typed(error: Exception, name: str, clock: Clock | None, host: str) -> TransportError:
    meaning, text = _MEANING[name]
    if issubclass(meaning, ConnectTimeout) and clock is not None and (expired := clock.expired()) is not None:
        return expired
    text = text.format(host=host, limit="" if clock is None else clock.passed(clock.limits.connect))
    reason = _reason(error)
    if reason.startswith("[SSL") and (meaning is ConnectError or "alert" in reason.lower()):
        return _tls_error(reason, host)
    fields: dict[str, Any] = {}
    if name == "ProxyError":
        text, fields = _refused_by_proxy(str(error), text)
    elif meaning is ConnectError and not is_host(host.rpartition(":")[0] or host):
        return _no_address(host)
    elif meaning is ConnectError:
        fields["hint"] = reason or "check the address and the network"
    elif meaning is ConnectTimeout:
        fields["hint"] = "raise Timeouts(connect=...), or check the address and the network"
    elif meaning is PoolTimeout:
        fields["hint"] = "raise max_connections= of the client, or run fewer calls"
    elif meaning is TransportError:
        text += f" ({type(error).__name__})"
    elif name == "StaleConnection":
        fields["retry_after"] = 0.0
    elif name == "UnusableAnswer":
        text += f": {error}"
    return meaning(text, **fields)


def _tls_error(reason: str, host: str) -> TransportError:
    """Return the error of a failed handshake. With TLS 1.3 a server says only at the first read what it misses."""
    passes = "EOF" in reason  # a server that is restarted, say; a certificate does not get right by waiting
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        reason += "; SSL_CERT_FILE may name a file with the certificates of an authority of your own"
    return ConnectError(f"cannot connect to {host}", hint=reason, retryable=passes)


def _refused_by_proxy(said: str, text: str) -> tuple[str, dict[str, Any]]:
    """Return the message and the fields of a proxy's refusal, which begins with its status."""
    status = said[:3]
    for begins, hint, passes in _SOCKS:
        if said.startswith(begins):
            return text, {"hint": hint, "retryable": passes}
    if not (status.isdigit() and said[3:4] in ("", " ")):
        return text, {"hint": "check HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, and the proxy"}
    hint = _NOT_ALLOWED
    if status.startswith("5"):
        hint = _NOT_NOW
    elif status == "407":
        hint = _LOGIN.format("http")
    refused = status.startswith(("3", "4")) and status not in ("408", "429")
    return f"{text} (status {status})", {"hint": hint, "retryable": not refused}


def response_of_proxy(request: Request, status: int, headers: Headers) -> Response:
    """Return the response to a request, with the status 407.

    Raises ConnectError where a proxy has given it: one that is asked in plain HTTP passes requests on, and refuses
    one by an answer; for a tunnel, see `_refused_by_proxy`.
    """
    if request.url.startswith("http://"):
        kind, text = _NO_WAY_BY_PROXY
        text, fields = _refused_by_proxy(str(status), text.format(host=request_host(request)))
        raise kind(text, **fields)
    return Response(request, status, headers)


def _no_address(host: str) -> ConnectError:
    """Return the error for a host that no name or number of a host is: it does not become one by waiting."""
    return ConnectError(f"cannot connect to {host}", hint="check the address", retryable=False)


def _name_of(error: Exception) -> str | None:
    """Return the name that httpx has for an error of an HTTP library; None for an error of anything else."""
    for kind in type(error).__mro__:
        module: str = kind.__module__
        package = module.partition(".")[0]
        if other := _OTHERS.get((package, kind.__name__)):
            return other
        public = fast_errors if module == fast_errors.__name__ else sys.modules.get(package)
        if hasattr(public, "RemoteProtocolError") and getattr(public, kind.__name__, None) is kind:
            return str(kind.__name__)
    return None


def _is_of(error: BaseException, package: str) -> bool:
    """Return whether an error, or one that it was raised from, is of a package."""
    at: BaseException | None = error
    while at is not None:
        if type(at).__module__.partition(".")[0] == package:
            return True
        at = at.__cause__ or at.__context__
    return False


def _is_system_timeout(error: BaseException) -> bool:
    """Return whether the system gave up a silent connection (ETIMEDOUT, see `keep_alive`), not a timeout of ours."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, TimeoutError) and at.errno is not None:
            return True
        at = at.__cause__ or at.__context__
    return False


def _reason(error: Exception) -> str:
    """Return the system's reason, which names no header; "" for a text that is not the system's.

    On trio, and where several addresses were tried, only what the error was raised from has it.
    """
    text = str(error)
    if text.startswith(_SYSTEMS) or "certificate" in text.lower():
        return text
    at: BaseException | None = error
    while at is not None:
        if (text := str(at)).startswith(_SYSTEMS):
            return text
        # httpcore raises `from None`. Any other context may be an error that the program handles while it calls.
        at = at.__cause__ or (at.__context__ if at.__suppress_context__ else None)
        if isinstance(at, BaseExceptionGroup):
            at = at.exceptions[0]
    return ""


def sending_error(error: BaseException, clock: Clock, request: Request, response: Response | None) -> BaseException:
    """Return the typed error for one of sending. Where a proxy was to be connected to, its variable is named.

    response: the answer, if its head has come; for the provider's id of the request.
    """
    failed = transport_error(error, clock, request_host(request))
    if response is not None and isinstance(failed, StepwellError):
        failed.request_id = failed.request_id or response.request_id
    if isinstance(failed, ConnectError | ConnectTimeout) and not isinstance(failed, PoolTimeout):
        variables = f"{split_url(request.url)[0]}_proxy", "all_proxy"
        named = [name for name, url in request.world.environ.items() if url and name.lower() in variables]
        if named and failed.hint is not None and "proxy" not in failed.hint.lower():
            failed.hint += f"; it may be the proxy of {named[0]}"
    return failed


def request_host(request: Request) -> str:
    """Return the host of the request's URL, for messages. Raises ConnectError for a URL without one."""
    _, host, _ = split_url(request.url)
    if not host:
        raise ConnectError(f"{request.url[:80]!r} is not a URL", hint="base_url needs https:// and a host")
    return host
