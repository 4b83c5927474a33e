"""Cohere's chat, version 2. https://docs.cohere.com/reference/chat"""

from __future__ import annotations

from ...declare.object_support import ObjectSupport, lazy_dialect
from ...declare.wire import Wire
from ...history.shape import HistoryShape
from ..protocols import sse
from .encode import OPTIONS, accepts_part, build_body, finalize_history
from .side_fields import SIDE_FIELDS
from .stream import State, decode_response, decode_stream_event, extract_usage, flush_stream_state

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
    init_stream_state=lambda model: State(model),
    decode_stream_event=decode_stream_event,
    flush_stream_state=flush_stream_state,
    accepts_part=accepts_part,
    finalize_history=finalize_history,
    history_shape=HistoryShape(
        speakers=frozenset(),
        empty=frozenset(("system", "user", "assistant")),
        details=False,
        result_media=False,
        empty_results=False,
        blocks=frozenset(("assistant",)),
    ),
    object_support=ObjectSupport(
        modes=("json_schema", "tool", "json", "prompt"),
        answers=lazy_dialect("wires.cohere_chat.dialect"),
        strict_tools=lazy_dialect("wires.cohere_chat.dialect"),
        always_enforced=True,
        sure=True,
    ),
)
