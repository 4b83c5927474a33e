"""any-llm, over the vendors' own SDKs; one object a provider, as its guide advises for more than one call."""

import child  # isort: skip
from functools import cache

from any_llm import AnyLLM
from openai_shape import characters, text_of

MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5"}


@cache
def client(wire: str, url: str, mode: str) -> AnyLLM:
    return AnyLLM.create(wire, api_key="k", api_base=url + "/v1" if wire == "openai" else url)


def arguments(task: child.Task) -> dict:
    tools = {"tools": task.tools} if task.tools else {}
    return {"model": MODELS[task.wire], "messages": task.messages, **tools}


def call(task: child.Task) -> int:
    return text_of(client(task.wire, task.url, "sync").completion(**arguments(task)))


async def acall(task: child.Task) -> int:
    return text_of(await client(task.wire, task.url, "async").acompletion(**arguments(task)))


def stream(task: child.Task) -> int:
    chunks = client(task.wire, task.url, "sync").completion(stream=True, **arguments(task))
    return child.drain(chunks, characters, task)


async def astream(task: child.Task) -> int:
    chunks = await client(task.wire, task.url, "async").acompletion(stream=True, **arguments(task))
    return await child.adrain(chunks, characters, task)


child.serve(
    packages=["any-llm-sdk", "openai", "anthropic"],
    wires=["openai", "anthropic"],
    call=call,
    acall=acall,
    stream=stream,
    astream=astream,
)
