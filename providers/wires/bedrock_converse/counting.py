"""Counting tokens before sending.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.model import Model
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.wire import Wire
from ..paths import segment
from .encode import accepts_part, build_body, finalize_history
from .errors import find_error

_COUNTED = ("messages", "system", "toolConfig", "additionalModelRequestFields")


def build_count_body(request: Request) -> dict[str, Any]:
    body = build_body(request)
    return {"input": {"converse": {name: body[name] for name in _COUNTED if name in body}}}


def decode_count(data: Mapping[str, Any], model: Model) -> Reply:
    return Reply(usage=Usage(input_tokens=data["inputTokens"]), finish_reason="stop")


bedrock_count_tokens = Wire(
    name="bedrock_count_tokens",
    operation="count_tokens",
    history_format="bedrock_converse",
    path=lambda request: f"/model/{segment(request.model.id, safe='')}/count-tokens",
    options=frozenset(("tools", "tool_choice")),
    build_body=build_count_body,
    accepts_part=accepts_part,
    finalize_history=finalize_history,
    decode_response=decode_count,
    find_error=find_error,
)
