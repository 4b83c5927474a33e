"""stepwell over aiohttp's C parser: httpx-aiohttp's transport handed to AsyncClient."""

import child  # isort: skip
from functools import cache

import httpx
import stepwell_
from httpx_aiohttp import AiohttpTransport

import stepwell

LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)


@cache
def client(wire: str, url: str) -> stepwell.AsyncClient:
    return stepwell.AsyncClient(transport=AiohttpTransport(limits=LIMITS), **stepwell_.settings(wire, url))


child.serve(
    packages=["stepwell", "httpx-aiohttp", "aiohttp"],
    wires=["openai", "anthropic"],
    prepare=stepwell_.prepare,
    **stepwell_.over(client),
)
