"""The TLS contexts of the connections that this package makes."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


@cache
def tls_context(protocol: str) -> ssl.SSLContext:
    """Return the process's TLS context for a protocol. Honours SSL_CERT_FILE and SSL_CERT_DIR.

    Creating one takes 20 to 40 ms. Each protocol needs its own, since httpcore sets the ALPN protocols on it.
    """
    import ssl  # heavy: only when something is to be sent

    # As httpx does, whose function for it would import the whole of httpx.
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    import certifi  # comes with httpx

    return ssl.create_default_context(cafile=certifi.where())


@cache
def fast_tls_context() -> ssl.SSLContext:
    """Return the process's TLS context for the fast transport."""
    context = tls_context("fast")
    context.set_alpn_protocols(["http/1.1"])
    return context
