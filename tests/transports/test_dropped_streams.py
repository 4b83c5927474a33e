"""A stream that is dropped without being closed releases its connection."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable
from typing import Any

import pytest
from carriers import MODEL, aclient_with_one_connection, client_with_one_connection

from stepwell import Timeouts

from loopback import SOON, Loopback, chunk, event, serving, streaming

pytestmark = pytest.mark.usefixtures("small_heap")


def endless(request: Any) -> Iterable[bytes | float]:
    yield streaming()
    while True:
        yield chunk(event("word "))
        yield 0.001


async def drop_and_call_again(server: Loopback, carrier: str, *, begun: bool, thread: bool) -> None:
    async with aclient_with_one_connection(server, carrier, timeout=Timeouts(connect=SOON)) as client:
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


@pytest.mark.parametrize("carrier", ["httpx async", "fast async"])
@pytest.mark.parametrize("begun", [False, True], ids=["unread", "begun"])
@pytest.mark.parametrize("thread", [False, True], ids=["here", "collected in a thread"])
def test_an_async_stream(carrier: str, begun: bool, thread: bool) -> None:
    with serving(endless) as server:
        asyncio.run(drop_and_call_again(server, carrier, begun=begun, thread=thread))


@pytest.mark.parametrize("carrier", ["httpx", "httpx2", "fast"])
def test_a_sync_stream(carrier: str) -> None:
    with (
        serving(endless) as server,
        client_with_one_connection(server, carrier, timeout=Timeouts(connect=SOON)) as client,
    ):
        for _ in range(5):
            stream = client.stream_text(MODEL, "hi")
            del stream
            gc.collect()
        assert len(server.seen) == 5
