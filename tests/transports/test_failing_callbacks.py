"""A function of `on_end` that fails is an error of its call, and keeps nothing that other steps or the network hold."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from carriers import MODEL, aclient_with_one_connection, client_with_one_connection

from stepwell import Budget, Timeouts, on_response
from stepwell.schemas import errors
from stepwell.steps import concurrency

from loopback import SOON, Hangup, chunk, event, serving, streaming, whole_stream

WAYS = {"read": LookupError, "left": LookupError, "broken": errors.StreamTruncated}


def failing(response: Any) -> Any:
    def ended(reply: Any, error: Any) -> None:
        raise LookupError("a mistake in a step")

    return response.on_end(ended)


def script(request: Any) -> Iterable[bytes]:
    if "broken" in request.json["messages"][0]["content"]:  # type: ignore[index]
        yield streaming() + chunk(event("hel"))
        raise Hangup
    yield whole_stream("hello")


@pytest.mark.parametrize("carrier", ["fast", "httpx", "fast async", "httpx async"])
@pytest.mark.parametrize("way", WAYS)
def test_the_next_call_gets_the_place_and_the_connection(carrier: str, way: str) -> None:
    """What failed first is raised: the text so far of an answer that broke off is on its error."""
    places, budget = concurrency(1), Budget(tokens=10**6)
    pipeline = [places, budget, on_response(failing)]
    settings: dict[str, Any] = {"pipeline": pipeline, "timeout": Timeouts(connect=SOON, total=SOON)}

    async def ask(server: Any) -> None:
        async with aclient_with_one_connection(server, carrier, **settings) as client:
            stream = await client.stream_text(MODEL, way, max_tokens=5)
            await (stream.close() if way == "left" else stream.reply())

    def check(work: Any) -> None:
        with pytest.raises(WAYS[way]) as caught:
            work()
        partial = getattr(caught.value, "partial", None)
        assert (partial and partial.text) == ("hel" if way == "broken" else None)
        assert places.state("").running == 0 and budget.tokens_left == 10**6 - budget.tokens_used

    with serving(script) as server:
        if "async" in carrier:
            check(lambda: asyncio.run(ask(server)))
            return
        with client_with_one_connection(server, carrier, **settings) as client:
            for _ in range(2):
                stream = client.stream_text(MODEL, way, max_tokens=5)
                check(stream.close if way == "left" else stream.reply)
