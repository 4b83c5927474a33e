"""The events of the wires' sample streams as they are sent, and the outcome of any answer."""

from __future__ import annotations

from typing import Any

import httpx

from stepwell.providers.wires.protocols import aws_event_stream
from stepwell.schemas import errors
from stepwell.testing.conformance import samples_of

from every_way import WAYS
from odd_fields import KEYS, SPEAKERS, speaker


def pieces(name: str) -> list[bytes]:
    """Split the wire's sample stream into its events as they are sent."""
    stream = samples_of(speaker(name)).text.stream
    if name == "bedrock_converse":
        frames, _ = aws_event_stream.parse(stream, b"")
        return [aws_event_stream.encode(headers, payload) for headers, payload in frames]
    end = b"\n" if name == "ollama_chat" else b"\n\n"
    return [piece + end for piece in stream.replace(b"\r\n", b"\n").split(end) if piece]


def framed(name: str, data: bytes) -> bytes:
    """Put one more event into the form of the wire's stream."""
    if name == "bedrock_converse":
        headers = {":message-type": "event", ":event-type": "odd", ":content-type": "application/json"}
        return aws_event_stream.encode(headers, data)
    return data + b"\n" if name == "ollama_chat" else b"data: " + data + b"\n\n"


def ask(name: str, body: bytes, way: str, kind: str = "application/json", status: int = 200) -> Any:
    """Return the reply or the error of one call."""
    headers = {"content-type": kind, "x-request-id": "q1"}
    transport = httpx.MockTransport(lambda request: httpx.Response(status, content=body, headers=headers))
    settings = {"transport": transport, "api_keys": KEYS, "retries": 0}
    try:
        return WAYS[way](settings, f"{SPEAKERS[name]}:m", "hi", wire=name)
    except errors.StepwellError as error:
        return error
