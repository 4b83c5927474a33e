"""Cohere's chat, version 2. https://docs.cohere.com/reference/chat"""

from __future__ import annotations

from ...dsl.schemas import ObjectSupport
from ...dsl.wire import Wire
from ..protocols import sse
from .decode import decode_response, extract_usage
from .encode import OPTIONS, build_body, replays
from .side_fields import SIDE_FIELDS
from .stream import decode_stream_event, flush_stream_state, init_stream_state

cohere_chat = Wire(
    name="cohere_chat",
    path="/chat",
    options=OPTIONS,
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    side_fields=SIDE_FIELDS,
    parse_stream_protocol=sse.parse,
    begins_stream=sse.begins,
    init_stream_state=init_stream_state,
    decode_stream_event=decode_stream_event,
    flush_stream_state=flush_stream_state,
    replays=replays,
    object_support=ObjectSupport(modes=("json_schema", "tool", "json", "prompt"), sure=True),
)
