"""How much one embed call may hold: rows of a provider's declaration."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from attrs import frozen


@frozen
class EmbedLimit:
    """The most that one call takes: `texts`, and `tokens` of all of them together (None: no limit is known)."""

    texts: int
    tokens: int | None = None


# Where a provider says nothing: what the strictest common server takes, Hugging Face's text-embeddings-inference with
# its default --max-client-batch-size.
UNKNOWN_LIMIT = EmbedLimit(32)


def embed_limit_for(rows: Mapping[str, EmbedLimit], model_id: str) -> EmbedLimit:
    """The row of the model: rows go by pattern, later ones win."""
    found = UNKNOWN_LIMIT
    for pattern, batch in rows.items():
        if fnmatchcase(model_id, pattern):
            found = batch
    return found
