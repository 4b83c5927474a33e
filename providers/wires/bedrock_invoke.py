"""Bedrock's invoke: a model's own format, streamed in frames of AWS's event stream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any

from attrs import evolve

from ...pipeline.http.request import Request
from ...pipeline.side_fields import Rules, kept_event
from ...schemas.chunks import StreamChunk
from ...schemas.json_text import JSONDecodeError, loads, loads_fast
from ...schemas.model import Model
from ..declare.event_errors import event_error
from ..declare.wire import Wire
from .anthropic_messages import anthropic_messages
from .anthropic_messages.encode import body_for
from .bedrock_converse.errors import find_error, stream_failure
from .openai_chat import openai_chat
from .paths import bedrock_path
from .protocols import aws_event_stream
from .protocols.aws_event_stream import AWSEvent

_PAYLOAD: Rules = {"bytes": str}


def _invoke_wire(wire: Wire, name: str, build_body: Callable[[Request], dict[str, Any]]) -> Wire:
    """Make the variant of a wire that goes through invoke."""
    decode = wire.stream_steps().decode_stream_event

    def decode_stream_event(event: AWSEvent, model: Model, state: Any) -> tuple[list[StreamChunk], Any]:
        if (error := stream_failure(event, model)) is not None:
            raise error
        try:
            payload = loads_fast(event[1])
        except JSONDecodeError:
            payload = loads(event[1])
        data = payload.get("bytes") if type(payload) is dict else None
        if type(data) is str:
            return decode(("", b64decode(data)), model, state)
        if (error := event_error(model, payload, body=event[1])) is not None:
            raise error
        return kept_event(payload, _PAYLOAD, model)[1], state

    return evolve(
        wire,
        name=name,
        history_format=wire.name,
        path=bedrock_path("invoke"),
        stream_path=bedrock_path("invoke-with-response-stream"),
        stream_accept=aws_event_stream.MEDIA_TYPE,
        build_body=build_body,
        find_error=find_error,
        parse_stream_protocol=aws_event_stream.parse,
        begins_stream=aws_event_stream.begins,
        decode_stream_event=decode_stream_event,
    )


bedrock_invoke_anthropic = _invoke_wire(anthropic_messages, "bedrock_invoke_anthropic", body_for("bedrock-2023-05-31"))
bedrock_invoke_openai = _invoke_wire(
    openai_chat,
    "bedrock_invoke_openai",
    lambda request: {
        name: value
        for name, value in openai_chat.build_body(request).items()
        if name not in ("stream", "stream_options")
    },
)
