"""Base URLs with variables in them, as `https://${AZURE_RESOURCE_NAME}.openai.azure.com`, and those with the path of an
endpoint, to which each call would add a path again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from itertools import chain

from ...pipeline.http.request import Request
from ...pipeline.http.urls import ending_with, split_url, without_dots
from ...schemas.errors import ConfigError, InvalidOption, MissingKey
from ...schemas.options import OPERATION_OPTIONS
from .environment import PROCESS, Environment, environment_of
from .wire import Wire

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


_CALLS = OPERATION_OPTIONS.keys() - {"list_models"}  # "/models" and "/files" may as well be folders of a gateway
_AFTER_PATH = re.compile("[?#]")


def endpoint_at_end(url: str, wires: Iterable[Wire], more: Iterable[str] = ()) -> str | None:
    """Return the path of an endpoint that a URL ends with, before a query or a fragment; None if there is none.

    url: the URL.
    wires: those of the provider; their endpoints for calls of a model are meant, as far as no model is in the path.
    more: further paths.
    """
    root = _AFTER_PATH.split(url, maxsplit=1)[0].rstrip("/")
    declared = chain.from_iterable((wire.path, wire.stream_path) for wire in wires if wire.operation in _CALLS)
    paths = [_AFTER_PATH.split(path, maxsplit=1)[0] for path in (*declared, *more) if isinstance(path, str)]
    return max((path for path in paths if path and root.endswith(path)), key=len, default=None)


def configured_url(configured: str, base_url: str, wires: Iterable[Wire]) -> str:
    """Return the base URL that a variable of the environment holds.

    configured: the value; `localhost:11434` is enough, where the scheme is that of `base_url`.
    base_url: the provider's own, whose path is added where it is missing.
    wires: those of the provider. An address with the path of an endpoint is left as it is: a call refuses it.
    """
    scheme, _, path = split_url(base_url)
    if "://" not in configured:
        configured = f"{scheme}://{configured}"
    url = without_dots(configured)
    return url if endpoint_at_end(url, wires) else ending_with(url, path)


def refuse_endpoint(request: Request, wire: Wire, wires: Iterable[Wire], variable: str | None) -> None:
    """Raise InvalidOption if the base URL of a request ends with the path of an endpoint.

    request: the request.
    wire: the wire of the call.
    wires: those of the provider.
    variable: the variable of the environment that may hold the base URL.
    """
    own = [
        path(request.replace(stream=stream))
        for path, stream in ((wire.path, False), (wire.stream_path, True))
        if callable(path)  # with the model in it
    ]
    found = endpoint_at_end(request.base_url, wires, own)
    if found is None:
        return
    place = f" in {variable}" if variable and found in (environment_of(request).get(variable) or "") else ""
    raise InvalidOption(
        f"the base_url of {request.model.provider} ends with {found!r}, the path of an endpoint",
        hint=f"leave it off{place}: each call adds its own",
    )
