"""What all embedding wires share: their input, and the vectors of a reply."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from struct import error as struct_error
from struct import unpack
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.errors import ConfigError, DecodeError
from ....schemas.reply import Indexed, Reply


def texts_of(request: Request) -> list[str]:
    """The texts to embed. Raises ConfigError for none, for an empty one and for what is no text."""
    given = request.input
    texts = [given] if isinstance(given, str) else list(given) if isinstance(given, Iterable) else [given]
    for at, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise ConfigError(
                f"text {at} of the input cannot be embedded: it is empty or no string", hint="leave it out"
            )
    if not texts:
        raise ConfigError("there is nothing to embed", hint="pass a text or a list of texts")
    return texts


def vector(value: Any) -> list[float]:
    """Numbers, or the base64 of little-endian 32-bit floats that they are sent as to save space."""
    if isinstance(value, str):
        data = b64decode(value)
        try:
            return list(unpack(f"<{len(data) // 4}f", data))
        except struct_error:
            raise DecodeError(f"{len(data)} bytes are no vector of 32-bit floats", hint="see .payload") from None
    return list(value)


def indexed(rows: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The `embedding` of each row, with its index where rows have one. Servers that leave out zeros give none to the
    first; where no row has one, their order counts."""
    rows = list(rows)
    vectors = [vector(row["embedding"]) for row in rows]
    if all(row.get("index") is None for row in rows):
        return vectors
    return [Indexed(row.get("index") or 0, value) for row, value in zip(rows, vectors, strict=True)]


def vectors_reply(vectors: list[Any], **fields: Any) -> Reply:
    """A reply whose `.embeddings` are these: vectors in the order of the texts, or Indexed ones in any order."""
    return Reply(object=vectors, finish_reason="stop", **fields)
