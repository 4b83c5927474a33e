"""Embeddings in OpenAI's format, which Mistral, Voyage, Together, llama.cpp and most others share.

https://platform.openai.com/docs/api-reference/embeddings, https://docs.voyageai.com/reference/embeddings-api
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.model import Model
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.wire import Wire
from .vectors import SIDE_FIELDS, indexed, texts_of, vectors_reply


def build_body(request: Request) -> dict[str, Any]:
    options = dict(request.options)
    options.pop("kind", None)
    return {"model": request.model.id, "input": texts_of(request), **options}


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    return vectors_reply(indexed(data["data"]), model=data.get("model") or "")


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = data.get("usage") or {}
    count = raw.get("prompt_tokens")
    if count is None:
        count = raw.get("total_tokens")
    return None if count is None else Usage(input_tokens=count, raw=raw)


openai_embeddings = Wire(
    name="openai_embeddings",
    operation="embed",
    path="/embeddings",
    options=frozenset(("dimensions", "encoding_format", "user", "kind")),
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    side_fields=SIDE_FIELDS,
)
