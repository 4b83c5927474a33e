"""stepwell over plain httpx, through its public clients alone."""

import child  # isort: skip
from collections.abc import Callable
from functools import cache, partial

import stepwell

MODELS = {
    "openai": ("openai:gpt-4o-mini", {"wire": "openai_chat"}),
    "anthropic": ("anthropic:claude-haiku-4-5", {"max_tokens": 4096}),
}


def settings(wire: str, url: str) -> dict:
    return {"base_urls": {wire: url + "/v1"}, "api_keys": {wire: "k"}}


@cache
def sync_client(wire: str, url: str) -> stepwell.Client:
    return stepwell.Client(transport="httpx", **settings(wire, url))


@cache
def async_client(wire: str, url: str) -> stepwell.AsyncClient:
    return stepwell.AsyncClient(transport="httpx", **settings(wire, url))


def prepare(task: child.Task) -> None:
    model, options = MODELS[task.wire]
    functions = [tool["function"] for tool in task.tools]
    tools = [stepwell.Tool(f["name"], f["description"], f["parameters"]) for f in functions]
    task.positional = (model, task.messages)
    task.options = {**options, "tools": tools} if tools else options


def characters(chunk) -> int:
    """Return the number of characters of tool arguments in a chunk."""
    return len(chunk.arguments_json) if chunk.type == "tool_call_delta" else 0


def call(task: child.Task, client: Callable = sync_client) -> int:
    return len(client(task.wire, task.url).generate_text(*task.positional, **task.options).text)


async def acall(task: child.Task, client: Callable = async_client) -> int:
    return len((await client(task.wire, task.url).generate_text(*task.positional, **task.options)).text)


def stream(task: child.Task, client: Callable = sync_client) -> int:
    with client(task.wire, task.url).stream_text(*task.positional, **task.options) as chunks:
        if task.tools:
            return child.drain(chunks, characters, task)
        return child.drain(chunks.text_deltas(), len, task)


async def astream(task: child.Task, client: Callable = async_client) -> int:
    async with client(task.wire, task.url).stream_text(*task.positional, **task.options) as chunks:
        if task.tools:
            return await child.adrain(chunks, characters, task)
        return await child.adrain(chunks.text_deltas(), len, task)


def decode(task: child.Task) -> int:
    """Read a stream from memory instead of a network. Includes the set-up of one call, spread over all the events."""
    from recorded import Recorded  # imports httpx, which must not be loaded before stepwell's own first call

    with stepwell.Client(transport=Recorded(task.data), api_keys={"openai": "k"}) as client:
        return child.drain(client.stream_text(*task.positional, **task.options).text_deltas(), len, task)


def over(client: Callable, sync: Callable | None = None) -> dict:
    """Return the async functions over another client; the sync ones too, where a sync client is given."""
    functions = {"acall": partial(acall, client=client), "astream": partial(astream, client=client)}
    return functions | ({"call": partial(call, client=sync), "stream": partial(stream, client=sync)} if sync else {})


if __name__ == "__main__":
    child.serve(
        packages=["stepwell", "httpx"],
        wires=["openai", "anthropic"],
        prepare=prepare,
        call=call,
        acall=acall,
        stream=stream,
        astream=astream,
        decode=decode,
    )
