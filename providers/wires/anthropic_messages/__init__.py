"""Anthropic's messages, and the counting of tokens before one is sent.

https://docs.claude.com/en/api/messages, https://docs.claude.com/en/api/messages-count-tokens
"""

from __future__ import annotations

from ...auth.auth import header_key
from ...declare.object_support import ObjectSupport, lazy_dialect
from ...declare.wire import Wire
from ..counting import count_in, counted_fields
from ..protocols import sse
from .encode import HISTORY_SHAPE, OPTIONS, accepts_part, build_body, finalize_history
from .side_fields import SIDE_FIELDS
from .stream import State, decode_response, decode_stream_event, extract_usage, flush_stream_state

VERSION = "2023-06-01"
"""The API version: https://docs.claude.com/en/api/versioning"""

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
    history_shape=HISTORY_SHAPE,
    finalize_history=finalize_history,
    object_support=ObjectSupport(
        modes=("json_schema", "strict_tool", "tool", "prompt"),
        answers=lazy_dialect("wires.anthropic_messages.dialect"),
        strict_tools=lazy_dialect("wires.anthropic_messages.dialect", "to_strict_tool_dialect"),
        tools=lazy_dialect("wires.anthropic_messages.dialect", "to_tool_dialect"),
        always_enforced=True,
    ),
)

build_count_body = counted_fields(build_body, "model", "messages", "system", "tools", "tool_choice", "thinking")
anthropic_count_tokens = Wire(
    name="anthropic_count_tokens",
    operation="count_tokens",
    history_format="anthropic_messages",
    path="/messages/count_tokens",
    headers={"anthropic-version": VERSION},
    auth=header_key("x-api-key"),
    options=frozenset(("tools", "tool_choice")),
    build_body=build_count_body,
    accepts_part=accepts_part,
    finalize_history=finalize_history,
    decode_response=count_in("input_tokens"),
    object_support=anthropic_messages.object_support,
)
