"""Limits of one embed call, as rows of a provider's declaration."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from attrs import frozen


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
    """Return the limit of the last row whose pattern matches the model's id."""
    found = [limit for pattern, limit in rows.items() if fnmatchcase(model_id, pattern)]
    return found[-1] if found else UNKNOWN_LIMIT
