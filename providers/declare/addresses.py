"""Base URLs with variables in them: `https://${AZURE_RESOURCE_NAME}.openai.azure.com`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

from ...pipeline.http.request import Request
from ...schemas.errors import ConfigError, MissingKey
from .environment import PROCESS, Environment

_VARIABLE = re.compile(r"\$\{(\w+)\}")
# Parsed strictly, since it decides where keys are sent: URL libraries differ in what they accept.
_PLACE = re.compile(r"(https?)://([a-z0-9.-]+)(?::(\d{1,5}))?(?:[/?#]|$)", re.I)


def origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an address; None for an address that is not plainly written."""
    found = _PLACE.match(url)
    if found is None:
        return None
    scheme = found[1].lower()
    return scheme, found[2].lower(), int(found[3] or (443 if scheme == "https" else 80))


def is_at(url: str, hosts: Iterable[str]) -> bool:
    """Check whether an address is reached by https at one of these hosts.

    url: the address.
    hosts: `.openai.azure.com` is any host under that name; in a name without a leading dot, each label is a pattern
        for one label (`bedrock.*-[0-9].amazonaws.com`).
    """
    place = origin(url)
    return place is not None and place[0] == "https" and any(_is_host(place[1], each) for each in hosts)


def _is_host(host: str, pattern: str) -> bool:
    if pattern.startswith("."):
        return host.endswith(pattern)
    labels, patterns = host.split("."), pattern.split(".")
    return len(labels) == len(patterns) and all(map(fnmatchcase, labels, patterns))


def check_machine_login(request: Request, hosts: Iterable[str]) -> None:
    """Raise MissingKey if the machine's login, such as that of a cloud's command line, would be sent to another address
    than its provider's `hosts`."""
    if not is_at(request.url, hosts):
        raise MissingKey(
            f"no key for {request.model.provider} at a base_url of your own: the machine's login is sent only to "
            "the provider's own hosts",
            hint="pass api_key= with the call that has base_url=, or both base_urls= and api_keys= to the Client",
        )


def normalize_url(address: str, label: str) -> str:
    """Clean an address written by hand: remove spaces around it, put https:// before a bare host.

    address: the address.
    label: how to name it in an error.

    Raises ConfigError for anything else than an address.
    """
    url = address.strip()
    url = url if "://" in url else f"https://{url}"
    if origin(url) is None or not url.isascii() or len(url.split()) != 1:
        raise ConfigError(f"{label} is not an address: {url[:80]!r}", hint="write it as https://host")
    return url


def rewrite_path(operation: str, old: str, new: str) -> Callable[[Request], Request]:
    """Make a prepare_request for an operation with another path than the others.

    operation: the only one whose address changes.
    old: the end of the address.
    new: what to put in its place.
    """

    def move(request: Request) -> Request:
        if request.operation != operation or not request.url.endswith(old):
            return request
        return request.replace(url=request.url.removesuffix(old) + new)

    return move


def filled(url: str, environment: Environment = PROCESS, credential: object = None) -> str:
    """Replace the variables of a URL by the values of the credential, or else of the environment.

    Raises ConfigError, with its name, for a variable that has no value.
    """
    values = credential if isinstance(credential, Mapping) else {}

    def value(match: re.Match[str]) -> str:
        found = (values.get(match[1].lower()) or environment.get(match[1]) or "").strip()
        if not found:
            raise ConfigError(f"the address needs {match[1]}", hint=f"set {match[1]}, or pass base_urls= to the Client")
        return found.rstrip("/")

    return _VARIABLE.sub(value, url) if "${" in url else url


def variables(url: str) -> frozenset[str]:
    """Return the names of the variables in a URL."""
    return frozenset(_VARIABLE.findall(url))
