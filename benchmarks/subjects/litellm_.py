"""litellm, one function for every provider."""

import child  # isort: skip
import litellm
from openai_shape import characters, text_of

MODELS = {"openai": "openai/gpt-4o-mini", "anthropic": "anthropic/claude-haiku-4-5"}


def arguments(task: child.Task) -> dict:
    base = task.url + "/v1" if task.wire == "openai" else task.url
    tools = {"tools": task.tools} if task.tools else {}
    return {"model": MODELS[task.wire], "messages": task.messages, "api_base": base, "api_key": "k", **tools}


def call(task: child.Task) -> int:
    return text_of(litellm.completion(**arguments(task)))


async def acall(task: child.Task) -> int:
    return text_of(await litellm.acompletion(**arguments(task)))


def stream(task: child.Task) -> int:
    return child.drain(litellm.completion(stream=True, **arguments(task)), characters, task)


async def astream(task: child.Task) -> int:
    return await child.adrain(await litellm.acompletion(stream=True, **arguments(task)), characters, task)


child.serve(
    packages=["litellm", "openai", "httpx"],
    wires=["openai", "anthropic"],
    call=call,
    acall=acall,
    stream=stream,
    astream=astream,
)
