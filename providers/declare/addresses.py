"""Base URLs with variables in them: `https://${AZURE_RESOURCE_NAME}.openai.azure.com`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ...pipeline.http.request import Request
from ...schemas.errors import ConfigError
from .environment import PROCESS, Environment

_VARIABLE = re.compile(r"\$\{(\w+)\}")
# Read by ourselves and strictly, since a key's way depends on it: every other reader forgives something else.
_PLACE = re.compile(r"(https?)://([a-z0-9.-]+)(?::(\d{1,5}))?(?:[/?#]|$)", re.I)


def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an address; None for one that is not plainly written."""
    found = _PLACE.match(url)
    if found is None:
        return None
    scheme = found[1].lower()
    return scheme, found[2].lower(), int(found[3] or (443 if scheme == "https" else 80))


def is_at(url: str, hosts: Iterable[str]) -> bool:
    """Say whether an address is reached by https at one of these hosts.

    `.openai.azure.com` is any host under that name; of a name without the dot in front, each label is a pattern for one
    label (`bedrock.*-[0-9].amazonaws.com`)."""
    place = origin(url)
    if place is None or place[0] != "https":
        return False
    return any(_is_host(place[1], each) for each in hosts)


def _is_host(host: str, wanted: str) -> bool:
    if wanted.startswith("."):
        return host.endswith(wanted)
    labels, patterns = host.split("."), wanted.split(".")
    return len(labels) == len(patterns) and all(map(fnmatchcase, labels, patterns))


def normalize_url(given: str, what: str) -> str:
    """An address that somebody wrote by hand: spaces around it taken off, https:// put before a bare host.

    Raises ConfigError, naming `what` it was given as, for what is no address all the same.
    """
    url = given.strip()
    url = url if "://" in url else f"https://{url}"
    if origin(url) is None or not url.isascii() or len(url.split()) != 1:
        raise ConfigError(f"{what} is not an address: {url[:80]!r}", hint="write it as https://host")
    return url


def rewrite_path(operation: str, old: str, new: str) -> Callable[[Request], Request]:
    """A prepare_request for an operation that does not stand under the same path as the others: the end of its address
    is replaced."""

    def move(request: Request) -> Request:
        if request.operation != operation or not request.url.endswith(old):
            return request
        return request.replace(url=request.url.removesuffix(old) + new)

    return move


def filled(url: str, environment: Environment = PROCESS, credential: Any = None) -> str:
    """The URL with the values that came with the credential, else the environment's. Raises ConfigError naming the
    variable that is not set."""
    given = credential if isinstance(credential, Mapping) else {}

    def value(match: re.Match[str]) -> str:
        found = (given.get(match[1].lower()) or environment.get(match[1]) or "").strip()
        if not found:
            raise ConfigError(f"the address needs {match[1]}", hint=f"set {match[1]}, or pass base_urls= to the Client")
        return found.rstrip("/")

    return _VARIABLE.sub(value, url) if "${" in url else url


def variables(url: str) -> frozenset[str]:
    """The names of the variables in a URL."""
    return frozenset(_VARIABLE.findall(url))
