"""Counting tokens before sending. https://platform.openai.com/docs/api-reference/responses/input-tokens"""

from __future__ import annotations

from ...declare.wire import Wire
from ..counting import count_in, counted_fields
from .encode import build_body
from .items import accepts_part, finalize_history

_COUNTED = ("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text")

openai_count_tokens = Wire(
    name="openai_count_tokens",
    operation="count_tokens",
    path="/responses/input_tokens",
    options=frozenset(("tools", "tool_choice")),
    build_body=counted_fields(build_body, *_COUNTED),
    accepts_part=accepts_part,
    finalize_history=finalize_history,
    decode_response=count_in("input_tokens"),
)
