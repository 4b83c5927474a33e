"""What the environment says of the network: proxies and certificates, for every transport alike.

Settings that cannot be used are a ConfigError that names the variable: none is passed over.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from .schemas.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    import ssl

HTTPClient = TypeVar("HTTPClient")
_LAST_PORT = 65535


@cache
def tls_settings() -> ssl.SSLContext:
    """Return the process's TLS settings: the certificates of SSL_CERT_FILE and SSL_CERT_DIR, or else certifi's.

    Making them takes 20 to 40 ms. Raises ConfigError for a file or folder that cannot be used.
    """
    import ssl  # heavy: only when something is to be sent

    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if folder and not os.path.isdir(folder):
        raise ConfigError(f"SSL_CERT_DIR names no folder: {folder!r}", hint="correct it, or unset it")
    if not (file or folder):
        import certifi  # comes with httpx

        file = certifi.where()
    try:
        context = ssl.create_default_context(cafile=file or None, capath=folder or None)
    except OSError as error:  # ssl.SSLError is one, too
        reason = "it holds no certificates" if isinstance(error, ssl.SSLError) else error.strerror
    else:
        context.set_alpn_protocols(["http/1.1"])
        return context
    raise ConfigError(f"SSL_CERT_FILE={file!r} cannot be used: {reason}", hint="correct it, or unset it")


def is_proxied() -> bool:
    """Return whether the environment or the system names a proxy, which httpx honours."""
    return bool(_proxies())


def with_proxies(kind: Callable[..., HTTPClient], settings: dict[str, Any]) -> HTTPClient:
    """Make a client of httpx that uses the proxies which the environment or the system names.

    kind: httpx.Client or httpx.AsyncClient.
    settings: its arguments.

    Raises ConfigError that names the variable whose value cannot be used, MissingExtra for SOCKS without its package.
    """
    import httpx  # heavy: only when something is to be sent

    for scheme, url in _proxies().items():
        _check_proxy(scheme, url)
    try:
        return kind(**settings)
    except (httpx.InvalidURL, ValueError):
        exceptions = os.environ.get(_variable("no"), "")
    raise ConfigError(
        f"{_variable('no')} cannot be used: {exceptions[:200]!r}", hint="it is a list of hosts: a.org,::1"
    )


def _proxies() -> dict[str, str]:
    """Return the URLs of the proxies by what goes through them: http, https or all."""
    if sys.platform not in ("win32", "darwin") and not any(name[-6:].lower() == "_proxy" for name in os.environ):
        return {}  # this system has no others, and the next import takes a fifth of a first call
    from urllib.request import getproxies  # brings in ssl and email: only when something is to be sent

    return {scheme: url for scheme, url in getproxies().items() if scheme in ("http", "https", "all")}


def _check_proxy(scheme: str, url: str) -> None:
    """Raise for the URL of a proxy that httpx cannot use. It is not shown, as it may hold a password."""
    import httpx  # heavy: only when something is to be sent

    name = _variable(scheme)
    try:
        proxy = httpx.Proxy(url if "://" in url else f"http://{url}")
    except (httpx.InvalidURL, ValueError):
        proxy = None
    if proxy is None or not proxy.url.host or (proxy.url.port or 0) > _LAST_PORT:
        raise ConfigError(f"{name} is not the URL of a proxy", hint="one begins with http://, https:// or socks5://")
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise MissingExtra(f"{name} names a SOCKS proxy, which needs socksio", hint="pip install 'httpx[socks]'")


def _variable(scheme: str) -> str:
    """Return the variable that says what goes through a proxy, or not: `no`. The lower-case one counts first."""
    for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
        if os.environ.get(name):
            return name
    return f"the system's setting for {scheme}"
