"""Embeddings, in the format of each vendor.

https://platform.openai.com/docs/api-reference/embeddings, which Mistral, Voyage, Together, llama.cpp and most others
share; https://docs.cohere.com/reference/embed (version 2); https://docs.ollama.com/api/embed;
https://ai.google.dev/api/embeddings, and for Vertex's predict
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api; for Amazon's Titan and Nova
and Cohere's models through Bedrock's invoke
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from attrs import evolve

from ....pipeline.http.request import RAW_OPTIONS, Request
from ....pipeline.side_fields import Held, count
from ....schemas.errors import ConfigError
from ....schemas.model import Model
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.wire import Wire
from ..fields import given
from ..openai_chat.side_fields import USAGE
from ..openai_chat.usage import usage_of
from ..paths import bedrock_path, google_method_path, google_model_path
from .vectors import SIDE_FIELDS, indexed, input_usage, position, texts_of, vector, vectors_reply, whole_numbers

openai_embeddings = Wire(
    name="openai_embeddings",
    operation="embed",
    path="/embeddings",
    options=frozenset(("dimensions", "encoding_format", "user", "kind")),
    build_body=lambda request: _body(request, "input"),
    decode_response=lambda data, model, response: vectors_reply(
        indexed(data["data"], partial(vector, dtype=_asked(response.request, "output_dtype"))),
        model=data.get("model") or "",
    ),
    extract_usage=lambda data, model: input_usage(data.get("usage"), "prompt_tokens", "total_tokens"),
    side_fields={**SIDE_FIELDS, "data": Held([Held({"index": position})])},
)


def _asked(request: Request, name: str) -> Any:
    """Return an option of the provider's own; None for one that was not given."""
    return request.options.get(name, request.get(RAW_OPTIONS).get(name))


def in_base64(*wires: Wire) -> list[Wire]:
    """Return the wires of a server that sends vectors as base64 when asked: a third of the bytes, no digits to read.

    The caller's own `encoding_format` wins, and vectors of other numbers (`output_dtype`) are not asked for like this.
    An answer in numbers, of a server that does not know the field, is read as well.
    """
    return [evolve(wire, build_body=_base64_body) if wire is openai_embeddings else wire for wire in wires]


def _base64_body(request: Request) -> dict[str, Any]:
    body = _body(request, "input")
    return body if _asked(request, "output_dtype") else {"encoding_format": "base64", **body}


perplexity_embeddings = evolve(
    openai_embeddings,
    name="perplexity_embeddings",
    path="/v1/embeddings",
    options=frozenset(("dimensions", "kind")),
    decode_response=lambda data, model: vectors_reply(
        indexed(data["data"], whole_numbers), model=data.get("model") or ""
    ),
    # With the cost: https://docs.perplexity.ai/api-reference/embeddings-post
    extract_usage=lambda data, model: usage_of(data["usage"]) if data.get("usage") else None,
    side_fields={**openai_embeddings.side_fields, "usage": USAGE},
)
"""Vectors of whole numbers from -128 to 127, as base64: https://docs.perplexity.ai/docs/embeddings/best-practices.

Their length is not 1: compare them by the cosine.
"""

ollama_embeddings = Wire(
    name="ollama_embeddings",
    operation="embed",
    path="/api/embed",
    options=frozenset(("dimensions", "kind", "truncate")),
    build_body=lambda request: _body(request, "input"),
    decode_response=lambda data, model: vectors_reply(data["embeddings"], model=data.get("model") or ""),
    extract_usage=lambda data, model: _only(data.get("prompt_eval_count")),
    side_fields={"model": str, "prompt_eval_count": count},
)


def _body(request: Request, texts: str, **names: str) -> dict[str, Any]:
    """Build a body with the texts in the field `texts`, and the options under their `names`, without `kind`."""
    options = {names.get(name, name): value for name, value in request.options.items() if name != "kind"}
    return {"model": request.model.id, texts: texts_of(request), **options}


def _only(tokens: int | None) -> Usage | None:
    """Return the usage of an answer that has only this count."""
    return None if tokens is None else Usage(input_tokens=tokens)


_KINDS = {"query": "search_query", "document": "search_document"}


def _cohere_body(request: Request) -> dict[str, Any]:
    kind = request.options.get("kind", "document")
    asked = {"input_type": _KINDS.get(kind, kind), "embedding_types": ["float"]}
    return {**asked, **_body(request, "texts", dimensions="output_dimension")}


def _rows(data: Mapping[str, Any]) -> list[Any]:
    """Return the vectors of Cohere's answer. If it has a list for each type of number, floats come first."""
    rows = data["embeddings"]
    if isinstance(rows, dict):
        rows = rows.get("float") or next((each for each in rows.values() if each), None) or rows["float"]
    return [vector(row) if isinstance(row, str) else row for row in rows]


