"""What all embedding wires share: their input, and the vectors of a reply."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable
from math import isfinite
from struct import unpack
from typing import Any

from ....pipeline.request import Request
from ....schemas.errors import ConfigError, DecodeError
from ....schemas.reply import Reply


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
        return list(unpack(f"<{len(data) // 4}f", data))
    return list(value)


def vectors_reply(vectors: list[list[float]], **fields: Any) -> Reply:
    """A reply whose `.embeddings` are these, in the order of the texts."""
    if not vectors:
        raise DecodeError("the answer has no vectors", hint="see .payload")
    if not all(isfinite(sum(each)) for each in vectors):
        raise DecodeError("the answer has a vector with a number that is none (NaN or infinity)", hint="see .payload")
    return Reply(object=vectors, finish_reason="stop", **fields)
