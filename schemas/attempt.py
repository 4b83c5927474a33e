"""One attempt of a call: when it was sent, what came, and how long was waited after it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from attrs import frozen


@frozen
class Attempt:
    """One attempt of a call. Times are in seconds."""

    model: str
    """`provider:model-id`"""
    at: float
    """after the call began"""
    seconds: float
    """until the whole answer came, or the first content of a stream, or the error"""
    status: int | None = None
    """the HTTP status; None where no answer came"""
    error: str | None = None
    """the class of the error, such as "RateLimitError", also of one in the middle of the answer; None for an answer"""
    waited: float = 0.0
    """before the next attempt"""
    transport: str = ""
    """fast, httpx, ...; empty where no answer came"""


Noted: TypeAlias = "tuple[object, float, float, int | None, str | None, float, str]"
"""The fields of an Attempt as every call notes them, in a fifth of the time that making it would take."""


def failed_answer(noted: list[Noted], model: object, error: Exception) -> Noted | None:
    """Note the error on the last attempt of a model if its answer has failed since: a stream that broke, a body that
    cannot be used. Return that attempt; None if the attempt had failed before."""
    for place in reversed(range(len(noted))):
        found = noted[place]
        if found[0] is model:
            if found[4] is not None:
                return None
            noted[place] = (*found[:4], type(error).__name__, *found[5:])
            return found
    return None


def attempts_of(noted: Iterable[Noted]) -> tuple[Attempt, ...]:
    """Return the attempts that a call has noted."""
    return tuple(
        Attempt(str(model), at, seconds, status, error, waited, transport)
        for model, at, seconds, status, error, waited, transport in noted
    )
