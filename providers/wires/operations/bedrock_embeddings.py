"""Embeddings through Bedrock's invoke: Amazon's Titan and Nova, and Cohere's models.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....pipeline.http.request import Request
from ....pipeline.side_fields import count
from ....schemas.errors import ConfigError
from ....schemas.model import Model
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.wire import Wire
from ..paths import segment
from .cohere_embeddings import build_body as cohere_body
from .vectors import texts_of, vectors_reply

_PURPOSES = {"query": "GENERIC_RETRIEVAL", "document": "GENERIC_INDEX"}


def _one(request: Request) -> str:
    texts = texts_of(request)
    if len(texts) > 1:
        raise ConfigError(f"{request.model} embeds one text a call", hint="use Embedder, which calls it for each")
    return texts[0]


def _titan(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {"inputText": _one(request)}
    if "dimensions" in request.options:
        body["dimensions"] = request.options["dimensions"]
    return body


def _nova(request: Request) -> dict[str, Any]:
    purpose = _PURPOSES.get(request.options.get("kind", "document"), "GENERIC_INDEX")
    params: dict[str, Any] = {"embeddingPurpose": purpose, "text": {"truncationMode": "END", "value": _one(request)}}
    if "dimensions" in request.options:
        params["embeddingDimension"] = request.options["dimensions"]
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}


def _cohere(request: Request) -> dict[str, Any]:
    body = cohere_body(request)
    del body["model"]
    return body


# How a model's body is built, by a part of its id: invoke passes the model's own format through.
_BODIES: tuple[tuple[str, Callable[[Request], dict[str, Any]]], ...] = (
    ("amazon.titan-embed", _titan),
    ("amazon.nova", _nova),
    ("cohere.embed", _cohere),
)


def build_body(request: Request) -> dict[str, Any]:
    for part, build in _BODIES:
        if part in request.model.id:
            return build(request)
    raise ConfigError(f"no embedding body is known for {request.model}", hint="use a Titan, Nova or Cohere model")


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    if "embedding" in data:
        return vectors_reply([data["embedding"]])
    rows = data["embeddings"]
    if isinstance(rows, dict):
        rows = rows["float"]
    return vectors_reply([row["embedding"] if isinstance(row, dict) else row for row in rows])


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    tokens = data.get("inputTextTokenCount")
    return None if tokens is None else Usage(input_tokens=tokens)


bedrock_embeddings = Wire(
    name="bedrock_embeddings",
    operation="embed",
    path=lambda request: f"/model/{segment(request.model.id, safe='')}/invoke",
    options=frozenset(("dimensions", "kind")),
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    side_fields={"inputTextTokenCount": count},
    # For bodies without a count, such as Cohere's.
    counted_in_headers={"input_tokens": "x-amzn-bedrock-input-token-count"},
)
