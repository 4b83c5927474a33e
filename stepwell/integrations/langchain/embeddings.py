"""StepwellEmbeddings: LangChain embeddings for every provider of stepwell that has them."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings
from pydantic import ConfigDict, Field

from ...workflows.embed.embedder import Embedder
from ..credentials import ApiKey, revealed_key
from ..fields import EmbedderFields, default_model
from .errors import known_to_langchain


class StepwellEmbeddings(EmbedderFields, Embeddings):
    """Vectors of documents and queries, computed by an Embedder."""

    model: str = Field(default_factory=default_model)
    """`provider:model-id`; by default `STEPWELL_MODEL`, else the local model."""
    api_key: ApiKey = None
    batch_size: int | None = None
    """Most texts in one request; None: as many as the provider takes."""
    workers: int = 4
    """Requests that run at once."""

    model_config = ConfigDict(extra="forbid")

    def model_post_init(self, context: object) -> None:
        """Create the Embedder."""
        self._embedder = Embedder(
            self.model,
            batch_size=self.batch_size,
            cache=self.cache,
            workers=self.workers,
            client=self.client,
            async_client=self.async_client,
            dimensions=self.dimensions,
            api_key=revealed_key(self.api_key),
            **self.options,
        )

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text, in order. Raises ConfigError for an empty text."""
        with known_to_langchain():
            return [list(vector) for vector in self._embedder.embed_documents(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query, which some providers compute differently from that of a document."""
        with known_to_langchain():
            return list(self._embedder.embed_query(text))

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Async version of `embed_documents`."""
        with known_to_langchain():
            return [list(vector) for vector in await self._embedder.aembed_documents(texts)]

    async def aembed_query(self, text: str) -> list[float]:
        """Async version of `embed_query`."""
        with known_to_langchain():
            return list(await self._embedder.aembed_query(text))
