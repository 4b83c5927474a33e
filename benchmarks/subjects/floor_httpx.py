"""The floor: the least code that does the work right. Raw httpx, orjson, and no kindness to anyone."""

import child  # isort: skip
import time
from collections.abc import Callable
from functools import cache, partial

import httpx
import orjson

HEADERS = {
    "openai": {"content-type": "application/json", "authorization": "Bearer k"},
    "anthropic": {"content-type": "application/json", "x-api-key": "k", "anthropic-version": "2023-06-01"},
}
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)


@cache
def sync_client() -> httpx.Client:
    return httpx.Client(limits=LIMITS, timeout=60)


@cache
def async_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(limits=LIMITS, timeout=60)


def request(task: child.Task, *, stream: bool) -> dict:
    """Return the keyword arguments of one httpx request."""
    if task.wire == "openai":
        body = {"model": "gpt-4o-mini", "messages": task.messages}
        tools = task.tools
        extra = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    else:
        body = {"model": "claude-haiku-4-5", "max_tokens": 4096, "messages": task.messages}
        tools = [{"name": t["function"]["name"], "input_schema": t["function"]["parameters"]} for t in task.tools]
        extra = {"stream": True} if stream else {}
    if tools:
        body["tools"] = tools
    url = task.url + PATHS[task.wire]
    return {"method": "POST", "url": url, "headers": HEADERS[task.wire], "content": orjson.dumps(body | extra)}


def text_of_reply(task: child.Task, content: bytes) -> str:
    body = orjson.loads(content)
    return body["choices"][0]["message"]["content"] if task.wire == "openai" else body["content"][0]["text"]


def openai_delta(event: bytes) -> str:
    """Return the text or the tool arguments of one event."""
    if event == b"data: [DONE]":
        return ""
    choices = orjson.loads(event[6:])["choices"]
    if not choices:
        return ""
    delta = choices[0]["delta"]
    if text := delta.get("content"):
        return text
    calls = delta.get("tool_calls")
    return calls[0]["function"]["arguments"] if calls else ""


def anthropic_delta(event: bytes) -> str:
    """Return the text or the tool arguments of one event."""
    body = orjson.loads(event[event.index(b"\ndata: ") + 7 :])
    if body["type"] != "content_block_delta":
        return ""
    delta = body["delta"]
    return delta["text"] if delta["type"] == "text_delta" else delta["partial_json"]


DELTAS = {"openai": openai_delta, "anthropic": anthropic_delta}


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
