"""Anthropic's messages. https://docs.claude.com/en/api/messages"""

from __future__ import annotations

from ...auth.auth import header_key
from ...declare.object_support import ObjectSupport, lazy_dialect
from ...declare.wire import Wire
from ..protocols import sse
from .counting import VERSION, anthropic_count_tokens
from .encode import OPTIONS, accepts_part, build_body, finalize_history
from .side_fields import SIDE_FIELDS
from .stream import State, decode_response, decode_stream_event, extract_usage, flush_stream_state

anthropic_messages = Wire(
    name="anthropic_messages",
    path="/messages",
    headers={"anthropic-version": VERSION},
    auth=header_key("x-api-key"),
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
    finalize_history=finalize_history,
    object_support=ObjectSupport(
        modes=("json_schema", "strict_tool", "tool", "prompt"),
        answers=lazy_dialect("wires.anthropic_messages.dialect"),
        strict_tools=lazy_dialect("wires.anthropic_messages.dialect"),
        always_enforced=True,
    ),
)

__all__ = ["anthropic_count_tokens", "anthropic_messages"]
