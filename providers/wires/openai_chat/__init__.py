"""OpenAI's chat completions, the format that most providers speak. https://platform.openai.com/docs/api-reference/chat"""

from __future__ import annotations

from ...dsl.schemas import ObjectSupport, dialect
from ...dsl.wire import Wire
from ..protocols import sse
from .decode import decode_response, extract_usage, find_error
from .encode import OPTIONS, build_body, replays
from .side_fields import SIDE_FIELDS
from .stream import decode_stream_event, flush_stream_state, init_stream_state

openai_chat = Wire(
    name="openai_chat",
    path="/chat/completions",
    options=OPTIONS,
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    side_fields=SIDE_FIELDS,
    find_error=find_error,
    parse_stream_protocol=sse.parse,
    begins_stream=sse.begins,
    init_stream_state=init_stream_state,
    decode_stream_event=decode_stream_event,
    flush_stream_state=flush_stream_state,
    replays=replays,
    object_support=ObjectSupport(answers=dialect("openai_strict"), strict_tools=dialect("openai_strict")),
)
