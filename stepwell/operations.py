"""The operations other than chat, by name. Each is one call of `run`, so both colours say only what is passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .schemas.message import context_of
from .schemas.reply import Reply


class Operations:
    """Synchronous names for `run`."""

    def run(self, operation: str, model: str | None, input: Any, **options: Any) -> Reply:
        raise NotImplementedError

    def embed(self, model: str | None, texts: str | Sequence[str], **options: Any) -> Reply:
        """Vectors of one text or several, in order: `reply.embeddings`. Options: dimensions, kind (query, document)."""
        return self.run("embed", model, texts, **options)

    def generate_image(self, model: str | None, prompt: str, **options: Any) -> Reply:
        """Pictures: `reply.images`. Options: size, quality, n, output_format."""
        return self.run("image", model, prompt, **options)

    def transcribe(self, model: str | None, sound: Any, **options: Any) -> Reply:
        """The text of a sound, given as a path, bytes or Audio: `reply.text`. Options: language, prompt."""
        return self.run("transcribe", model, sound, **options)

    def speak(self, model: str | None, text: str, **options: Any) -> Reply:
        """A text spoken: `reply.audio`. Options: voice, speed, output_format, instructions."""
        return self.run("speak", model, text, **options)

    def moderate(self, model: str | None, texts: str | Sequence[str], **options: Any) -> Reply:
        """A verdict on each text: `reply.object`."""
        return self.run("moderate", model, texts, **options)

    def rerank(self, model: str | None, query: str, documents: Sequence[str], **options: Any) -> Reply:
        """The documents ranked by how well they fit the query: `reply.ranking`. Options: top_n."""
        return self.run("rerank", model, {"query": query, "documents": documents}, **options)

    def list_models(self, provider: str, **options: Any) -> Reply:
        """What the provider says it serves now: `reply.object`, a list of Models."""
        return self.run("list_models", f"{provider}:*", None, **options)

    def count_tokens(self, model: str | None, prompt: Any, **options: Any) -> Reply:
        """How many tokens the provider counts in a prompt: `reply.usage.input_tokens`. Where it has no endpoint for
        that, an estimate of our own (schemas/estimate.py), and a warning which says so."""
        return self.run("count_tokens", model, context_of(prompt), **options)


class AsyncOperations:
    """The same, awaited."""

    async def run(self, operation: str, model: str | None, input: Any, **options: Any) -> Reply:
        raise NotImplementedError

    async def embed(self, model: str | None, texts: str | Sequence[str], **options: Any) -> Reply:
        """Client.embed, awaited."""
        return await self.run("embed", model, texts, **options)

    async def generate_image(self, model: str | None, prompt: str, **options: Any) -> Reply:
        """Client.generate_image, awaited."""
        return await self.run("image", model, prompt, **options)

    async def transcribe(self, model: str | None, sound: Any, **options: Any) -> Reply:
        """Client.transcribe, awaited."""
        return await self.run("transcribe", model, sound, **options)

    async def speak(self, model: str | None, text: str, **options: Any) -> Reply:
        """Client.speak, awaited."""
        return await self.run("speak", model, text, **options)

    async def moderate(self, model: str | None, texts: str | Sequence[str], **options: Any) -> Reply:
        """Client.moderate, awaited."""
        return await self.run("moderate", model, texts, **options)

    async def rerank(self, model: str | None, query: str, documents: Sequence[str], **options: Any) -> Reply:
        """Client.rerank, awaited."""
        return await self.run("rerank", model, {"query": query, "documents": documents}, **options)

    async def list_models(self, provider: str, **options: Any) -> Reply:
        """Client.list_models, awaited."""
        return await self.run("list_models", f"{provider}:*", None, **options)

    async def count_tokens(self, model: str | None, prompt: Any, **options: Any) -> Reply:
        """Client.count_tokens, awaited."""
        return await self.run("count_tokens", model, context_of(prompt), **options)
