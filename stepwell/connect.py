"""Choose and set up the HTTP library of a client. None is imported before something is to be sent.

- "httpx": HTTP/1.1, sync and async; no extra needed.
- "fast" (extra `fast`): HTTP/1.1 on httptools, sync and on asyncio, at a fraction of the cost.

By default calls take "fast" where it is installed, and httpx otherwise. Calls on trio, and all calls while the
environment or the system names a proxy, take httpx in place of "fast", even if that is asked for by name.
`transport="httpx"` on a client turns "fast" off, STEPWELL_TRANSPORT=httpx for the whole process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, cast

from attrs import field, frozen

from .network_settings import is_proxied, tls_settings, with_proxies
from .pipeline.http.transport import AsyncTransport, Transport
from .schemas.errors import ConfigError
from .schemas.memo import Memo

if TYPE_CHECKING:
    import ssl

    import httpx

TransportName = Literal["httpx", "fast"]
TRANSPORTS = ("httpx", "fast")
MAX_CONNECTIONS, MAX_IDLE_CONNECTIONS, KEEP_ALIVE = 1000, 100, 30.0


@frozen
class FastTransport:
    """The transport "fast" with other settings: `Client(transport=FastTransport(max_connections=50))`.

    It may be shared: each client, and each event loop, opens connections of its own.
    """

    max_connections: int = field(default=MAX_CONNECTIONS)
    """the most connections at once; further calls wait until one is free, within their connect timeout"""
    keep_alive: float = field(default=KEEP_ALIVE)
    """the seconds for which a connection is kept without a call"""
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    """the TLS settings; None for the usual ones. Its ALPN protocols are set to HTTP/1.1"""

    @max_connections.validator
    def _check_max(self, _: object, value: int) -> None:
        if type(value) is not int or value < 1:
            raise ConfigError("max_connections must be a whole number above 0")

    @keep_alive.validator
    def _check_keep_alive(self, _: object, value: float) -> None:
        if type(value) not in (int, float) or not value >= 0:
            raise ConfigError("keep_alive must be a number of seconds, 0 or more")

    @tls.validator
    def _check_tls(self, _: object, value: object) -> None:
        if value is not None and not hasattr(value, "wrap_socket"):
            raise ConfigError("tls must be an ssl.SSLContext", hint="see ssl.create_default_context()")

    def settings(self) -> dict[str, Any]:
        """Return the arguments of the clients in pipeline/http/fast."""
        tls = self.tls
        if tls is not None:
            tls.set_alpn_protocols(["http/1.1"])
        context = tls_settings if tls is None else lambda: tls
        return {"tls": context, "max_connections": self.max_connections, "keep_alive": self.keep_alive}


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


class Wrapper:
    """A transport around another one, whose answers it changes: stepwell.testing.Faults, say.

    over: what it is around: all that `transport=` and `http=` of a client take.
    """

    def __init__(self, over: AnyTransport | AnyHTTPClient) -> None:
        is_client = hasattr(over, "build_request")
        self.http = cast(AnyHTTPClient, over) if is_client else None
        self.transport = None if is_client else cast(AnyTransport, over)

    def wrap(self, client: Any, *, asynchronous: bool) -> Any:
        """Return a client with the interface of the given one (of httpx, or of pipeline/http/fast), around that."""
        raise NotImplementedError


AnyHTTPClient: TypeAlias = HTTPClient | AsyncHTTPClient | None
"""`http=` of a client."""
AnyTransport: TypeAlias = TransportName | FastTransport | HTTPTransport | AsyncHTTPTransport | Wrapper | None
"""`transport=` of a client: a name, the fast transport with settings, a transport of httpx, or a Wrapper."""

Value = TypeVar("Value")


def checked_transport(transport: Value, *, asynchronous: bool) -> Value:
    """Return the transport unchanged: a name, a FastTransport, an httpx transport, or None.

    Raises ConfigError for one that cannot make async calls (`asynchronous`), or sync calls, or is not installed.
    """
    if transport is None:
        return transport
    if isinstance(transport, Wrapper):
        checked_transport(transport.transport, asynchronous=asynchronous)
        checked_http(transport.http, asynchronous=asynchronous)
        return transport
    if not isinstance(transport, str | FastTransport):
        handler = "handle_async_request" if asynchronous else "handle_request"
        if not hasattr(transport, handler):
            kind = "an asynchronous" if asynchronous else "a synchronous"
            raise ConfigError(
                f"{type(transport).__name__} is not {kind} transport of httpx", hint=f"it has no {handler}"
            )
        return transport
    name = "fast" if isinstance(transport, FastTransport) else transport
    if name not in TRANSPORTS:
        raise ConfigError(f"there is no transport {name[:40]!r}", hint=f"it is one of {', '.join(TRANSPORTS)}")
    if name == "fast" and find_spec("httptools") is None:
        raise ConfigError("httptools is not installed", hint="pip install 'stepwell[fast]'")
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
    transport, http = within_wrappers(transport, http)
    if http is not None or not (transport is None or isinstance(transport, str)):
        raise ConfigError("max_connections is not for a transport or HTTP client of your own", hint="set its own limit")
    return most


def connect(transport: AnyTransport, http: AnyHTTPClient, most: int = MAX_CONNECTIONS) -> Transport:
    """Set up a sync client's connections: over `http`, a client of the caller's own, or over one of ours."""
    if isinstance(transport, Wrapper):
        inner = connect(transport.transport, transport.http, most)
        inner.client = transport.wrap(inner.client, asynchronous=False)
        return inner
    if http is not None:
        return Transport(http, http.build_request, name=_library(http))
    if is_own(transport):
        return Transport(RawTransport(cast(HTTPTransport, transport)), _request_builder())
    chosen = _chosen(transport, most, asynchronous=False)
    proxied = is_proxied()
    if isinstance(chosen, FastTransport) and not proxied:
        from .pipeline.http.fast.client import SocketClient  # heavy: only when something is to be sent

        return Transport(SocketClient(**chosen.settings()))
    import httpx  # heavy: only when something is to be sent

    settings = _settings(chosen, most)
    client = with_proxies(httpx.Client, settings) if proxied else RawTransport(httpx.HTTPTransport(**settings))
    return Transport(client, _request_builder())


def aconnect(
    transport: AnyTransport, http: AnyHTTPClient, most: int = MAX_CONNECTIONS, *, asyncio: bool
) -> AsyncTransport:
    """Set up an async client's connections on the running event loop; `asyncio` is whether that loop is asyncio's."""
    if isinstance(transport, Wrapper):
        inner = aconnect(transport.transport, transport.http, most, asyncio=asyncio)
        inner.client = transport.wrap(inner.client, asynchronous=True)
        return inner
    if http is not None:
        return AsyncTransport(http, http.build_request, name=_library(http))
    if is_own(transport):
        return AsyncTransport(AsyncRawTransport(cast(AsyncHTTPTransport, transport)), _request_builder())
    chosen = _chosen(transport, most, asynchronous=True)
    proxied = is_proxied()
    if isinstance(chosen, FastTransport) and asyncio and not proxied:
        from .pipeline.http.fast.async_client import AsyncSocketClient  # heavy: only when something is to be sent

        return AsyncTransport(AsyncSocketClient(**chosen.settings()))
    import httpx  # heavy: only when something is to be sent

    settings = _settings(chosen, most)
    if proxied:
        return AsyncTransport(with_proxies(httpx.AsyncClient, settings), _request_builder())
    return AsyncTransport(AsyncRawTransport(httpx.AsyncHTTPTransport(**settings)), _request_builder())


def preload(transport: AnyTransport, http: AnyHTTPClient, *, asyncio: bool) -> None:
    """Load what `aconnect` and a first async call need: in a thread, as it takes too long for an event loop."""
    if http is not None:
        return
    "host".encode("idna")  # loads the codec, by which names of hosts are looked up
    chosen = "" if is_own(transport) else _chosen(transport, MAX_CONNECTIONS, asynchronous=True)
    if isinstance(chosen, FastTransport) and asyncio and not is_proxied():
        from .pipeline.http.fast import async_client as async_client  # heavy: only when something is to be sent

        return
    import anyio.lowlevel  # comes with httpx
    import httpcore as httpcore  # httpx imports it when a transport is made
    import httpx as httpx  # heavy: only when something is to be sent

    if chosen:
        tls_settings()
    if asyncio:
        anyio.run(anyio.lowlevel.checkpoint)  # loads what anyio does with asyncio


def name_transport(transport: AnyTransport, http: AnyHTTPClient, most: int, *, asynchronous: bool) -> str:
    """Name in a few words what carries the calls of a client, for `describe()`."""
    if isinstance(transport, Wrapper):
        inner = name_transport(transport.transport, transport.http, most, asynchronous=asynchronous)
        return f"{inner}, within {type(transport).__name__}"
    if http is not None or is_own(transport):
        kind = type(transport if http is None else http)
        return f"over {kind.__module__.partition('.')[0]}.{kind.__name__}, which the client was given"
    chosen = _chosen(transport, most, asynchronous=asynchronous)
    if not isinstance(chosen, FastTransport):
        return f"over {chosen}"
    if is_proxied():
        return "over httpx, since a proxy is set"
    on_trio = "; over httpx on trio" if asynchronous else ""
    return f"over fast (httptools), {chosen.max_connections:,} connections at most{on_trio}"


def is_own(transport: AnyTransport) -> bool:
    """Return whether the caller made it: a transport of httpx, or a wrapper around one or around a client."""
    transport, http = within_wrappers(transport)
    return http is not None or not (transport is None or isinstance(transport, str | FastTransport))


def within_wrappers(transport: Any, http: Any = None) -> tuple[Any, Any]:
    """Return the transport and the HTTP client that are within all wrappers, each or both None."""
    while isinstance(transport, Wrapper):
        transport, http = transport.transport, transport.http
    return transport, http


def _chosen(transport: Any, most: int, *, asynchronous: bool) -> FastTransport | str:
    """Return the transport to take where no proxy is in the way: the fast one, of `most` connections, or "httpx"."""
    name = transport or checked_transport(os.environ.get("STEPWELL_TRANSPORT") or None, asynchronous=asynchronous)
    if name is None:
        name = "fast" if find_spec("httptools") else "httpx"
    return FastTransport(most) if name == "fast" else name


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


def _settings(chosen: FastTransport | str, most: int) -> dict[str, Any]:
    """Return the arguments of httpx's transports and clients."""
    import httpx  # heavy: only when something is to be sent

    tls, keep_alive = None, 5.0  # seconds, as httpx has it
    if isinstance(chosen, FastTransport):
        tls, most = chosen.tls, chosen.max_connections
        keep_alive = keep_alive if chosen.keep_alive == KEEP_ALIVE else chosen.keep_alive
    limits = httpx.Limits(
        max_connections=most, max_keepalive_connections=MAX_IDLE_CONNECTIONS, keepalive_expiry=keep_alive
    )
    return {"verify": tls or tls_settings(), "limits": limits}


def _request_builder() -> Callable[..., httpx.Request]:
    """Return a function that makes httpx requests from finished parts: no defaults merged, each URL parsed once."""
    import httpx  # heavy: only when something is to be sent

    urls = Memo[str, httpx.URL](1000, httpx.URL)
    make = httpx.Request

    def build(method: str, url: str, *, headers: Mapping[str, str], content: bytes, extensions: dict[str, Any]) -> Any:
        return make(method, urls[url], headers=headers, content=content, extensions=extensions)

    return build


def _library(client: object) -> str:
    """Return the name of the library that a client is of."""
    return type(client).__module__.partition(".")[0]
