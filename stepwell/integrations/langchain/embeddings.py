"""StepwellEmbeddings: LangChain's embeddings over any provider that has vectors."""

from __future__ import annotations

from typing import Any

from langchain_core.embeddings import Embeddings
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ...client import AsyncClient, Client
from ..common import asynchronous_client, default_model, sync_client
from .errors import known_to_langchain


class StepwellEmbeddings(BaseModel, Embeddings):
    """Vectors of documents and queries, from a model named `provider:model-id` (none: as in ChatStepwell).

    `batch_size` texts go into one request. `options` are those of `stepwell.embed`: timeout, truncate and so on.
    """

    model: str = Field(default_factory=default_model)
    client: Client | None = Field(default=None, exclude=True)
    async_client: AsyncClient | None = Field(default=None, exclude=True)
    dimensions: int | None = None
    api_key: SecretStr | None = None
    batch_size: int = Field(default=96, gt=0)
    options: dict[str, Any] = Field(default_factory=dict)

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text, in order."""
        client, vectors = sync_client(self.client, self.async_client), []
        with known_to_langchain():
            for batch in self._batches(texts):
                vectors += client.embed(self.model, batch, **self._options("document")).embeddings
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of what is looked for among documents, where the provider makes a difference."""
        client = sync_client(self.client, self.async_client)
        with known_to_langchain():
            return client.embed(self.model, text, **self._options("query")).embedding

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """embed_documents, awaited."""
        client, vectors = asynchronous_client(self.client, self.async_client), []
        with known_to_langchain():
            for batch in self._batches(texts):
                vectors += (await client.embed(self.model, batch, **self._options("document"))).embeddings
        return vectors

    async def aembed_query(self, text: str) -> list[float]:
        """embed_query, awaited."""
        client = asynchronous_client(self.client, self.async_client)
        with known_to_langchain():
            return (await client.embed(self.model, text, **self._options("query"))).embedding

    def _batches(self, texts: list[str]) -> list[list[str]]:
        return [texts[start : start + self.batch_size] for start in range(0, len(texts), self.batch_size)]

    def _options(self, kind: str) -> dict[str, Any]:
        own = {"dimensions": self.dimensions} if self.dimensions else {}
        key = {"api_key": self.api_key.get_secret_value()} if self.api_key else {}
        return {"kind": kind, **own, **key, **self.options}
