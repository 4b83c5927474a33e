"""Counting tokens before sending. https://docs.claude.com/en/api/messages-count-tokens"""

from __future__ import annotations

from ...auth.auth import header_key
from ...declare.wire import Wire
from ..counting import count_in, counted_fields
from .encode import accepts_part, build_body, finalize_history

VERSION = "2023-06-01"
"""The API version: https://docs.claude.com/en/api/versioning"""
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
)
