"""Which HTTP library carries the calls, and how it is set up. None is imported before something is to be sent.

- "httpx": HTTP/1.1 for both colours; needs nothing more.
- "aiohttp" (extra `aiohttp`): async calls at a fifth of the cost when many run at once; no proxies, no trio.
- "http2" (extra `http2`): all calls to a provider over one connection.

By default async calls take aiohttp where it is installed, asyncio runs and the environment names no proxy; all others
take httpx. `transport="httpx"` on a client turns that off, STEPWELL_TRANSPORT=httpx for the whole process.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from typing import Any

from .pipeline.http.transport import AsyncTransport, Transport
from .schemas.errors import ConfigError

TRANSPORTS = ("httpx", "aiohttp", "http2")
MAX_CONNECTIONS, MAX_IDLE_CONNECTIONS = 1000, 100


def checked_transport(given: Any, *, asynchronous: bool) -> Any:
    """A transport as a client is given it: a name, an httpx transport, or None. Raises ConfigError."""
    if not isinstance(given, str):
        handler = "handle_async_request" if asynchronous else "handle_request"
        if given is not None and not hasattr(given, handler):
            kind = "an asynchronous" if asynchronous else "a synchronous"
            raise ConfigError(f"{type(given).__name__} is not {kind} transport of httpx", hint=f"it has no {handler}")
        return given
    if given not in TRANSPORTS:
        raise ConfigError(f"there is no transport {given[:40]!r}", hint=f"it is one of {', '.join(TRANSPORTS)}")
    if given == "aiohttp" and not asynchronous:
        raise ConfigError("aiohttp is for async calls alone", hint="use AsyncClient, or leave transport= out")
    extra = {"aiohttp": "aiohttp", "http2": "h2"}.get(given)
    if extra and find_spec(extra) is None:
        raise ConfigError(f"{extra} is not installed", hint=f"pip install 'stepwell[{given}]'")
    return given


def connect(transport: Any, http: Any) -> Transport:
    """Connections for a sync client: over `http`, a client of the caller's own, or over what we make."""
    if http is not None:
        return Transport(http, http.build_request)
    import httpx  # heavy: only when something is to be sent

    if transport is None or isinstance(transport, str):
        settings = _settings(transport or _wanted(asynchronous=False))
        if _proxied():
            return Transport(httpx.Client(**settings), _build())
        transport = httpx.HTTPTransport(**settings)
    return Transport(RawTransport(transport), _build())


def aconnect(transport: Any, http: Any, *, asyncio: bool) -> AsyncTransport:
    """Connections for an async client, to be used on the event loop that runs now: asyncio's or not."""
    if http is not None:
        return AsyncTransport(http, http.build_request)
    transport = transport or _wanted(asynchronous=True)
    proxied = _proxied()
    if transport == "aiohttp" or (transport is None and asyncio and find_spec("aiohttp") and not proxied):
        from .pipeline.http.aiohttp_transport import AiohttpClient  # heavy: only when something is to be sent

        client = AiohttpClient(tls=_tls("http/1.1"), max_connections=MAX_CONNECTIONS)
        return AsyncTransport(client, client.build_request)
    import httpx  # heavy: only when something is to be sent

    if transport is None or isinstance(transport, str):
        settings = _settings(transport)
        if proxied:
            return AsyncTransport(httpx.AsyncClient(**settings), _build())
        transport = httpx.AsyncHTTPTransport(**settings)
    return AsyncTransport(AsyncRawTransport(transport), _build())


class RawTransport:
    """An httpx transport in the place of httpx's client, which adds 60 µs to a call for cookies, redirects, logins and
    hooks that we have no use for, and 0.1 µs to an event. Only the client knows proxies."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.close = transport.close

    def send(self, request: Any, **_: Any) -> Any:
        response = self._transport.handle_request(request)
        response.request = request
        return response


class AsyncRawTransport:
    """Bare's twin."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.aclose = transport.aclose

    async def send(self, request: Any, **_: Any) -> Any:
        response = await self._transport.handle_async_request(request)
        response.request = request
        return response


def _wanted(*, asynchronous: bool) -> str | None:
    """What STEPWELL_TRANSPORT says; it is for both colours, so aiohttp means nothing to sync calls."""
    name: str | None = os.environ.get("STEPWELL_TRANSPORT") or None
    if name == "aiohttp" and not asynchronous:
        return None
    return checked_transport(name, asynchronous=asynchronous)  # type: ignore[no-any-return]


def _proxied() -> bool:
    """Whether the environment or the system names a proxy, which httpx honours."""
    from urllib.request import getproxies  # brings in ssl: only when something is to be sent

    return not getproxies().keys().isdisjoint(("http", "https", "all"))


def _settings(transport: str | None) -> dict[str, Any]:
    """Arguments of httpx's transports and clients."""
    import httpx  # heavy: only when something is to be sent

    limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_IDLE_CONNECTIONS)
    if transport == "http2":
        return {"http2": True, "verify": _tls("h2"), "limits": limits}
    return {"verify": _tls("http/1.1"), "limits": limits}


@cache
def _tls(protocol: str) -> Any:
    """The process's one TLS context, which takes 20 to 40 ms to make: one for each protocol, since httpcore writes
    the protocols it offers into it. Honours SSL_CERT_FILE and SSL_CERT_DIR."""
    import httpx  # heavy: only when something is to be sent

    return httpx.create_ssl_context()


def _build() -> Any:
    """Makes httpx requests straight from finished parts: no merging of defaults, each URL parsed once."""
    import httpx  # heavy: only when something is to be sent

    urls: dict[str, Any] = {}
    make, parse = httpx.Request, httpx.URL

    def build(method: str, url: str, *, headers: Any, content: bytes, extensions: Any) -> Any:
        parsed = urls.get(url)
        if parsed is None:
            if len(urls) > 1000:
                urls.clear()
            parsed = urls[url] = parse(url)
        return make(method, parsed, headers=headers, content=content, extensions=extensions)

    return build
