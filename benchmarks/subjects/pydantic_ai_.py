"""pydantic-ai's direct interface: a model request without an agent around it."""

import child  # isort: skip
from functools import cache

from pydantic_ai.direct import model_request, model_request_stream, model_request_stream_sync, model_request_sync
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    ToolCallPartDelta,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import ToolDefinition


@cache
def model(wire: str, url: str, mode: str) -> Model:
    if wire == "anthropic":
        return AnthropicModel("claude-haiku-4-5", provider=AnthropicProvider(api_key="k", base_url=url))
    return OpenAIChatModel("gpt-4o-mini", provider=OpenAIProvider(api_key="k", base_url=url + "/v1"))


def prepare(task: child.Task) -> None:
    tools = [
        ToolDefinition(name=f["name"], description=f["description"], parameters_json_schema=f["parameters"])
        for f in (tool["function"] for tool in task.tools)
    ]
    task.history = [as_message(message) for message in task.messages]
    task.parameters = ModelRequestParameters(function_tools=tools)


def as_message(message: dict) -> ModelMessage:
    if message["role"] == "assistant":
        return ModelResponse(parts=[TextPart(message["content"])])
    return ModelRequest(parts=[UserPromptPart(message["content"])])


def characters(event) -> int:
    if isinstance(event, PartDeltaEvent):
        delta = event.delta
        if isinstance(delta, TextPartDelta):
            return len(delta.content_delta)
        return len(delta.args_delta or "") if isinstance(delta, ToolCallPartDelta) else 0
    if isinstance(event, PartStartEvent):
        part = event.part
        if isinstance(part, TextPart):
            return len(part.content)
        return len(part.args or "") if isinstance(part, ToolCallPart) else 0
    return 0


def call(task: child.Task) -> int:
    arguments = {"model_request_parameters": task.parameters}
    return len(model_request_sync(model(task.wire, task.url, "sync"), task.history, **arguments).parts[0].content)


async def acall(task: child.Task) -> int:
    arguments = {"model_request_parameters": task.parameters}
    reply = await model_request(model(task.wire, task.url, "async"), task.history, **arguments)
    return len(reply.parts[0].content)


def stream(task: child.Task) -> int:
    arguments = {"model_request_parameters": task.parameters}
    with model_request_stream_sync(model(task.wire, task.url, "sync"), task.history, **arguments) as events:
        return child.drain(events, characters, task)


async def astream(task: child.Task) -> int:
    arguments = {"model_request_parameters": task.parameters}
    async with model_request_stream(model(task.wire, task.url, "async"), task.history, **arguments) as events:
        return await child.adrain(events, characters, task)


child.serve(
    packages=["pydantic-ai-slim", "openai", "anthropic"],
    wires=["openai", "anthropic"],
    prepare=prepare,
    call=call,
    acall=acall,
    stream=stream,
    astream=astream,
)
