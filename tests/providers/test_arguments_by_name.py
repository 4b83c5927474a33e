"""What a step gets by name (`response`, `model`, `operation`) reaches all that it is extended by or extends."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from stepwell.declare import declare_provider, extending, openai_chat, override
from stepwell.providers.declare.registry import Registry

from every_way import WAYS, Ask, whole

EVENTS = b"""data: {"choices": [{"delta": {"content": "yes"}, "finish_reason": "stop"}]}

data: [DONE]

"""
SEEN = list[str]()


def server(request: httpx.Request) -> httpx.Response:
    streamed = b'"stream":true' in request.content
    headers = {"x-queue": "b7", "content-type": "text/event-stream" if streamed else "application/json"}
    return httpx.Response(200, content=EVENTS if streamed else whole("yes"), headers=headers)


def decode(data: Any, model: Any, response: Any) -> Any:
    SEEN.append(f"decode {response.headers['x-queue']}")
    return openai_chat.decode_response(data, model)


def usage(data: Any, model: Any, *, response: Any) -> Any:
    SEEN.append(f"usage {response.headers['x-queue']}")
    return openai_chat.extract_usage(data, model)


def begin(model: Any, response: Any) -> Any:
    SEEN.append(f"begin {response.headers['x-queue']}")
    return openai_chat.init_stream_state(model)


def attach(pipeline: Any, provider: Any, model: Any, operation: str) -> Any:
    SEEN.append(f"attach {model.id} {operation}")
    return pipeline


EXTENDING: dict[str, Any] = {
    "decode_response": [
        lambda inherited, data, model: inherited(data, model),
        lambda inherited, data, model, response: inherited(data, model),
        lambda inherited, data, model, response: inherited(data, model, response=response),
    ],
    "extract_usage": [
        lambda inherited, data, model: inherited(data, model),
        lambda inherited, data, model, response: inherited(data, model),
        lambda inherited, data, model, response: inherited(data, model, response=response),
    ],
    "init_stream_state": [
        lambda inherited, model: inherited(model),
        lambda inherited, model, response: inherited(model),
        lambda inherited, model, response: inherited(model, response=response),
    ],
    "attach": [
        lambda inherited, pipeline, provider: inherited(pipeline, provider),
        lambda inherited, pipeline, provider, operation: inherited(pipeline, provider),
        lambda inherited, pipeline, provider, model: inherited(pipeline, provider, model=model),
    ],
    "attach_stream": [
        lambda inherited, pipeline, provider: inherited(pipeline, provider),
        lambda inherited, pipeline, provider, operation: inherited(pipeline, provider),
        lambda inherited, pipeline, provider, model: inherited(pipeline, provider, model=model),
    ],
}
OWN: dict[str, Any] = {
    "decode_response": decode,
    "extract_usage": usage,
    "init_stream_state": begin,
    "attach": attach,
}


@pytest.mark.parametrize("ask", [pytest.param(ask, id=way) for way, ask in WAYS.items()])
@pytest.mark.parametrize("declared", [OWN, {}], ids=["named", "unnamed"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (0,), (1,), (2,)], ids=str)
def test_arguments_by_name_pass_functions_without_them(
    ask: Ask, declared: dict[str, Any], order: tuple[int, ...]
) -> None:
    registry, url = Registry(), "https://acme.test/v1"
    registry.register(declare_provider("acme", wire=openai_chat, base_url=url, key_optional=True, **declared))
    layers = [override(**{name: extending(each[at]) for name, each in EXTENDING.items()}) for at in order]
    SEEN.clear()
    reply = ask({"registry": registry, "transport": httpx.MockTransport(server)}, "acme:m", "hi", overrides=layers)
    assert (reply.text, reply.warnings) == ("yes", ())
    read = ["begin b7"] if reply.raw is None else ["decode b7", "usage b7"]
    assert dict.fromkeys(SEEN) == dict.fromkeys(["attach m chat", *read] if declared else [])
