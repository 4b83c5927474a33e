"""StepwellEmbedding: LlamaIndex embeddings for every provider of stepwell that has them."""

from __future__ import annotations

from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import ConfigDict, Field

from ...workflows.embed.embedder import Embedder
from ..credentials import ApiKey, revealed_key
from ..fields import EmbedderFields, default_model


class StepwellEmbedding(EmbedderFields, BaseEmbedding):
    """Vectors of texts and queries, computed by an Embedder, `embed_batch_size` texts at a time (LlamaIndex: 10)."""

    model_name: str = Field(default_factory=default_model, alias="model")
    """`provider:model-id`; by default `STEPWELL_MODEL`, else the local model."""
    api_key: ApiKey = Field(default=None, exclude=True)

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    def model_post_init(self, context: object) -> None:
        """Create the Embedder."""
        super().model_post_init(context)
        self._embedder = Embedder(
            self.model_name,
            cache=self.cache,
            client=self.client,
            async_client=self.async_client,
            dimensions=self.dimensions,
            api_key=revealed_key(self.api_key),
            **self.options,
        )

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex serialises it."""
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
