"""The errors that end a map, since each of its items would get the same."""

from __future__ import annotations

from ...schemas.errors import (
    AuthError,
    BudgetExceeded,
    InvalidKey,
    InvalidOption,
    JournalError,
    JournalMismatch,
    MissingExtra,
    MissingKey,
    NotFound,
    QuotaError,
    UnknownModel,
    UnknownProvider,
    UnknownStep,
)

_FATAL = (
    *(AuthError, QuotaError, NotFound, BudgetExceeded, MissingKey, InvalidKey, MissingExtra),
    *(InvalidOption, UnknownProvider, UnknownModel, UnknownStep, JournalError),
)


def ends_map(error: Exception, *, own_prompt: bool = False) -> bool:
    """Check whether every item would get this error, so that the map ends with the first one.

    own_prompt: whether the prompt of the item may have changed since a run before, and no other item's with it.
    """
    return isinstance(error, _FATAL) and not (own_prompt and isinstance(error, JournalMismatch))
