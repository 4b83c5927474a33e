"""Choose and set up the HTTP library of a client. None is imported before something is to be sent.

- "httpx": HTTP/1.1, sync and async; no extra needed.
- "aiohttp" (extra `aiohttp`): async calls at a fifth of the cost when many run at once; no proxies, no trio.
- "http2" (extra `http2`): all calls to a provider over one connection.

By default async calls take aiohttp where it is installed, asyncio runs and the environment names no proxy; all others
take httpx. `transport="httpx"` on a client turns that off, STEPWELL_TRANSPORT=httpx for the whole process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, cast

from .pipeline.http.transport import AsyncTransport, Transport
from .schemas.errors import ConfigError
from .schemas.memo import Memo

if TYPE_CHECKING:
    import ssl

    import httpx

TransportName = Literal["httpx", "aiohttp", "http2"]
TRANSPORTS = ("httpx", "aiohttp", "http2")
MAX_CONNECTIONS, MAX_IDLE_CONNECTIONS = 1000, 100


class HTTPClient(Protocol):
    """An HTTP client for sync calls: httpx.Client, httpx2's, or anything with this part of their interface."""

    def build_request(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes, extensions: dict[str, Any]
    ) -> Any:
        """Make the request that `send` takes."""

    def send(self, request: Any, /, *, stream: bool, follow_redirects: bool) -> Any:
        """Send it. The response's `stream` is iterated for the body, as it is on the wire."""


class AsyncHTTPClient(Protocol):
    """An HTTP client for async calls: httpx.AsyncClient, httpx2's, or anything with this part of their interface."""

    def build_request(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes, extensions: dict[str, Any]
    ) -> Any:
        """Make the request that `send` takes."""

    async def send(self, request: Any, /, *, stream: bool, follow_redirects: bool) -> Any:
        """Send it. The response's `stream` is iterated for the body, as it is on the wire."""


class HTTPTransport(Protocol):
    """A transport of httpx for sync calls: httpx.MockTransport, say."""

    def handle_request(self, request: httpx.Request, /) -> httpx.Response:
        """Send a request."""

    def close(self) -> None:
        """Close the connections."""


class AsyncHTTPTransport(Protocol):
    """A transport of httpx for async calls."""

    async def handle_async_request(self, request: httpx.Request, /) -> httpx.Response:
        """Send a request."""

    async def aclose(self) -> None:
        """Close the connections."""


AnyHTTPClient: TypeAlias = HTTPClient | AsyncHTTPClient | None
"""`http=` of a client."""
AnyTransport: TypeAlias = TransportName | HTTPTransport | AsyncHTTPTransport | None
"""`transport=` of a client: a name, or a transport of httpx."""

Value = TypeVar("Value")


def checked_transport(transport: Value, *, asynchronous: bool) -> Value:
    """Return the transport unchanged: a name, an httpx transport, or None.

    Raises ConfigError for one that cannot make async calls (`asynchronous`), or sync calls.
    """
    if transport is None:
        return transport
    if not isinstance(transport, str):
        handler = "handle_async_request" if asynchronous else "handle_request"
        if not hasattr(transport, handler):
            kind = "an asynchronous" if asynchronous else "a synchronous"
            raise ConfigError(
                f"{type(transport).__name__} is not {kind} transport of httpx", hint=f"it has no {handler}"
            )
        return transport
    if transport not in TRANSPORTS:
        raise ConfigError(f"there is no transport {transport[:40]!r}", hint=f"it is one of {', '.join(TRANSPORTS)}")
    if transport == "aiohttp" and not asynchronous:
        raise ConfigError("aiohttp makes async calls only", hint="use AsyncClient, or leave transport= out")
    extra = {"aiohttp": "aiohttp", "http2": "h2"}.get(transport)
    if extra and find_spec(extra) is None:
        raise ConfigError(f"{extra} is not installed", hint=f"pip install 'stepwell[{transport}]'")
    return transport


def checked_http(client: Value, *, asynchronous: bool) -> Value:
    """Return the caller's HTTP client, or None, unchanged.

    Raises ConfigError for one that makes the other kind of calls, and for anything without httpx's interface.
    """
    if client is None:
        return client
    send = getattr(client, "send", None)
    if not callable(send) or not callable(getattr(client, "build_request", None)):
        raise ConfigError(f"http cannot be a {type(client).__name__}", hint="pass a client with httpx's interface")
    is_async = iscoroutinefunction(send)
    # A wrapper or a test double need not show whether it is async, and is then accepted.
    if is_async and not asynchronous:
        raise ConfigError("http is an asynchronous client", hint="use AsyncClient, or pass httpx.Client()")
    if asynchronous and not is_async and hasattr(client, "close") and not hasattr(client, "aclose"):
        raise ConfigError("http is a synchronous client", hint="use Client, or pass httpx.AsyncClient()")
    return client


