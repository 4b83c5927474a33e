"""The operations other than chat, by name. Each is one call of `run`, which is all that knows sync from async."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from .schemas.message import context_of

Answer = TypeVar("Answer")
"""What a call gives: a Reply, or a coroutine that ends with one."""


class Operations(Generic[Answer]):
    """Names for `run`, the same on both clients. The Reply of an AsyncClient is to be awaited."""

    def run(self, operation: str, model: str | None, input: Any, **options: Any) -> Answer:
        raise NotImplementedError

    def embed(self, model: str | None, texts: str | Sequence[str], **options: Any) -> Answer:
        """Vectors of one text or several, in order: `reply.embeddings`. Options: dimensions, kind (query, document)."""
        return self.run("embed", model, texts, **options)

    def generate_image(self, model: str | None, prompt: str, **options: Any) -> Answer:
        """Pictures: `reply.images`. Options: size, quality, n, output_format."""
        return self.run("image", model, prompt, **options)

    def transcribe(self, model: str | None, sound: Any, **options: Any) -> Answer:
        """The text of a sound, given as a path, bytes or Audio: `reply.text`. Options: language, prompt."""
        return self.run("transcribe", model, sound, **options)

    def speak(self, model: str | None, text: str, **options: Any) -> Answer:
        """A text spoken: `reply.audio`. Options: voice, speed, output_format, instructions."""
        return self.run("speak", model, text, **options)

    def moderate(self, model: str | None, texts: str | Sequence[str], **options: Any) -> Answer:
        """A verdict on each text: `reply.object`."""
        return self.run("moderate", model, texts, **options)

    def rerank(self, model: str | None, query: str, documents: Sequence[str], **options: Any) -> Answer:
        """The documents ranked by how well they fit the query: `reply.ranking`. Options: top_n."""
        return self.run("rerank", model, {"query": query, "documents": documents}, **options)

    def ocr(self, model: str | None, document: Any, **options: Any) -> Answer:
        """A document read: its pages' Markdown as `reply.text`, the pages as `reply.object`. The document is a File, an
        Image, a URL (which the provider fetches), a path, or bytes. Options: pages, include_image_base64."""
        return self.run("ocr", model, document, **options)

    def list_models(self, provider: str, **options: Any) -> Answer:
        """What the provider says it serves now: `reply.object`, a list of Models."""
        return self.run("list_models", f"{provider}:*", None, **options)

    def count_tokens(self, model: str | None, prompt: Any, **options: Any) -> Answer:
        """How many tokens the provider counts in a prompt: `reply.usage.input_tokens`. Where it has no endpoint for
        that, an estimate of our own (schemas/estimate.py), and a warning which says so."""
        return self.run("count_tokens", model, context_of(prompt), **options)
