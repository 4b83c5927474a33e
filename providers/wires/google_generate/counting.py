"""Counting tokens before sending.

https://ai.google.dev/api/tokens, for Vertex
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ....pipeline.http.request import Request
from ....schemas.model import Model
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...auth.auth import header_key
from ...declare.wire import Wire
from .encode import accepts_part, build_body
from .paths import model_path

_COUNTED = ("contents", "systemInstruction", "tools")


def build_vertex_body(request: Request) -> dict[str, Any]:
    body = build_body(request)
    return {name: body[name] for name in _COUNTED if name in body}


def build_count_body(request: Request) -> dict[str, Any]:
    return {"generateContentRequest": {"model": model_path(request.model.id)[1:], **build_vertex_body(request)}}


def decode_count(data: Mapping[str, Any], model: Model) -> Reply:
    return Reply(usage=Usage(input_tokens=data["totalTokens"]), finish_reason="stop")


google_count_tokens = Wire(
    name="google_count_tokens",
    operation="count_tokens",
    history_format="google_generate",
    path=lambda request: f"{model_path(request.model.id)}:countTokens",
    auth=header_key("x-goog-api-key"),
    options=frozenset(("tools",)),
    build_body=build_count_body,
    accepts_part=accepts_part,
    decode_response=decode_count,
)
vertex_count_tokens = evolve(google_count_tokens, name="vertex_count_tokens", build_body=build_vertex_body)
