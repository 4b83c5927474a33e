"""What carries calls: the fast transport with settings of your own, and the interfaces of clients that are taken."""

from .connect import AsyncHTTPClient, AsyncHTTPTransport, FastTransport, HTTPClient, HTTPTransport, Wrapper

__all__ = [
    "AsyncHTTPClient",
    "AsyncHTTPTransport",
    "FastTransport",
    "HTTPClient",
    "HTTPTransport",
    "Wrapper",
]
