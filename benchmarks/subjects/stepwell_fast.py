"""stepwell over its fast transport, as it is by default where the extra is installed."""

import child  # isort: skip
from functools import cache

import stepwell_

import stepwell


@cache
def sync_client(wire: str, url: str) -> stepwell.Client:
    return stepwell.Client(transport="fast", **stepwell_.settings(wire, url))


@cache
def async_client(wire: str, url: str) -> stepwell.AsyncClient:
    # The other subjects wait as long for a connection. Ten thousand that are opened at once take a loop some seconds.
    limits = {"timeout": stepwell.Timeouts(connect=60), "max_connections": 20_000}
    return stepwell.AsyncClient(transport="fast", **limits, **stepwell_.settings(wire, url))


child.serve(
    packages=["stepwell", "httptools"],
    wires=["openai", "anthropic"],
    prepare=stepwell_.prepare,
    **stepwell_.over(async_client, sync_client),
)
