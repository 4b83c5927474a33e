"""OpenAI's chat completions, the format that most providers use. https://platform.openai.com/docs/api-reference/chat"""

from __future__ import annotations

from ...declare.object_support import ObjectSupport, lazy_dialect
from ...declare.wire import Wire
from ...history.shape import HistoryShape
from ..protocols import sse
from .encode import OPTIONS, accepts_part, build_body
from .side_fields import SIDE_FIELDS
from .stream import State, decode_response, decode_stream_event, extract_usage, flush_stream_state

openai_chat = Wire(
    name="openai_chat",
    path="/chat/completions",
    options=OPTIONS,
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    side_fields=SIDE_FIELDS,
    parse_stream_protocol=sse.parse,
    begins_stream=sse.begins,
    init_stream_state=lambda model: State(),
    decode_stream_event=decode_stream_event,
    flush_stream_state=flush_stream_state,
    accepts_part=accepts_part,
    history_shape=HistoryShape(result_media=False, blocks=frozenset(("system", "user"))),
    object_support=ObjectSupport(
        answers=lazy_dialect("wires.openai_chat.strict_dialect"),
        strict_tools=lazy_dialect("wires.openai_chat.strict_dialect"),
    ),
)
