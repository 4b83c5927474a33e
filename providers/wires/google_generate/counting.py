"""Counting tokens before sending.

https://ai.google.dev/api/tokens, for Vertex
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ....pipeline.http.request import Request
from ...auth.auth import header_key
from ...declare.wire import Wire
from ..counting import count_in, counted_fields
from .encode import accepts_part, build_body
from .paths import model_path

_counted = counted_fields(build_body, "contents", "systemInstruction", "tools")


def build_count_body(request: Request) -> dict[str, Any]:
    return {"generateContentRequest": {"model": model_path(request.model.id)[1:], **_counted(request)}}


google_count_tokens = Wire(
    name="google_count_tokens",
    operation="count_tokens",
    history_format="google_generate",
    path=lambda request: f"{model_path(request.model.id)}:countTokens",
    auth=header_key("x-goog-api-key"),
    options=frozenset(("tools",)),
    build_body=build_count_body,
    accepts_part=accepts_part,
    decode_response=count_in("totalTokens"),
)
vertex_count_tokens = evolve(google_count_tokens, name="vertex_count_tokens", build_body=_counted)
