"""stepwell over aiohttp, as it is by default where the extra is installed."""

import child  # isort: skip
from functools import cache

import stepwell_

import stepwell


@cache
def client(wire: str, url: str) -> stepwell.AsyncClient:
    return stepwell.AsyncClient(transport="aiohttp", **stepwell_.settings(wire, url))


child.serve(
    packages=["stepwell", "aiohttp"],
    wires=["openai", "anthropic"],
    prepare=stepwell_.prepare,
    **stepwell_.over(client),
)
