"""The last chunk of a tool call is the whole call, on every wire, for readers and for stages."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import httpx
import pytest

from stepwell import Client, Tool, on_chunk
from stepwell.chunks import ToolCallEnd
from stepwell.providers import WIRES
from stepwell.providers.declare.provider import declare_provider
from stepwell.providers.declare.registry import Registry
from stepwell.schemas.reply_chunks import chunks_of

TOOL = Tool("look_up", "What is known of it.", {"type": "object"})


def samples_of(wire: str) -> Any:
    return import_module(f"stepwell.providers.wires.{wire}.samples").SAMPLES


def client_of(wire: str, **settings: Any) -> Client:
    registry = Registry()
    format = getattr(import_module(f"stepwell.providers.wires.{wire}"), wire)
    registry.register(declare_provider("p", wire=format, base_url="https://p.test", key_optional=True))
    body = samples_of(wire).tools
    answer = httpx.Response(200, content=body.stream, headers={"content-type": body.stream_type})
    return Client(registry=registry, transport=httpx.MockTransport(lambda request: answer), **settings)


def call_of(end: ToolCallEnd) -> tuple[str, str, str]:
    return end.id, end.name, end.arguments_json


@pytest.mark.parametrize("wire", sorted(WIRES))
def test_a_reader_of_the_stream_gets_the_whole_call(wire: str) -> None:
    stream = client_of(wire).stream_text("p:m", "hi", tools=[TOOL])
    ends = [call_of(chunk) for chunk in stream if isinstance(chunk, ToolCallEnd)]
    calls = [(call.id, call.name, call.arguments_json) for call in stream.reply().tool_calls]
    assert ends == calls and calls


@pytest.mark.parametrize("wire", sorted(WIRES))
def test_a_step_gets_the_whole_call(wire: str) -> None:
    seen: list[tuple[str, str, str]] = []

    def look(chunk: Any) -> None:
        if isinstance(chunk, ToolCallEnd):
            seen.append(call_of(chunk))

    reply = client_of(wire, pipeline=on_chunk("look", look)).stream_text("p:m", "hi", tools=[TOOL]).reply()
    assert seen == [(call.id, call.name, call.arguments_json) for call in reply.tool_calls]


@pytest.mark.parametrize("wire", sorted(WIRES))
def test_a_stored_answer_is_streamed_with_whole_calls(wire: str) -> None:
    reply = client_of(wire).stream_text("p:m", "hi", tools=[TOOL]).reply()
    ends = [call_of(chunk) for chunk in chunks_of(reply) if isinstance(chunk, ToolCallEnd)]
    assert ends == [(call.id, call.name, call.arguments_json) for call in reply.tool_calls]
