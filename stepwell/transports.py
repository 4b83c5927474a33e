"""What carries calls: the fast transport with settings of your own, and the interfaces of clients that are taken."""

from typing import TYPE_CHECKING

from .connect import AsyncHTTPClient, AsyncHTTPTransport, FastTransport, HTTPClient, HTTPTransport, Wrapper
from .schemas.other_names import suggesting

__all__ = [
    "AsyncHTTPClient",
    "AsyncHTTPTransport",
    "FastTransport",
    "HTTPClient",
    "HTTPTransport",
    "Wrapper",
]


if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
