"""StepwellEmbeddings: LangChain's embeddings over any provider that has vectors."""

from __future__ import annotations

from typing import Any

from langchain_core.embeddings import Embeddings
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

from ...api import Client
from ...async_api import AsyncClient
from ...workflows.embed.embedder import Embedder
from ..common import default_model
from .errors import known_to_langchain


class StepwellEmbeddings(BaseModel, Embeddings):
    """Vectors of documents and queries, from a model named `provider:model-id` (none: as in ChatStepwell).

    An Embedder does the work: `batch_size` texts (None: as many as the provider takes) go into one request, `workers`
    requests run at once, `cache=True` or a path keeps vectors. `options` are those of `stepwell.embed`.
    """

    model: str = Field(default_factory=default_model)
    client: Client | None = Field(default=None, exclude=True)
    async_client: AsyncClient | None = Field(default=None, exclude=True)
    dimensions: int | None = None
    api_key: SecretStr | None = None
    batch_size: int | None = None
    workers: int = 4
    cache: Any = Field(default=None, exclude=True)
    options: dict[str, Any] = Field(default_factory=dict)
    _embedder: Embedder = PrivateAttr()

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    def model_post_init(self, context: Any) -> None:
        self._embedder = Embedder(
            self.model,
            batch_size=self.batch_size,
            cache=self.cache,
            workers=self.workers,
            client=self.client,
            async_client=self.async_client,
            dimensions=self.dimensions,
            api_key=self.api_key.get_secret_value() if self.api_key else None,
            **self.options,
        )

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text, in order. Raises ConfigError for an empty text."""
        with known_to_langchain():
            return [list(vector) for vector in self._embedder.embed_documents(texts)]

    def embed_query(self, text: str) -> list[float]:
        """The vector of what is looked for among documents, where the provider makes a difference."""
        with known_to_langchain():
            return list(self._embedder.embed_query(text))

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """embed_documents, awaited."""
        with known_to_langchain():
            return [list(vector) for vector in await self._embedder.aembed_documents(texts)]

    async def aembed_query(self, text: str) -> list[float]:
        """embed_query, awaited."""
        with known_to_langchain():
            return list(await self._embedder.aembed_query(text))
