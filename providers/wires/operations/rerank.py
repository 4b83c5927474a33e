"""Ranking documents by a query, in the format of Cohere, Jina, Voyage and llama.cpp.

https://docs.cohere.com/reference/rerank, https://docs.voyageai.com/reference/reranker-api, https://jina.ai/reranker
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....pipeline.http.request import Request
from ....pipeline.side_fields import Held, Some, Whole
from ....schemas.errors import ConfigError
from ....schemas.model import Model
from ....schemas.reply import Ranked, Reply
from ....schemas.usage import Usage
from ...declare.wire import Wire
from .vectors import SIDE_FIELDS, input_usage, position


def build_body(request: Request) -> dict[str, Any]:
    """Build the body from `request.input`, {"query": str, "documents": [str]}. Raises ConfigError for anything else."""
    given = request.input
    if not isinstance(given, Mapping) or not given.get("query") or not given.get("documents"):
        raise ConfigError("ranking needs a query and documents", hint="rerank(model, query, documents)")
    documents = given["documents"]
    if isinstance(documents, str | Mapping):
        what = "one text" if isinstance(documents, str) else f"a {type(documents).__name__}"
        raise ConfigError(f"the documents to rank are {what}", hint="pass a list of texts")
    for at, document in enumerate(documents := list(documents)):
        if not isinstance(document, str | Mapping):  # some servers rank images, which are objects
            raise ConfigError(f"document {at} to rank is a {type(document).__name__}", hint="pass a list of texts")
    return {
        "model": request.model.id,
        "query": given["query"],
        "documents": documents,
        **request.options,
    }


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    rows = data["results"] if data.get("results") is not None else data["data"]
    ranking = [Ranked(row["index"], float(row["relevance_score"])) for row in rows]
    return Reply(object=sorted(ranking, key=lambda row: -row.score), id=data.get("id"), finish_reason="stop")


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    meta = data.get("meta") or {}
    raw = data.get("usage") or meta.get("tokens") or meta.get("billed_units")
    return input_usage(raw, "total_tokens", "input_tokens", "prompt_tokens")


_RANKS = Held(
    Some(Whole({"index": position, "relevance_score": (int, float, str)}, needs=("index", "relevance_score")))
)
rerank = Wire(
    name="rerank",
    operation="rerank",
    path="/rerank",
    options=frozenset(("top_n", "max_tokens_per_doc")),
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    side_fields={**SIDE_FIELDS, "results": _RANKS, "data": _RANKS},
)
