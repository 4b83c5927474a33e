"""Keep the logins that a machine has, such as those of a cloud's command line, to their providers' own addresses."""

from __future__ import annotations

from collections.abc import Iterable

from ...pipeline.http.request import Request
from ...schemas.errors import MissingKey
from ..declare.addresses import is_at


def check_machine_login(request: Request, hosts: Iterable[str]) -> None:
    """Raise MissingKey if the machine's login would be sent to another address than its provider's `hosts`."""
    if not is_at(request.url, hosts):
        raise MissingKey(
            f"no key for {request.model.provider} at a base_url of your own: the machine's login is sent only to "
            "the provider's own hosts",
            hint="pass api_key= with the call that has base_url=, or both base_urls= and api_keys= to the Client",
        )
