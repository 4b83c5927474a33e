"""Log probabilities of tokens, in one form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen


@frozen
class TokenLogprob:
    """A token of the answer, and the natural logarithm of its probability."""

    token: str
    logprob: float
    top: tuple[TokenLogprob, ...] = ()
    """The most probable tokens at its place, it among them, as far as they were asked for."""
    bytes: tuple[int, ...] | None = None
    """The token's bytes: a character may be divided among tokens."""


def token_logprobs(rows: object) -> tuple[TokenLogprob, ...]:
    """Return the log probabilities of rows in the form of OpenAI's chats, which wires decode to.

    Rows that lack the token or its number are left out.
    """
    return tuple(_tokens(rows)) if isinstance(rows, list) else ()


_BEYOND_FLOATS = 2**1023


def _tokens(rows: Iterable[object]) -> Iterable[TokenLogprob]:
    for row in rows:
        if not isinstance(row, Mapping):
            continue
        token, logprob, listed = row.get("token"), row.get("logprob"), row.get("bytes")
        if isinstance(token, str) and isinstance(logprob, int | float) and abs(logprob) < _BEYOND_FLOATS:
            top: Any = row.get("top_logprobs")
            numbers = tuple(each for each in listed if isinstance(each, int)) if isinstance(listed, list) else None
            yield TokenLogprob(token, float(logprob), token_logprobs(top), numbers)
