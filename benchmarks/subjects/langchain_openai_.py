"""langchain-openai's chat model, without a chain around it."""

import child  # isort: skip
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import Runnable
from langchain_openai import ChatOpenAI

MODELS: dict[tuple[str, int], Runnable] = {}


def model(task: child.Task) -> Runnable:
    """Return the chat model for this server, with the task's tools bound to it; created once."""
    key = (task.url, len(task.tools))
    if key not in MODELS:
        bare = ChatOpenAI(model="gpt-4o-mini", base_url=task.url + "/v1", api_key="k", use_responses_api=False)
        MODELS[key] = bare.bind_tools(task.tools) if task.tools else bare
    return MODELS[key]


def prepare(task: child.Task) -> None:
    kinds = {"user": HumanMessage, "assistant": AIMessage}
    task.history = [kinds[message["role"]](message["content"]) for message in task.messages]


def characters(chunk) -> int:
    if calls := chunk.tool_call_chunks:
        return len(calls[0]["args"] or "")
    return len(chunk.content)


def call(task: child.Task) -> int:
    return len(model(task).invoke(task.history).content)


async def acall(task: child.Task) -> int:
    return len((await model(task).ainvoke(task.history)).content)


def stream(task: child.Task) -> int:
    return child.drain(model(task).stream(task.history), characters, task)


async def astream(task: child.Task) -> int:
    return await child.adrain(model(task).astream(task.history), characters, task)


child.serve(
    packages=["langchain-openai", "openai"],
    prepare=prepare,
    call=call,
    acall=acall,
    stream=stream,
    astream=astream,
)
