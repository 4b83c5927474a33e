"""Counting tokens before sending. https://ai.google.dev/api/tokens"""

from __future__ import annotations

from typing import Any

from ....pipeline.request import Request
from ....schemas.model import Model
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...dsl.wire import Wire
from ..paths import segment
from .encode import build_body


def build_count_body(request: Request) -> dict[str, Any]:
    body = build_body(request)
    body.pop("generationConfig", None)
    return {"generateContentRequest": {"model": f"models/{request.model.id}", **body}}


def decode_count(data: Any, model: Model) -> Reply:
    return Reply(usage=Usage(input_tokens=data["totalTokens"]), finish_reason="stop")


google_count_tokens = Wire(
    name="google_count_tokens",
    operation="count_tokens",
    path=lambda request: f"/models/{segment(request.model.id)}:countTokens",
    options=frozenset(("tools",)),
    build_body=build_count_body,
    decode_response=decode_count,
)
