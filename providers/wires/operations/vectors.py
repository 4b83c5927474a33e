"""What all embedding wires share: the texts of a request, and the vectors of a reply."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ....pipeline.http.request import Request
from ....pipeline.side_fields import Rules, count
from ....schemas.errors import ConfigError, DecodeError
from ....schemas.reply import Indexed, Reply
from ....schemas.several import holds_several
from ....schemas.usage import Usage
from ..media import from_base64

COUNTS: Rules = {
    "total_tokens": count,
    "prompt_tokens": count,
    "input_tokens": count,
    "output_tokens": count,
    "search_units": count,
}
"""The rules of usage, under the names that embeddings and rankings have."""


def position(value: object) -> object:
    """Keep the index of an input, also one in quotes (a rule for side_fields); the step that checks the answer refuses
    one that no input has."""
    return value if type(value) is int else count(value)


SIDE_FIELDS: Rules = {
    "id": str,
    "model": str,
    "usage": COUNTS,
    "meta": {"tokens": COUNTS, "billed_units": COUNTS},
}
"""What an answer with vectors or ranks can do without."""


def texts_of(request: Request) -> list[str]:
    """Return the texts to embed or to moderate. Raises ConfigError for no texts, for an empty one, for anything that is
    not a text, and for a dict, whose keys alone would be sent."""
    given = request.input
    if isinstance(given, Mapping):
        raise ConfigError(f"the texts of {request.operation} are a {type(given).__name__}", hint="pass a list of texts")
    texts = [given] if isinstance(given, str) else list(given) if holds_several(given) else [given]
    for at, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise ConfigError(f"text {at} of {request.operation} is empty or not a string", hint="leave it out")
    if not texts:
        raise ConfigError(f"{request.operation} needs a text", hint="pass a text or a list of texts")
    return texts


_NUMBERS = {"int8": "b", "uint8": "B", "binary": "b", "ubinary": "B"}
"""What the bytes of a vector are (a typecode of `array`), by the type of numbers that was asked for; else floats.

https://docs.voyageai.com/docs/faq#what-is-quantization-and-output-data-types, https://docs.mistral.ai/api (embeddings)
"""


def vector(value: str | Iterable[float], dtype: object = None) -> Sequence[float]:
    """Decode a vector: numbers to a list; base64 to an array of little-endian 32-bit floats, or of `dtype`.

    Raises DecodeError for other bytes.
    """
    if not isinstance(value, str):
        return list(value)
    data, numbers = from_base64(value), array(_NUMBERS.get(str(dtype), "f"))
    try:
        numbers.frombytes(data)
    except ValueError:
        raise DecodeError(f"a vector of {len(data)} bytes does not hold 32-bit floats", hint="see .payload") from None
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def whole_numbers(value: str | Iterable[float]) -> Sequence[float]:
    """Decode a vector: numbers to a list; the base64 of signed bytes to an `array("b")`."""
    return vector(value, "int8")


def indexed(rows: Iterable[Mapping[str, Any]], decode: Callable[[Any], Sequence[float]] = vector) -> list[Any]:
    """Decode the `embedding` of each row, with its index where rows have one.

    Servers that leave out zeros send no index for the first row; where no row has one, the order counts.
    """
    rows = list(rows)
    vectors = [decode(row["embedding"]) for row in rows]
    indices = [row.get("index") for row in rows]
    if indices == list(range(len(rows))) or all(index is None for index in indices):
        return vectors
    return [Indexed(index or 0, value) for index, value in zip(indices, vectors, strict=True)]


def vectors_reply(vectors: list[Any], **fields: Any) -> Reply:
    """Make a reply with these `.embeddings`: vectors in the order of the texts, or Indexed ones in any order."""
    return Reply(object=vectors, finish_reason="stop", **fields)


def input_usage(raw: Mapping[str, Any] | None, *names: str) -> Usage | None:
    """Return usage whose input is the first of these counts that it has; None for an answer without usage."""
    if not raw:
        return None
    return Usage(input_tokens=next((raw[name] for name in names if raw.get(name) is not None), None), raw=raw)
