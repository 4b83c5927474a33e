"""Google's embeddings: the Gemini API's batchEmbedContents and Vertex's predict.

https://ai.google.dev/api/embeddings,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....pipeline.http.request import Request
from ....pipeline.side_fields import Held, Rules, count
from ....schemas.model import Model
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.wire import Wire
from ..google_generate.side_fields import USAGE
from ..paths import segment
from .vectors import texts_of, vectors_reply

_TASKS = {
    "query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "similarity": "SEMANTIC_SIMILARITY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
_OPTIONS = frozenset(("dimensions", "kind"))


def build_body(request: Request) -> dict[str, Any]:
    shared: dict[str, Any] = {"model": f"models/{request.model.id}"}
    if kind := request.options.get("kind"):
        shared["taskType"] = _TASKS[kind]
    if dimensions := request.options.get("dimensions"):
        shared["outputDimensionality"] = dimensions
    return {"requests": [{**shared, "content": {"parts": [{"text": text}]}} for text in texts_of(request)]}


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    return vectors_reply([row["values"] for row in data["embeddings"]])


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = data.get("usageMetadata")
    return Usage(input_tokens=raw.get("promptTokenCount"), raw=raw) if raw else None


google_embeddings = Wire(
    name="google_embeddings",
    operation="embed",
    path=lambda request: f"/models/{segment(request.model.id)}:batchEmbedContents",
    options=_OPTIONS,
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    side_fields={"usageMetadata": USAGE},
)


def build_predict_body(request: Request) -> dict[str, Any]:
    task = _TASKS.get(request.options.get("kind", ""))
    extra = {"task_type": task} if task else {}
    body: dict[str, Any] = {"instances": [{"content": text, **extra} for text in texts_of(request)]}
    if dimensions := request.options.get("dimensions"):
        body["parameters"] = {"outputDimensionality": dimensions}
    return body


def decode_prediction(data: Mapping[str, Any], model: Model) -> Reply:
    return vectors_reply([row["embeddings"]["values"] for row in data["predictions"]])


def extract_predicted_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    counts = [(row["embeddings"].get("statistics") or {}).get("token_count") for row in data["predictions"]]
    known = [count for count in counts if count is not None]
    return Usage(input_tokens=sum(known), raw=data.get("metadata") or {}) if len(known) == len(counts) else None


_PREDICTED: Rules = {
    "metadata": dict,
    "predictions": Held([Held({"embeddings": Held({"statistics": {"token_count": count}})})]),
}
vertex_predict_embeddings = Wire(
    name="vertex_predict_embeddings",
    operation="embed",
    path=lambda request: f"/models/{segment(request.model.id)}:predict",
    options=_OPTIONS,
    build_body=build_predict_body,
    decode_response=decode_prediction,
    extract_usage=extract_predicted_usage,
    side_fields=_PREDICTED,
)
