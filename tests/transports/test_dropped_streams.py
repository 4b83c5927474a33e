"""A stream that is dropped without being closed releases its connection."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable
from typing import Any

import pytest
from carriers import MODEL, aclient_of, aclient_with_one_connection, client_with_one_connection, saying

from stepwell import AsyncClient, Timeouts
from stepwell.schemas import errors

from loopback import LONG, SOON, Loopback, chunk, event, serving, streaming

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


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # of the event loop that the test closes early
@pytest.mark.parametrize("transport", ["fast", "httpx"])
@pytest.mark.parametrize("ended", [False, True], ids=["a loop that is there", "a loop that was closed"])
def test_a_stream_of_another_event_loop_is_a_cut_stream(
    transport: str, ended: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def opened(client: AsyncClient) -> Any:
        stream = await client.stream_text(MODEL, "hi")
        await stream.next_chunks()
        return stream

    with serving(saying(streaming(), chunk(event("a")), LONG)) as server:
        client = aclient_of(server, transport=transport)
        loop = asyncio.new_event_loop()
        stream = loop.run_until_complete(opened(client))
        if ended:
            loop.close()
        with pytest.raises(errors.StreamTruncated, match="another event loop") as caught:
            asyncio.run(stream.reply())
        assert caught.value.partial.text == "a"
        if not ended:
            loop.run_until_complete(client.close())
            loop.close()
        assert server.wait_until_free(SOON)
        del stream, client, loop, caught
        gc.collect()  # here, where what asyncio says of its loop is not an error
    assert not [each for each in caplog.records if "never retrieved" in each.getMessage()]
