"""Every way that a call can go to a loopback server: by httpx, httpx2 and sockets, sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any

import httpx
import httpx2
import pytest

from stepwell import AsyncClient, Client
from stepwell.transports import FastTransport

from costs import thorough_after
from loopback import Loopback

MODEL = "openai:m"
NAMES = ("fast", "fast async", "httpx", "httpx async", "httpx2", "httpx2 async", "own httpx", "own httpx async")
"""The transports that stepwell sets up; clients of one's own, of httpx2 and of httpx."""

carriers = pytest.mark.parametrize("carrier", thorough_after(4, NAMES[:6]))
all_carriers = pytest.mark.parametrize("carrier", thorough_after(4, NAMES))

_OWN: dict[str, Callable[..., Any]] = {
    "httpx2": httpx2.Client,
    "httpx2 async": httpx2.AsyncClient,
    "own httpx": httpx.Client,
    "own httpx async": httpx.AsyncClient,
}


def client_of(server: Loopback, **settings: Any) -> Client:
    return Client(base_urls={"openai": server.url}, **{"api_keys": {"openai": "k"}, "retries": 0, **settings})


def aclient_of(server: Loopback, **settings: Any) -> AsyncClient:
    return AsyncClient(base_urls={"openai": server.url}, **{"api_keys": {"openai": "k"}, "retries": 0, **settings})


def is_async(carrier: str) -> bool:
    return "async" in carrier


def name_of(carrier: str) -> str:
    """Return the `transport=` of a carrier; it does not count where the client is one's own."""
    return "fast" if "fast" in carrier else "httpx"


def own_client(carrier: str, **settings: Any) -> Any:
    """Open the caller's own HTTP client of a carrier, or yield None for those that stepwell makes."""
    return _OWN[carrier](**settings) if carrier in _OWN else nullcontext()


def _pool_of_one(carrier: str) -> dict[str, Any]:
    """Return the settings of a stepwell client that has one connection."""
    if "fast" in carrier:
        return {"transport": FastTransport(max_connections=1)}
    library = httpx2 if "httpx2" in carrier else httpx
    kind = library.AsyncClient if is_async(carrier) else library.Client
    return {"http": kind(limits=library.Limits(max_connections=1, max_keepalive_connections=1))}


@contextmanager
def client_with_one_connection(server: Loopback, carrier: str, **settings: Any) -> Iterator[Client]:
    own = _pool_of_one(carrier)
    with client_of(server, **own, **settings) as client, own.get("http") or nullcontext():
        yield client


@asynccontextmanager
async def aclient_with_one_connection(server: Loopback, carrier: str, **settings: Any) -> AsyncIterator[AsyncClient]:
    own = _pool_of_one(carrier)
    async with aclient_of(server, **own, **settings) as client, own.get("http") or nullcontext():
        yield client


def ask(server: Any, carrier: str, *, stream: bool = True, **settings: Any) -> Any:
    """Make one call by one of its drivers, and return the complete answer."""
    name = name_of(carrier)
    if not is_async(carrier):
        with own_client(carrier) as http, client_of(server, transport=name, http=http, **settings) as client:
            return client.stream_text(MODEL, "hi").reply() if stream else client.generate_text(MODEL, "hi")

    async def run() -> Any:
        async with own_client(carrier) as http, aclient_of(server, transport=name, http=http, **settings) as client:
            if stream:
                return await client.stream_text(MODEL, "hi").reply()
            return await client.generate_text(MODEL, "hi")

    return asyncio.run(run())


def saying(*acts: bytes | float) -> Callable[[Any], Iterable[bytes | float]]:
    return lambda request: acts
