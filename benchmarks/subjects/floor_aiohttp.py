"""The floor again, with aiohttp's C parser under httpx: httpx-aiohttp's transport, async only."""

import child  # isort: skip
from functools import cache

import floor_httpx
import httpx
from httpx_aiohttp import AiohttpTransport


@cache
def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=AiohttpTransport(limits=floor_httpx.LIMITS), timeout=60)


child.serve(
    packages=["httpx", "httpx-aiohttp", "aiohttp", "orjson"],
    wires=["openai", "anthropic"],
    **floor_httpx.over(client),
)
