"""The functions of a declaration get more than they must take, under the names that they ask for."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from stepwell import AsyncClient, Client, errors, on_chunk
from stepwell.costs import Usage
from stepwell.declare import Provider, declare_provider, openai_chat, override
from stepwell.providers.declare.registry import Registry
from stepwell.providers.wires.openai_chat.samples import SAMPLES


def answer(request: httpx.Request) -> httpx.Response:
    stream = b'"stream":true' in request.content
    kind = "text/event-stream" if stream else "application/json"
    content = SAMPLES.text.stream if stream else SAMPLES.text.body
    return httpx.Response(200, headers={"x-tokens-out": "7", "content-type": kind}, content=content)


def settings(**facts: Any) -> dict[str, Any]:
    registry = Registry()
    registry.register(declare_provider("acme", wire=openai_chat, base_url="https://a.test", key_optional=True, **facts))
    return {"registry": registry, "transport": httpx.MockTransport(answer)}


def in_turn(data: Any, model: Any, response: Any) -> Any:
    return Usage(output_tokens=int(response.headers["x-tokens-out"]) + response.status)


def by_keyword(data: Any, model: Any, *, response: Any) -> Any:
    return in_turn(data, model, response)


def with_default(data: Any, model: Any, response: Any = None) -> Any:
    return in_turn(data, model, response)


class Method:
    def read(self, data: Any, model: Any, response: Any) -> Any:
        return in_turn(data, model, response)


READERS = {"in turn": in_turn, "by keyword": by_keyword, "with a default": with_default, "a method": Method().read}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_extract_usage_may_read_headers_and_status(reader: str, asynchronous: bool) -> None:
    how = settings(extract_usage=READERS[reader])
    if asynchronous:
        reply = asyncio.run(AsyncClient(**how).generate_text("acme:m", "hi"))
    else:
        reply = Client(**how).generate_text("acme:m", "hi")
    assert reply.usage.output_tokens == 207


def test_decode_response_may_read_headers_status_and_request() -> None:
    def decode(data: Any, model: Any, response: Any) -> Any:
        reply = openai_chat.decode_response(data, model)
        seen = (response.status, response.headers["x-tokens-out"], response.request.options["seed"])
        return reply.replace(metadata={"seen": seen})

    reply = Client(**settings(decode_response=decode)).generate_text("acme:m", "hi", seed=5)
    assert reply.metadata["seen"] == (200, "7", 5)


def test_the_state_of_a_stream_may_be_made_of_its_headers() -> None:
    seen: list[Any] = []

    def init(model: Any, response: Any) -> Any:
        seen.append((model.id, response.headers["x-tokens-out"]))
        return openai_chat.init_stream_state(model)

    reply = Client(**settings(init_stream_state=init)).stream_text("acme:m", "hi").reply()
    assert (seen, reply.text) == ([("m", "7")], SAMPLES.text.text)


@pytest.mark.parametrize("name", ["decode_response", "extract_usage"])
def test_a_third_parameter_of_another_name_is_refused_when_it_is_declared(name: str) -> None:
    with pytest.raises(errors.InvalidOption, match="called with 2 arguments, and by name response where it has them"):
        override(**{name: lambda data, model, headers: None})  # type: ignore[arg-type]


def test_a_third_parameter_with_a_default_and_another_name_is_left_alone() -> None:
    seen: list[Any] = []

    def extract(data: Any, model: Any, strict: bool = True) -> Any:
        seen.append(strict)

    Client(**settings(extract_usage=extract)).generate_text("acme:m", "hi")
    assert seen == [True]


@pytest.mark.parametrize("step", ["attach", "attach_stream"])
def test_attach_may_know_the_model_and_the_operation(step: str) -> None:
    seen: list[Any] = []

    def attach(pipeline: Any, provider: Provider, operation: str, model: Any) -> Any:
        seen.append((provider.id, str(model), operation))
        return pipeline

    client = Client(**settings(**{step: attach}))
    client.pipeline_for("acme:m", stream=step == "attach_stream")
    assert seen == [("acme", "acme:m", "chat")]


def test_attach_with_two_parameters_needs_no_more() -> None:
    assert "send" in Client(**settings(attach=lambda pipeline, provider: pipeline)).pipeline_for("acme:m")


class Counted:
    """Adds the number of the request's messages to the first text."""

    def __init__(self, request: Any) -> None:
        self.left = f"{len(request.context.messages)}:"

    def feed(self, chunks: Any) -> Any:
        for chunk in chunks:
            if chunk.type == "text":
                chunk.text, self.left = self.left + chunk.text, ""
        return chunks

    def flush(self) -> Any:
        return []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_stage_may_know_the_request(stream: bool) -> None:
    client = Client(**settings(), pipeline=on_chunk("counted", Counted))
    reply = client.stream_text("acme:m", "hi").reply() if stream else client.generate_text("acme:m", "hi")
    assert reply.text == f"1:{SAMPLES.text.text}"
