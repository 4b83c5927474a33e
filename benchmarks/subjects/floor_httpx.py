"""The floor: the least code that does the work right. Raw httpx, orjson, and no kindness to anyone."""

import child  # isort: skip
import time
from collections.abc import Callable
from functools import cache, partial

import httpx
from least import DELTAS, HEADERS, PATHS, body_of, openai_delta, text_of_reply

LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)


@cache
def sync_client() -> httpx.Client:
    return httpx.Client(limits=LIMITS, timeout=60)


@cache
def async_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(limits=LIMITS, timeout=60)


def request(task: child.Task, *, stream: bool) -> dict:
    """Return the keyword arguments of one httpx request."""
    url, content = task.url + PATHS[task.wire], body_of(task, stream=stream)
    return {"method": "POST", "url": url, "headers": HEADERS[task.wire], "content": content}


def call(task: child.Task) -> int:
    response = sync_client().request(**request(task, stream=False))
    response.raise_for_status()
    return len(text_of_reply(task, response.content))


async def acall(task: child.Task, client: Callable[[], httpx.AsyncClient] = async_client) -> int:
    response = await client().request(**request(task, stream=False))
    response.raise_for_status()
    return len(text_of_reply(task, response.content))


def stream(task: child.Task) -> int:
    total, rest, delta, waiting = 0, b"", DELTAS[task.wire], task.first_only
    with sync_client().stream(**request(task, stream=True)) as response:
        response.raise_for_status()
        for data in response.iter_raw():
            *events, rest = (rest + data).split(b"\n\n")
            for event in events:
                total += len(delta(event))
            if waiting and total:
                task.first_at, waiting = time.perf_counter(), False
    return total


async def astream(task: child.Task, client: Callable[[], httpx.AsyncClient] = async_client) -> int:
    total, rest, delta, waiting = 0, b"", DELTAS[task.wire], task.first_only
    async with client().stream(**request(task, stream=True)) as response:
        response.raise_for_status()
        async for data in response.aiter_raw():
            *events, rest = (rest + data).split(b"\n\n")
            for event in events:
                total += len(delta(event))
            if waiting and total:
                task.first_at, waiting = time.perf_counter(), False
    return total


def decode(task: child.Task) -> int:
    """No network: split, parse, take the text."""
    return sum(len(openai_delta(event)) for event in task.data.split(b"\n\n") if event)


def over(client: Callable[[], httpx.AsyncClient]) -> dict:
    """Return the async functions over another client."""
    return {"acall": partial(acall, client=client), "astream": partial(astream, client=client)}


if __name__ == "__main__":
    child.serve(
        packages=["httpx", "orjson"],
        wires=["openai", "anthropic"],
        call=call,
        acall=acall,
        stream=stream,
        astream=astream,
        decode=decode,
    )
