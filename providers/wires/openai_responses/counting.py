"""Counting tokens before sending. https://platform.openai.com/docs/api-reference/responses/input-tokens"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.model import Model
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.wire import Wire
from .encode import build_body
from .items import accepts_part, finalize_history

_COUNTED = ("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text")


def build_count_body(request: Request) -> dict[str, Any]:
    body = build_body(request)
    return {name: body[name] for name in _COUNTED if name in body}


def decode_count(data: Mapping[str, Any], model: Model) -> Reply:
    return Reply(usage=Usage(input_tokens=data["input_tokens"]), finish_reason="stop")


openai_count_tokens = Wire(
    name="openai_count_tokens",
    operation="count_tokens",
    path="/responses/input_tokens",
    options=frozenset(("tools", "tool_choice")),
    build_body=build_count_body,
    accepts_part=accepts_part,
    finalize_history=finalize_history,
    decode_response=decode_count,
)