cohere_embeddings = Wire(
    name="cohere_embeddings",
    operation="embed",
    path="/embed",
    options=frozenset(("dimensions", "kind", "truncate")),
    build_body=_cohere_body,
    decode_response=lambda data, model: vectors_reply(_rows(data), id=data.get("id")),
    extract_usage=lambda data, model: input_usage((data.get("meta") or {}).get("billed_units"), "input_tokens"),
    side_fields=SIDE_FIELDS,
)


def _one(request: Request) -> str:
    texts = texts_of(request)
    if len(texts) > 1:
        raise ConfigError(f"{request.model} embeds one text a call", hint="use Embedder, which calls it for each")
    return texts[0]


def _nova(request: Request) -> dict[str, Any]:
    purpose = "GENERIC_RETRIEVAL" if request.options.get("kind") == "query" else "GENERIC_INDEX"
    text = {"truncationMode": "END", "value": _one(request)}
    params = {"embeddingPurpose": purpose, "text": text, **given(embeddingDimension=request.options.get("dimensions"))}
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}


# How a model's body is built, by a part of its id: invoke passes the model's own format through.
_BODIES: tuple[tuple[str, Callable[[Request], dict[str, Any]]], ...] = (
    (
        "amazon.titan-embed",
        lambda request: {"inputText": _one(request), **given(dimensions=request.options.get("dimensions"))},
    ),
    ("amazon.nova", _nova),
    (
        "cohere.embed",
        lambda request: {name: value for name, value in _cohere_body(request).items() if name != "model"},
    ),
)


def _bedrock_body(request: Request) -> dict[str, Any]:
    for part, build in _BODIES:
        if part in request.model.id:
            return build(request)
    raise ConfigError(f"no embedding body is known for {request.model}", hint="use a Titan, Nova or Cohere model")


def _decode_bedrock(data: Mapping[str, Any], model: Model) -> Reply:
    rows = [data["embedding"]] if "embedding" in data else _rows(data)
    return vectors_reply([row["embedding"] if isinstance(row, dict) else row for row in rows])


bedrock_embeddings = Wire(
    name="bedrock_embeddings",
    operation="embed",
    path=bedrock_path("invoke"),
    options=frozenset(("dimensions", "kind")),
    build_body=_bedrock_body,
    decode_response=_decode_bedrock,
    extract_usage=lambda data, model: _only(data.get("inputTextTokenCount")),
    side_fields={"inputTextTokenCount": count},
    # For bodies without a count, such as Cohere's.
    counted_in_headers={"input_tokens": "x-amzn-bedrock-input-token-count"},
)
_TASKS = {
    "query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "similarity": "SEMANTIC_SIMILARITY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}


def _task(request: Request) -> str | None:
    """Return what the vectors are for, under the vendor's name; None for a call that does not say."""
    kind = request.options.get("kind")
    return _TASKS.get(kind, kind) if kind else None


def _google_content(request: Request, text: str) -> dict[str, Any]:
    asked = given(taskType=_task(request), outputDimensionality=request.options.get("dimensions"))
    return {**asked, "content": {"parts": [{"text": text}]}}


def _google_body(request: Request) -> dict[str, Any]:
    model = google_model_path(request.model.id)[1:]
    return {"requests": [{"model": model, **_google_content(request, text)} for text in texts_of(request)]}


google_embeddings = Wire(
    name="google_embeddings",
    operation="embed",
    path=google_method_path("batchEmbedContents"),
    options=frozenset(("dimensions", "kind")),
    build_body=_google_body,
    decode_response=lambda data, model: vectors_reply([row["values"] for row in data["embeddings"]]),
    extract_usage=lambda data, model: input_usage(data.get("usageMetadata"), "promptTokenCount"),
    side_fields={"usageMetadata": {"promptTokenCount": count}},
)


# From Gemini Embedding 2 on, Vertex takes one content a call:
# https://docs.cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.publishers.models/embedContent
vertex_embed_content = evolve(
    google_embeddings,
    name="vertex_embed_content",
    path=google_method_path("embedContent"),
    build_body=lambda request: _google_content(request, _one(request)),
    decode_response=lambda data, model: vectors_reply([data["embedding"]["values"]]),
)


def _predict_body(request: Request) -> dict[str, Any]:
    task = given(task_type=_task(request))
    parameters = given(outputDimensionality=request.options.get("dimensions"))
    return given(instances=[{"content": text, **task} for text in texts_of(request)], parameters=parameters or None)


def _predicted_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    counts = [(row["embeddings"].get("statistics") or {}).get("token_count") for row in data["predictions"]]
    known = [count for count in counts if count is not None]
    return Usage(input_tokens=sum(known), raw=data.get("metadata") or {}) if len(known) == len(counts) else None


vertex_predict_embeddings = Wire(
    name="vertex_predict_embeddings",
    operation="embed",
    path=google_method_path("predict"),
    options=frozenset(("dimensions", "kind")),
    build_body=_predict_body,
    decode_response=lambda data, model: vectors_reply([row["embeddings"]["values"] for row in data["predictions"]]),
    extract_usage=_predicted_usage,
    side_fields={
        "metadata": dict,
        "predictions": Held([Held({"embeddings": Held({"statistics": {"token_count": count}})})]),
    },
)
