"""Cohere's embeddings, version 2. https://docs.cohere.com/reference/embed"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.model import Model
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.wire import Wire
from .vectors import SIDE_FIELDS, texts_of, vectors_reply

_KINDS = {"query": "search_query", "document": "search_document"}


def build_body(request: Request) -> dict[str, Any]:
    options = dict(request.options)
    kind = options.pop("kind", "document")
    body = {"model": request.model.id, "texts": texts_of(request), "input_type": _KINDS.get(kind, kind)}
    if "dimensions" in options:
        body["output_dimension"] = options.pop("dimensions")
    return {**body, "embedding_types": ["float"], **options}


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    vectors = data["embeddings"]
    return vectors_reply(vectors["float"] if isinstance(vectors, dict) else vectors, id=data.get("id"))


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = (data.get("meta") or {}).get("billed_units") or {}
    count = raw.get("input_tokens")
    return None if count is None else Usage(input_tokens=count, raw=raw)


cohere_embeddings = Wire(
    name="cohere_embeddings",
    operation="embed",
    path="/embed",
    options=frozenset(("dimensions", "kind", "truncate")),
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    side_fields=SIDE_FIELDS,
)
