"""Read the parts of a URL that decide where a request goes."""

from __future__ import annotations

import re

from ...schemas.errors import InvalidOption
from ...schemas.secret import MASK

SECRET_QUERY = re.compile(r"([?&](?:[^=&#]*(?:key|token|sig|secret|credential)[^=&#]*|X-Amz-[^=&#]*)=)([^&#\s]*)", re.I)
"""The parameters of a URL that hold a credential: what stands before the value, and the value."""
_LOGIN = re.compile(r"(//)[^/?#\s]*@")
_DOTS = re.compile(r"/\.\.?(?=[/?#]|$)")


def shown_url(url: str) -> str:
    """Return a URL in which a login and the values of parameters for credentials are masked."""
    return SECRET_QUERY.sub(rf"\1{MASK}", _LOGIN.sub(rf"\1{MASK}@", url) if "@" in url else url)


class Address(str):
    """A URL whose repr shows no credential, so that none is in the locals of a frame."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(shown_url(str(self)))


def split_url(url: str) -> tuple[str, str, str]:
    """Return the scheme, the host with its port (and a user name in front, if there is one), and the path after "/"."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    return scheme, host, path


def is_host(host: str) -> bool:
    """Return whether a host, as urlsplit returns it, may be one: a number, or a name of labels that are not too long.

    Source: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
    """
    labels = host.removesuffix(".").split(".")
    if ":" in host:
        return True
    if len(labels) == 4 and all(label.isdecimal() for label in labels):
        return all(int(label) < 256 for label in labels)
    return len(host) < 255 and all(0 < len(label) < 64 for label in labels)


def without_dots(url: str) -> str:
    """Return a URL with the segments "." and ".." of its path resolved, as other HTTP clients send it.

    Source: https://www.rfc-editor.org/rfc/rfc3986#section-5.2.4
    """
    root = re.split("[?#]", url, maxsplit=1)[0]
    if not _DOTS.search(root):
        return url
    scheme, host, path = split_url(root)
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return f"{scheme}://{host}/{'/'.join(kept)}{url[len(root) :]}"


def with_query_last(url: str, base: str) -> str:
    """Return a URL, made of a base URL and a path behind it, with the query of the base behind the path.

    A base with a query has a gateway's key or version in it, say. A fragment is left out, since none is ever sent. A
    URL that does not begin with the base stays as it is.
    """
    if not url.startswith(start := base.rstrip("/")):
        return url
    root, _, query = start.partition("#")[0].partition("?")
    whole = root.rstrip("/") + url[len(start) :]
    return f"{whole}{'&' if '?' in whole else '?'}{query}" if query else whole


def ending_with(url: str, path: str) -> str:
    """Add this path to the end of a URL's own, before a query or a fragment, unless it is there already."""
    root = re.split("[?#]", url, maxsplit=1)[0]
    whole = root if not path or root.rstrip("/").endswith(f"/{path}") else f"{root.rstrip('/')}/{path}"
    return whole + url[len(root) :]


def path_behind(url: str, base: str) -> str:
    """Return the path behind a base URL in one of `with_query_last`."""
    root, _, query = base.rstrip("/").partition("#")[0].partition("?")
    path = url.removeprefix(root.rstrip("/"))
    return path.removesuffix(query)[:-1] if query and path.endswith((f"?{query}", f"&{query}")) else path


def refuse_login(url: str, where: str = "base_url") -> None:
    """Raise InvalidOption for a URL with a user name or password in it: HTTP libraries differ in what they do with it.

    where: the argument that it was given in, for the message.
    """
    if "@" in split_url(url)[1]:
        raise InvalidOption(f"{where} holds a user name or password", hint="pass the key as api_key")
