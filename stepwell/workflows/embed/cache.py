"""The cache of vectors, for use in a flow. A store that fails costs time and a warning, and never the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from ...pipeline.effects import Flow, in_thread
from ...pipeline.key_value import KeyValueStore, store_trouble
from ...schemas.errors import DecodeError
from ...schemas.json_text import SORT_KEYS, dumps
from ...schemas.reply import CallWarning
from .vectors import Vector, packed, unpacked

_VERSION = 1


def key_of(model: str, options: Mapping[str, Any], text: str) -> str:
    """Return the key of a vector: a hash of all it depends on. `options` are kind, dimensions and the like."""
    subject = [_VERSION, model, dict(options), text]
    return sha256(dumps(subject, option=SORT_KEYS, default=repr)).hexdigest()


class EmbeddingCache:
    """Vectors of one model and one set of options in a store; without a store, nothing is cached."""

    def __init__(self, store: KeyValueStore | None, model: str, options: Mapping[str, Any]) -> None:
        self._store = store
        self._model = model
        self._options = options
        self.warnings: list[CallWarning] = []

    def read(self, texts: Sequence[str]) -> Flow:
        """Return the vectors that are stored, by text."""
        store = self._store
        if store is None:
            return {}
        return (yield in_thread(lambda: self._read(store, texts), recorded=False))

    def _read(self, store: KeyValueStore, texts: Sequence[str]) -> dict[str, Vector]:
        keys = {key_of(self._model, self._options, text): text for text in texts}
        try:
            found = store.get_many(list(keys))
            if not isinstance(found, Mapping):
                raise TypeError(f"get_many returned a {type(found).__name__}, not a mapping")
        except Exception as error:
            self._trouble("read", error)
            return {}
        vectors: dict[str, Vector] = {}
        for key, data in found.items():
            try:
                vectors[keys[key]] = unpacked(data)
            except (DecodeError, TypeError, KeyError) as error:
                self._trouble("read", error)
        if len({len(vector) for vector in vectors.values()}) > 1:
            self._trouble("read", DecodeError("it holds vectors of different lengths; all are embedded again"))
            return {}
        return vectors

    def outdated(self, vectors: Mapping[str, Vector], length: int) -> list[str]:
        """Return the texts whose stored vectors have another length than those that the model returns now.

        length: that of the model's vectors; 0 if it has returned none yet.
        """
        texts = [text for text, vector in vectors.items() if length and len(vector) != length]
        if texts:
            why = f"it holds vectors that are not of {length} numbers, as the model gives now; they are embedded again"
            self._trouble("read", DecodeError(why))
        return texts

    def write(self, vectors: Mapping[str, Vector]) -> Flow:
        """Store the vectors of these texts."""
        store = self._store
        if store is None or not vectors:
            return
        yield in_thread(lambda: self._write(store, vectors), recorded=False)

    def _write(self, store: KeyValueStore, vectors: Mapping[str, Vector]) -> None:
        try:
            store.set_many({key_of(self._model, self._options, text): packed(vectors[text]) for text in vectors})
        except Exception as error:
            self._trouble("written", error)

    def _trouble(self, done: str, error: Exception) -> None:
        """Raise for a store that cannot be used at all; note a warning for one that fails."""
        self.warnings.append(CallWarning("cache", store_trouble(done, error), self._model))
