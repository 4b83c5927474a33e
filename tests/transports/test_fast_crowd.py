"""Many calls over the fast transport beside many that are cut short: none gets another's answer, and all places stay.

`make fast-crowd` makes 10,000 calls beside 1,000 of those.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from carriers import MODEL, aclient_of, client_of

from stepwell import Timeouts
from stepwell.pipeline.effects import CallModel
from stepwell.pipeline.tasks import race
from stepwell.transports import FastTransport

from loopback import DONE, END, LONG, answer, chunk, completion, event, serving, streaming

CALLS = int(os.environ.get("FAST_CROWD_CALLS", "400"))
CUT_SHORT = CALLS // 10
CONNECTIONS = 20
PATIENT = Timeouts(connect=LONG, first_event=LONG, idle=LONG)


def echo(request: Any) -> Iterable[bytes | float]:
    """Answer with the prompt, a letter a chunk if streamed; `silent` is not answered, `stalls` only half."""
    prompt = request.json["messages"][0]["content"]
    if "silent" in prompt:
        yield LONG
    if not request.json.get("stream"):
        yield answer(completion(prompt))
        return
    yield streaming()
    for letter in prompt:
        yield chunk(event(letter))
        if "stalls" in prompt:
            yield LONG
    yield chunk(event(None, "stop") + DONE) + END


def text(prompt: str) -> Any:
    reply = yield CallModel(MODEL, prompt)
    return reply.text


@pytest.fixture
def transport() -> FastTransport:
    return FastTransport(max_connections=CONNECTIONS)


def test_threads(transport: FastTransport) -> None:
    wrong: list[Any] = []

    def work(numbers: list[int]) -> None:
        chance = random.Random(numbers[0])
        for n in numbers:
            try:
                if chance.random() < 0.5:
                    found = client.generate_text(MODEL, f"n{n}").text
                else:
                    found = client.stream_text(MODEL, f"n{n}").reply().text
            except Exception as error:
                found = repr(error)
            if found != f"n{n}":
                wrong.append((n, found))

    def cut_short(numbers: list[int]) -> None:
        for n in numbers:
            if n % 2:
                with client.stream_text(MODEL, f"stalls {n}") as stream:
                    next(iter(stream.text_deltas()))
            elif client.run_workflow(race([text(f"silent {n}"), text(f"quick {n}")])) != f"quick {n}":
                wrong.append((n, "race"))

    with serving(echo) as server, client_of(server, transport=transport, timeout=PATIENT) as client:
        plain = [threading.Thread(target=work, args=(list(range(at, CALLS, 8)),)) for at in range(8)]
        others = [threading.Thread(target=cut_short, args=(list(range(at, CUT_SHORT, 4)),)) for at in range(4)]
        for thread in (*plain, *others):
            thread.start()
        for thread in (*plain, *others):
            thread.join()
        assert wrong == []
        pool: Any = client.connections.open().client.pool
        assert pool._count == len(pool._opened) == sum(map(len, pool._idle.values())) <= CONNECTIONS
        client.close()
        assert pool._count == 0 and server.wait_until_free()


async def test_tasks(transport: FastTransport) -> None:
    wrong: list[Any] = []

    async def work(n: int) -> None:
        try:
            if n % 2:
                found = (await client.generate_text(MODEL, f"n{n}")).text
            else:
                found = (await client.stream_text(MODEL, f"n{n}").reply()).text
        except Exception as error:
            found = repr(error)
        if found != f"n{n}":
            wrong.append((n, found))

    async def cut_short(n: int) -> None:
        chance = random.Random(n)
        prompt = chance.choice([f"silent {n}", f"stalls {n}", f"n{n}"])
        task = asyncio.create_task(client.stream_text(MODEL, prompt).reply())
        for _ in range(chance.randrange(60)):
            await asyncio.sleep(0)
        await asyncio.sleep(chance.random() / 100)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with serving(echo) as server:
        async with aclient_of(server, transport=transport, timeout=PATIENT) as client:
            numbers = list(range(CALLS))
            for at in range(0, CALLS, 200):
                some = numbers[at : at + 200]
                await asyncio.gather(*map(work, some), *(cut_short(n) for n in some if n % 10 == 0))
            assert wrong == []
            pool: Any = (await client.connections.open()).client.pool
            idle = sum(map(len, pool._idle.values()))
            assert CONNECTIONS - pool._room == len(pool._opened) == idle <= CONNECTIONS and not pool._queue
        assert pool._room == CONNECTIONS and server.wait_until_free()
