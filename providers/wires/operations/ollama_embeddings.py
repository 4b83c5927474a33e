"""Ollama's own embeddings. https://docs.ollama.com/api/embed"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....pipeline.http.request import Request
from ....pipeline.side_fields import count
from ....schemas.model import Model
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.wire import Wire
from .vectors import texts_of, vectors_reply


def build_body(request: Request) -> dict[str, Any]:
    options = {name: value for name, value in request.options.items() if name != "kind"}
    return {"model": request.model.id, "input": texts_of(request), **options}


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    return vectors_reply(data["embeddings"], model=data.get("model") or "")


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    tokens = data.get("prompt_eval_count")
    return None if tokens is None else Usage(input_tokens=tokens)


ollama_embeddings = Wire(
    name="ollama_embeddings",
    operation="embed",
    path="/api/embed",
    options=frozenset(("dimensions", "kind", "truncate")),
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    side_fields={"model": str, "prompt_eval_count": count},
)
