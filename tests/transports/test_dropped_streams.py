"""A stream that is dropped without being closed releases its connection."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable
from contextlib import aclosing
from typing import Any

import httpx
import httpx2
import pytest
from carriers import MODEL, aclient_of, client_of

from stepwell import Timeouts
from stepwell.pipeline.http.aiohttp_transport import AiohttpClient

from loopback import SOON, Loopback, chunk, event, serving, streaming

POOLS_OF_ONE: dict[str, Any] = {
    "httpx": lambda: httpx.AsyncClient(limits=httpx.Limits(max_connections=1)),
    "aiohttp": lambda: AiohttpClient(tls=True, max_connections=1),
}


def endless(request: Any) -> Iterable[bytes | float]:
    yield streaming()
    while True:
        yield chunk(event("word "))
        yield 0.001


async def drop_and_call_again(server: Loopback, carrier: str, *, begun: bool, thread: bool) -> None:
    async with aclosing(POOLS_OF_ONE[carrier]()) as http:
        client = aclient_of(server, http=http, timeout=Timeouts(connect=SOON))
        for _ in range(5):
            stream = await client.stream_text(MODEL, "hi")
            if begun:
                async for _ in stream.text_deltas():
                    break
                else:
                    raise AssertionError
            del stream
            await (asyncio.to_thread(gc.collect) if thread else asyncio.sleep(0))
            gc.collect()
            await asyncio.sleep(0)
        assert len(server.seen) == 5


@pytest.mark.parametrize("carrier", POOLS_OF_ONE)
@pytest.mark.parametrize("begun", [False, True], ids=["unread", "begun"])
@pytest.mark.parametrize("thread", [False, True], ids=["here", "collected in a thread"])
def test_an_async_stream(carrier: str, begun: bool, thread: bool) -> None:
    with serving(endless) as server:
        asyncio.run(drop_and_call_again(server, carrier, begun=begun, thread=thread))


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_sync_stream(library: Any) -> None:
    limits = library.Limits(max_connections=1)
    with serving(endless) as server, library.Client(limits=limits) as http:
        client = client_of(server, http=http, timeout=Timeouts(connect=SOON))
        for _ in range(5):
            stream = client.stream_text(MODEL, "hi")
            del stream
            gc.collect()
        assert len(server.seen) == 5
