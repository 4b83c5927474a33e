"""stepwell over clients of httpx2, handed to it."""

import child  # isort: skip
from functools import cache

import stepwell_

import stepwell


@cache
def client(wire: str, url: str) -> stepwell.AsyncClient:
    import httpx2  # late, so that the measurement of a first call includes it

    limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=1000)
    return stepwell.AsyncClient(http=httpx2.AsyncClient(limits=limits), **stepwell_.settings(wire, url))


child.serve(
    packages=["stepwell", "httpx2"],
    wires=["openai", "anthropic"],
    prepare=stepwell_.prepare,
    **stepwell_.over(client),
)
