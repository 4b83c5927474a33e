"""Counting tokens before sending. https://docs.claude.com/en/api/messages-count-tokens"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.model import Model
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...auth.auth import header_key
from ...declare.wire import Wire
from .encode import accepts_part, build_body, finalize_history

VERSION = "2023-06-01"
"""The API version: https://docs.claude.com/en/api/versioning"""
_COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking")


def build_count_body(request: Request) -> dict[str, Any]:
    body = build_body(request)
    return {name: body[name] for name in _COUNTED if name in body}


def decode_count(data: Mapping[str, Any], model: Model) -> Reply:
    return Reply(usage=Usage(input_tokens=data["input_tokens"]), finish_reason="stop")


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
    decode_response=decode_count,
)
