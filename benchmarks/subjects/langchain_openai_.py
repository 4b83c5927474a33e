"""langchain-openai's chat model, without a chain around it."""

import child  # isort: skip
from functools import cache

from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI


@cache
def model(url: str) -> ChatOpenAI:
    return ChatOpenAI(model="gpt-4o-mini", base_url=url + "/v1", api_key="k", use_responses_api=False)


def prepare(task: child.Task) -> None:
    kinds = {"user": HumanMessage, "assistant": AIMessage}
    task.history = [kinds[message["role"]](message["content"]) for message in task.messages]
    bare = model(task.url)
    task.model = bare.bind_tools(task.tools) if task.tools else bare


def characters(chunk) -> int:
    if calls := chunk.tool_call_chunks:
        return len(calls[0]["args"] or "")
    return len(chunk.content)


def call(task: child.Task) -> int:
    return len(task.model.invoke(task.history).content)


async def acall(task: child.Task) -> int:
    return len((await task.model.ainvoke(task.history)).content)


def stream(task: child.Task) -> int:
    return child.drain(task.model.stream(task.history), characters, task)


async def astream(task: child.Task) -> int:
    return await child.adrain(task.model.astream(task.history), characters, task)


child.serve(
    packages=["langchain-openai", "openai"],
    prepare=prepare,
    call=call,
    acall=acall,
    stream=stream,
    astream=astream,
)
