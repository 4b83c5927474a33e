"""Base URLs that hold the path of an endpoint, to which each call would add a path again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

from ...pipeline.http.request import Request
from ...pipeline.http.urls import ending_with, split_url, without_dots
from ...schemas.errors import InvalidOption
from ...schemas.options import OPERATION_OPTIONS
from .environment import environment_of
from .wire import Wire

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
