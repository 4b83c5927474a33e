"""Streams of any operation whose wire declares how to read one: by a client, by a workflow, and refused otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import stepwell
from stepwell import Reply, assistant
from stepwell.chunks import Finish, StreamChunk, TextDelta
from stepwell.declare import Wire, declare_provider, openai_chat
from stepwell.errors import NotSupported
from stepwell.providers.declare.registry import Registry
from stepwell.steps import CallModel, Flow

from every_way import whole


def lines(data: bytes, rest: bytes) -> tuple[list[bytes], bytes]:
    """Split a stream at line ends; b"" is its end."""
    *events, rest = (rest + data).split(b"\n")
    return events, rest


def decode_line(line: bytes, model: Any, state: Any) -> tuple[list[StreamChunk], Any]:
    return [Finish("stop") if line == b"END" else TextDelta(line.decode())], state


SUMMARISE = Wire(
    name="acme_summarise",
    operation="summarise",
    path="/summarise",
    options=frozenset({"length"}),
    build_body=lambda request: {"text": request.input, "stream": request.stream, **request.options},
    decode_response=lambda data, model: Reply(assistant(data["summary"]), "stop"),
    parse_stream_protocol=lines,
    init_stream_state=lambda model: b"",
    decode_stream_event=decode_line,
)
UNSTREAMED = Wire(
    name="acme_translate",
    operation="translate",
    path="/translate",
    options=frozenset({"length"}),
    build_body=lambda request: {"text": request.input},
    decode_response=lambda data, model: Reply(assistant("x"), "stop"),
)
PROVIDER = declare_provider(
    "acme", wire=[openai_chat, SUMMARISE, UNSTREAMED], base_url="https://acme.test/v1", key_optional=True
)


def serve(request: httpx.Request) -> httpx.Response:
    assert request.url.path == "/v1/summarise"
    assert request.content == b'{"text":"a long text","stream":true,"length":2}'
    return httpx.Response(200, content=b"in \nshort\nEND\n")


def settings(handler: Callable[[httpx.Request], httpx.Response] = serve) -> dict[str, Any]:
    registry = Registry()
    registry.register(PROVIDER)
    return {"transport": httpx.MockTransport(handler), "registry": registry}


def streamed(operation: str) -> Reply[Any]:
    with stepwell.Client(**settings()) as client:
        return client.stream(operation, "acme:m", "a long text", length=2).reply()


def astreamed(operation: str) -> Reply[Any]:
    async def call() -> Reply[Any]:
        async with stepwell.AsyncClient(**settings()) as client:
            return await client.stream(operation, "acme:m", "a long text", length=2).reply()

    return asyncio.run(call())


def in_a_workflow(operation: str) -> Reply[Any]:
    def flow() -> Flow:
        reader = yield CallModel("acme:m", "a long text", {"length": 2}, operation=operation, stream=True)
        while (yield from reader.next()) is not None:
            pass
        return reader.whole_reply()

    with stepwell.Client(**settings()) as client:
        reply: Reply[Any] = client.run_workflow(flow())
        return reply


@pytest.mark.parametrize("call", [streamed, astreamed, in_a_workflow])
def test_an_operation_of_ones_own_is_streamed(call: Callable[[str], Reply[Any]]) -> None:
    assert call("summarise").text == "in short"


@pytest.mark.parametrize("call", [streamed, astreamed, in_a_workflow])
@pytest.mark.parametrize(
    ("operation", "says"),
    [("translate", "the acme_translate format does not stream"), ("embed", "acme does not offer embed; it offers ")],
)
def test_what_does_not_stream_is_refused_in_words(call: Callable[[str], Reply[Any]], operation: str, says: str) -> None:
    with pytest.raises(NotSupported, match=says):
        call(operation)


def test_its_pieces_are_read_as_they_come() -> None:
    with stepwell.Client(**settings()) as client:
        pieces = client.stream("summarise", "acme:m", "a long text", length=2).text_deltas()
        assert list(pieces) == ["in ", "short"]


def test_chat_is_an_operation_like_the_others() -> None:
    with stepwell.Client(**settings(lambda request: httpx.Response(200, content=whole("hi")))) as client:
        assert client.stream("chat", "acme:m", "hello").reply().text == "hi"
