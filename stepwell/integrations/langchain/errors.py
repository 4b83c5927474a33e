"""Errors that are both stepwell's and LangChain's, so that either's `except`, retry and fallback know them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from langchain_core import exceptions as theirs

from ...schemas import errors as ours
from ...schemas.errors import StepwellError


class AuthError(ours.AuthError, theirs.ModelAuthenticationError):
    """The key was refused."""


class RateLimitError(ours.RateLimitError, theirs.ModelRateLimitError):
    """Too many requests or tokens."""


class ContextOverflow(ours.ContextOverflow, theirs.ContextOverflowError):
    """The input is longer than the model's context."""


class InvalidRequest(ours.InvalidRequest, theirs.ModelInvalidRequestError):
    """The provider found the request malformed or not allowed."""


class NotFound(ours.NotFound, theirs.ModelNotFoundError):
    """The model does not exist for this key."""


class Overloaded(ours.Overloaded, theirs.ModelAPIError):
    """The provider is out of capacity for the moment."""


class ServerError(ours.ServerError, theirs.ModelAPIError):
    """The provider failed."""


class ConnectError(ours.ConnectError, theirs.ModelConnectionError):
    """The host could not be reached."""


class ConnectTimeout(ours.ConnectTimeout, theirs.ModelTimeoutError):
    """No connection in time."""


class FirstEventTimeout(ours.FirstEventTimeout, theirs.ModelTimeoutError):
    """No answer in time."""


class StreamIdleTimeout(ours.StreamIdleTimeout, theirs.ModelTimeoutError):
    """The stream fell silent."""


_BOTH: dict[type, type] = {
    both.__bases__[0]: both
    for both in (
        AuthError,
        RateLimitError,
        ContextOverflow,
        InvalidRequest,
        NotFound,
        Overloaded,
        ServerError,
        ConnectError,
        ConnectTimeout,
        FirstEventTimeout,
        StreamIdleTimeout,
    )
}


@contextmanager
def known_to_langchain() -> Iterator[None]:
    """Let a stepwell error leave this block as LangChain's, too. It stays the same object with all that it carries."""
    try:
        yield
    except StepwellError as error:
        if type(error) in _BOTH:
            error.__class__ = _BOTH[type(error)]
        raise
