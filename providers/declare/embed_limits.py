"""Limits of one embed call, as rows of a provider's declaration."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from .patterns import matching


@frozen
class EmbedLimit:
    """The most that one call takes."""

    texts: int
    tokens: int | None = None
    """of all texts together; None if no limit is known"""


# For providers without a documented limit: the one of the strictest common server, Hugging Face's
# text-embeddings-inference, with its default --max-client-batch-size.
UNKNOWN_LIMIT = EmbedLimit(32)


def embed_limit_for(rows: Mapping[str, EmbedLimit], model_id: str) -> EmbedLimit:
    """Return the limit of the last row whose pattern matches the model's id; UNKNOWN_LIMIT if none does."""
    return next(matching(rows, model_id), UNKNOWN_LIMIT)
