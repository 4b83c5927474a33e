"""The openai SDK on its own wire."""

import child  # isort: skip
from functools import cache

from openai import AsyncOpenAI, OpenAI
from openai_shape import characters, text_of


@cache
def sync_client(url: str) -> OpenAI:
    return OpenAI(base_url=url + "/v1", api_key="k")


@cache
def async_client(url: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=url + "/v1", api_key="k")


def arguments(task: child.Task) -> dict:
    tools = {"tools": task.tools} if task.tools else {}
    return {"model": "gpt-4o-mini", "messages": task.messages, **tools}


def call(task: child.Task) -> int:
    return text_of(sync_client(task.url).chat.completions.create(**arguments(task)))


async def acall(task: child.Task) -> int:
    return text_of(await async_client(task.url).chat.completions.create(**arguments(task)))


def stream(task: child.Task) -> int:
    with sync_client(task.url).chat.completions.create(stream=True, **arguments(task)) as chunks:
        return child.drain(chunks, characters, task)


async def astream(task: child.Task) -> int:
    async with await async_client(task.url).chat.completions.create(stream=True, **arguments(task)) as chunks:
        return await child.adrain(chunks, characters, task)


child.serve(packages=["openai", "httpx2"], call=call, acall=acall, stream=stream, astream=astream)
