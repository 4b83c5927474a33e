"""StepwellEmbedding: LlamaIndex's embeddings over any provider that has vectors."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import ConfigDict, Field

from ...client import AsyncClient, Client
from ..common import asynchronous_client, default_model, sync_client

Vectors = list[list[float]]


class StepwellEmbedding(BaseEmbedding):
    """Vectors of texts and queries, from a model named `provider:model-id` (none: as in StepwellLLM).

    `embed_batch_size` texts, 10 unless told, go into one request. `options` are those of `stepwell.embed`.
    """

    model_name: str = Field(default_factory=default_model, alias="model")
    client: Client | None = Field(default=None, exclude=True)
    async_client: AsyncClient | None = Field(default=None, exclude=True)
    dimensions: int | None = None
    options: dict[str, Any] = Field(default_factory=dict)

    model_config = ConfigDict(populate_by_name=True, arbitrary_types_allowed=True, extra="forbid")

    @classmethod
    def class_name(cls) -> str:
        return "StepwellEmbedding"

    def _embed(self, texts: list[str], kind: str) -> Vectors:
        client = sync_client(self.client, self.async_client)
        return client.embed(self.model_name, texts, **self._options(kind)).embeddings

    async def _aembed(self, texts: list[str], kind: str) -> Vectors:
        client = asynchronous_client(self.client, self.async_client)
        return (await client.embed(self.model_name, texts, **self._options(kind))).embeddings

    def _options(self, kind: str) -> dict[str, Any]:
        return {"kind": kind, **({"dimensions": self.dimensions} if self.dimensions else {}), **self.options}

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embed([query], "query")[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return (await self._aembed([query], "query"))[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embed([text], "document")[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aembed([text], "document"))[0]

    def _get_text_embeddings(self, texts: list[str]) -> Vectors:
        return self._embed(texts, "document")

    async def _aget_text_embeddings(self, texts: list[str]) -> Vectors:
        return await self._aembed(texts, "document")
