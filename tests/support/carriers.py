"""Every way that a call can go to a loopback server: by httpx, httpx2 and aiohttp, sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

import httpx
import httpx2
import pytest

from stepwell import AsyncClient, Client

from loopback import Loopback

MODEL = "openai:m"
NAMES = ("httpx", "httpx async", "aiohttp", "httpx2", "httpx2 async", "own httpx", "own httpx async")
"""httpx and aiohttp as stepwell sets them up; clients of one's own, of httpx2 and of httpx."""

carriers = pytest.mark.parametrize("carrier", NAMES[:5])
all_carriers = pytest.mark.parametrize("carrier", NAMES)

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
    return "async" in carrier or carrier == "aiohttp"


def own_client(carrier: str, **settings: Any) -> Any:
    """Open the caller's own HTTP client of a carrier, or yield None for those that stepwell makes."""
    return _OWN[carrier](**settings) if carrier in _OWN else nullcontext()


def ask(server: Any, carrier: str, *, stream: bool = True, **settings: Any) -> Any:
    """Make one call by one of its drivers, and return the complete answer."""
    name = "aiohttp" if carrier == "aiohttp" else "httpx"
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
