"""Errors that are both stepwell's and LangChain's, so that the `except`, retry and fallback of both catch them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from langchain_core import exceptions as theirs

from ...schemas import errors as ours
from ...schemas.errors import StepwellError


class LangChainAuthError(ours.AuthError, theirs.ModelAuthenticationError):
    """The key was refused."""


class LangChainRateLimitError(ours.RateLimitError, theirs.ModelRateLimitError):
    """Too many requests or tokens."""


class LangChainContextOverflow(ours.ContextOverflow, theirs.ContextOverflowError):
    """The input is longer than the model's context."""


class LangChainInvalidRequest(ours.InvalidRequest, theirs.ModelInvalidRequestError):
    """The provider found the request malformed or not allowed."""


class LangChainNotFound(ours.NotFound, theirs.ModelNotFoundError):
    """The model does not exist for this key."""


class LangChainOverloaded(ours.Overloaded, theirs.ModelAPIError):
    """The provider is out of capacity for the moment."""


class LangChainServerError(ours.ServerError, theirs.ModelAPIError):
    """The provider failed."""


class LangChainConnectError(ours.ConnectError, theirs.ModelConnectionError):
    """The host could not be reached."""


class LangChainConnectTimeout(ours.ConnectTimeout, theirs.ModelTimeoutError):
    """No connection in time."""


class LangChainPoolTimeout(ours.PoolTimeout, theirs.ModelTimeoutError):
    """No free connection in time."""


class LangChainFirstEventTimeout(ours.FirstEventTimeout, theirs.ModelTimeoutError):
    """No answer in time."""


class LangChainStreamIdleTimeout(ours.StreamIdleTimeout, theirs.ModelTimeoutError):
    """The stream sent nothing for too long."""


_BOTH: dict[type, type] = {
    both.__bases__[0]: both
    for both in (
        LangChainAuthError,
        LangChainRateLimitError,
        LangChainContextOverflow,
        LangChainInvalidRequest,
        LangChainNotFound,
        LangChainOverloaded,
        LangChainServerError,
        LangChainConnectError,
        LangChainConnectTimeout,
        LangChainPoolTimeout,
        LangChainFirstEventTimeout,
        LangChainStreamIdleTimeout,
    )
}


@contextmanager
def known_to_langchain() -> Iterator[None]:
    """Make a stepwell error that leaves this block one of LangChain's as well. It remains the same object."""
    try:
        yield
    except StepwellError as error:
        if type(error) in _BOTH:
            error.__class__ = _BOTH[type(error)]
        raise
