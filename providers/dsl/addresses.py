"""Base URLs with variables in them: `https://${AZURE_RESOURCE_NAME}.openai.azure.com`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from ...pipeline.request import Request
from ...schemas.errors import ConfigError

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def moved(operation: str, old: str, new: str) -> Callable[[Request], Request]:
    """A prepare_request for an operation that does not stand under the same path as the others: the end of its address
    is replaced."""

    def move(request: Request) -> Request:
        if request.operation != operation or not request.url.endswith(old):
            return request
        return request.replace(url=request.url.removesuffix(old) + new)

    return move


def filled(url: str) -> str:
    """The URL with the environment's values. Raises ConfigError naming the variable that is not set."""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1], "").strip()
        if not found:
            raise ConfigError(f"the address needs {match[1]}", hint=f"set {match[1]}, or pass base_urls= to the Client")
        return found.rstrip("/")

    return _VARIABLE.sub(value, url) if "${" in url else url


def variables(url: str) -> frozenset[str]:
    """The names of the variables in a URL."""
    return frozenset(_VARIABLE.findall(url))
