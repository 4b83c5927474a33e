"""A server of embeddings with predictable vectors: the length of the text, then the codes of its first letters."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx
import orjson
from attrs import define, field

import stepwell

MODEL = "openai:text-embedding-3-small"
SIZE = 4


def vector(text: str) -> list[float]:
    letters = [float(ord(letter)) for letter in text[: SIZE - 1]]
    return [float(len(text)), *letters, *[0.0] * (SIZE - 1 - len(letters))]


@define
class Vectors:
    """`refuse(texts)` may give a response instead of the vectors. `asked` are the batches, in the order they came;
    `bodies` what was sent besides."""

    refuse: Callable[[list[str]], httpx.Response | None] = lambda texts: None
    asked: list[list[str]] = field(factory=list)
    bodies: list[dict[str, Any]] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = orjson.loads(request.content)
        texts = body.pop("input")
        with self._lock:
            self.asked.append(texts)
            self.bodies.append(body)
        refusal = self.refuse(texts)
        if refusal is not None:
            return refusal
        # The order of the rows is not promised: what counts is their index.
        rows = [{"index": at, "embedding": vector(text)} for at, text in enumerate(texts)][::-1]
        return httpx.Response(200, json={"data": rows, "usage": {"prompt_tokens": len(texts)}})

    def embedder(self, **settings: Any) -> stepwell.embeddings.Embedder:
        """Build an Embedder, sync and async, that calls this service."""
        given: dict[str, Any] = {"transport": httpx.MockTransport(self), "api_keys": {"openai": "k"}, "retries": 0}
        clients = {"client": stepwell.Client(**given), "async_client": stepwell.AsyncClient(**given)}
        return stepwell.embeddings.Embedder(settings.pop("model", MODEL), **{**clients, **settings})


def refusal(message: str, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": message}})
