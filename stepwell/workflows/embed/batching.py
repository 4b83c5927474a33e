"""Divide texts into batches that one call can take."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from ...providers.declare.embed_limits import EmbedLimit
from ...schemas.estimate import estimate_text

MARGIN = 1.25
"""Room left for error: estimates are within a quarter of what vendors count."""


def most_tokens(text: str) -> int:
    """Return the tokens to allow for a text: the estimate of schemas/estimate.py and its margin, at least one."""
    return max(1, ceil(estimate_text(text) * MARGIN))


def batches_of(texts: Sequence[str], limit: EmbedLimit) -> list[list[str]]:
    """Divide the texts, in order, each batch as full as `limit` allows.

    A text over the token limit gets a batch of its own: the estimate may be wrong, and the provider decides.
    """
    batches: list[list[str]] = []
    batch: list[str] = []
    tokens = 0
    for text in texts:
        more = most_tokens(text)
        over = limit.tokens is not None and tokens + more > limit.tokens
        if batch and (over or len(batch) >= limit.texts):
            batches.append(batch)
            batch, tokens = [], 0
        batch.append(text)
        tokens += more
    if batch:
        batches.append(batch)
    return batches