def checked_limit(most: int | None, transport: object, http: object) -> int:
    """Return the most connections of a client: MAX_CONNECTIONS for None.

    Raises ConfigError for less than one, and where the connections are not ours to limit.
    """
    if most is None:
        return MAX_CONNECTIONS
    if type(most) is not int or most < 1:
        raise ConfigError(f"max_connections cannot be {most!r}", hint="it is an integer of 1 or more")
    if http is not None or not (transport is None or isinstance(transport, str)):
        raise ConfigError("max_connections is not for an HTTP client of your own", hint="set its own limit")
    return most


def connect(transport: AnyTransport, http: AnyHTTPClient, most: int = MAX_CONNECTIONS) -> Transport:
    """Set up a sync client's connections: over `http`, a client of the caller's own, or over one of ours."""
    if http is not None:
        return Transport(http, http.build_request)
    if transport is not None and not isinstance(transport, str):
        return Transport(RawTransport(cast(HTTPTransport, transport)), _request_builder())
    import httpx  # heavy: only when something is to be sent

    settings = _settings(transport or _from_environment(asynchronous=False), most)
    client = httpx.Client(**settings) if _is_proxied() else RawTransport(httpx.HTTPTransport(**settings))
    return Transport(client, _request_builder())


def aconnect(
    transport: AnyTransport, http: AnyHTTPClient, most: int = MAX_CONNECTIONS, *, asyncio: bool
) -> AsyncTransport:
    """Set up an async client's connections on the event loop that runs now, which is asyncio's or not."""
    if http is not None:
        return AsyncTransport(http, http.build_request)
    if transport is not None and not isinstance(transport, str):
        return AsyncTransport(AsyncRawTransport(cast(AsyncHTTPTransport, transport)), _request_builder())
    name = transport or _from_environment(asynchronous=True)
    proxied = _is_proxied()
    if name == "aiohttp" or (name is None and asyncio and find_spec("aiohttp") and not proxied):
        from .pipeline.http.aiohttp_transport import AiohttpClient  # heavy: only when something is to be sent

        aiohttp = AiohttpClient(tls=_tls("http/1.1"), max_connections=most)
        return AsyncTransport(aiohttp, aiohttp.build_request)
    import httpx  # heavy: only when something is to be sent

    settings = _settings(name, most)
    client = httpx.AsyncClient(**settings) if proxied else AsyncRawTransport(httpx.AsyncHTTPTransport(**settings))
    return AsyncTransport(client, _request_builder())


class RawTransport:
    """An httpx transport with the interface of httpx's client.

    The client itself adds 60 µs to a call for cookies, redirects, logins and hooks that are not used here, and 0.1 µs
    to an event. Only the client knows proxies.
    """

    def __init__(self, transport: HTTPTransport) -> None:
        self._transport = transport
        self.close = transport.close

    def send(self, request: httpx.Request, **_: object) -> httpx.Response:
        response = self._transport.handle_request(request)
        response.request = request
        return response


class AsyncRawTransport:
    """Async version of RawTransport."""

    def __init__(self, transport: AsyncHTTPTransport) -> None:
        self._transport = transport
        self.aclose = transport.aclose

    async def send(self, request: httpx.Request, **_: object) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        response.request = request
        return response


def _from_environment(*, asynchronous: bool) -> str | None:
    """Return the transport that STEPWELL_TRANSPORT names. The variable is shared, so sync calls ignore "aiohttp"."""
    name: str | None = os.environ.get("STEPWELL_TRANSPORT") or None
    if name == "aiohttp" and not asynchronous:
        return None
    return checked_transport(name, asynchronous=asynchronous)


def _is_proxied() -> bool:
    """Return whether the environment or the system names a proxy, which httpx honours."""
    from urllib.request import getproxies  # brings in ssl: only when something is to be sent

    return not getproxies().keys().isdisjoint(("http", "https", "all"))


def _settings(transport: str | None, most: int) -> dict[str, Any]:
    """Return the arguments of httpx's transports and clients."""
    import httpx  # heavy: only when something is to be sent

    limits = httpx.Limits(max_connections=most, max_keepalive_connections=MAX_IDLE_CONNECTIONS)
    http2 = transport == "http2"
    return {"http2": http2, "verify": _tls("h2" if http2 else "http/1.1"), "limits": limits}


@cache
def _tls(protocol: str) -> ssl.SSLContext:
    """Return the process's TLS context for a protocol. Honours SSL_CERT_FILE and SSL_CERT_DIR.

    Creating one takes 20 to 40 ms. Each protocol needs its own, since httpcore sets the ALPN protocols on it.
    """
    import httpx  # heavy: only when something is to be sent

    return httpx.create_ssl_context()


def _request_builder() -> Callable[..., httpx.Request]:
    """Return a function that makes httpx requests from finished parts: no defaults merged, each URL parsed once."""
    import httpx  # heavy: only when something is to be sent

    urls = Memo[str, httpx.URL](1000, httpx.URL)
    make = httpx.Request

    def build(method: str, url: str, *, headers: Mapping[str, str], content: bytes, extensions: dict[str, Any]) -> Any:
        return make(method, urls[url], headers=headers, content=content, extensions=extensions)

    return build
