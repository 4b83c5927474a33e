"""Read the parts of a URL that decide where a request goes."""

from __future__ import annotations

from ...schemas.errors import InvalidOption


def split_url(url: str) -> tuple[str, str, str]:
    """Return the scheme, the host with its port (and a user name in front, if there is one), and the path after "/"."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    return scheme, host, path


def refuse_login(url: str, where: str = "base_url") -> None:
    """Raise InvalidOption for a URL with a user name or password in it: HTTP libraries differ in what they do with it.

    where: the argument that it was given in, for the message.
    """
    if "@" in split_url(url)[1]:
        raise InvalidOption(f"{where} holds a user name or password", hint="pass the key as api_key")
