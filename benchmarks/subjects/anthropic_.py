"""The anthropic SDK on its own wire, with its plain event stream (its accumulating helper costs more)."""

import child  # isort: skip
from functools import cache

from anthropic import Anthropic, AsyncAnthropic


@cache
def sync_client(url: str) -> Anthropic:
    return Anthropic(base_url=url, api_key="k")


@cache
def async_client(url: str) -> AsyncAnthropic:
    return AsyncAnthropic(base_url=url, api_key="k")


def prepare(task: child.Task) -> None:
    functions = [tool["function"] for tool in task.tools]
    tools = [{"name": function["name"], "input_schema": function["parameters"]} for function in functions]
    task.arguments = {"model": "claude-haiku-4-5", "max_tokens": 4096, "messages": task.messages}
    if tools:
        task.arguments["tools"] = tools


def characters(event) -> int:
    if event.type != "content_block_delta":
        return 0
    return len(event.delta.text if event.delta.type == "text_delta" else event.delta.partial_json)


def call(task: child.Task) -> int:
    return len(sync_client(task.url).messages.create(**task.arguments).content[0].text)


async def acall(task: child.Task) -> int:
    reply = await async_client(task.url).messages.create(**task.arguments)
    return len(reply.content[0].text)


def stream(task: child.Task) -> int:
    with sync_client(task.url).messages.create(stream=True, **task.arguments) as events:
        return child.drain(events, characters, task)


async def astream(task: child.Task) -> int:
    async with await async_client(task.url).messages.create(stream=True, **task.arguments) as events:
        return await child.adrain(events, characters, task)


child.serve(
    packages=["anthropic", "httpx2"],
    wires=["anthropic"],
    prepare=prepare,
    call=call,
    acall=acall,
    stream=stream,
    astream=astream,
)
