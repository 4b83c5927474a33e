"""Divide texts into batches that one call can take."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, takewhile
from math import ceil

from ...providers.declare.embed_limits import EmbedLimit
from ...schemas.estimate import estimate_text

MARGIN = 1.25
"""Room left for error: estimates are within a quarter of what vendors count."""
_MOST_OF_A_LETTER = 2 * MARGIN
"""The most tokens that a letter is estimated at, and its margin."""


def most_tokens(text: str) -> int:
    """Return the tokens to allow for a text: the estimate of schemas/estimate.py and its margin, at least one."""
    return max(1, ceil(estimate_text(text) * MARGIN))


def batches_of(texts: Sequence[str], limit: EmbedLimit) -> list[list[str]]:
    """Divide the texts, in order, each batch as full as `limit` allows.

    A text over the token limit gets a batch of its own: the estimate may be wrong, and the provider decides.
    """
    batches: list[list[str]] = []
    start = 0
    while start < len(texts):
        batch = list(texts[start : start + limit.texts])
        # Estimating costs more than all else that is done with a text, and few batches are full of tokens.
        if limit.tokens is not None and sum(map(len, batch)) * _MOST_OF_A_LETTER + len(batch) > limit.tokens:
            room = accumulate(map(most_tokens, batch), initial=0)
            batch = batch[: max(1, sum(1 for _ in takewhile(limit.tokens.__ge__, room)) - 1)]
        batches.append(batch)
        start += len(batch)
    return batches
