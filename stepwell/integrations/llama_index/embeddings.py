"""StepwellEmbedding: LlamaIndex's embeddings over any provider that has vectors."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr

from ...api import Client
from ...async_api import AsyncClient
from ...workflows.embed.embedder import Embedder
from ..common import default_model


class StepwellEmbedding(BaseEmbedding):
    """Vectors of texts and queries, from a model named `provider:model-id` (none: as in StepwellLLM).

    LlamaIndex hands over `embed_batch_size` texts at a time, 10 unless told; an Embedder does the rest. `cache=True` or
    a path keeps vectors. `options` are those of `stepwell.embed`.
    """

    model_name: str = Field(default_factory=default_model, alias="model")
    client: Client | None = Field(default=None, exclude=True)
    async_client: AsyncClient | None = Field(default=None, exclude=True)
    dimensions: int | None = None
    api_key: SecretStr | None = Field(default=None, exclude=True)
    cache: Any = Field(default=None, exclude=True)
    options: dict[str, Any] = Field(default_factory=dict)
    _embedder: Embedder = PrivateAttr()

    model_config = ConfigDict(populate_by_name=True, arbitrary_types_allowed=True, extra="forbid")

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        self._embedder = Embedder(
            self.model_name,
            cache=self.cache,
            client=self.client,
            async_client=self.async_client,
            dimensions=self.dimensions,
            api_key=self.api_key.get_secret_value() if self.api_key else None,
            **self.options,
        )

    @classmethod
    def class_name(cls) -> str:
        return "StepwellEmbedding"

    def _get_query_embedding(self, query: str) -> list[float]:
        return list(self._embedder.embed_query(query))

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return list(await self._embedder.aembed_query(query))

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [list(vector) for vector in self._embedder.embed_documents(texts)]

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [list(vector) for vector in await self._embedder.aembed_documents(texts)]
