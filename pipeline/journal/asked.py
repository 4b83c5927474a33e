"""What a request asks for, as digests: of the question alone, without credentials, headers and the server's address."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from zlib import crc32

from ...schemas.json_text import dumps, loads_fast
from ..http.request import Request
from ..http.urls import shown_url, split_url

_MOST_BYTES = 16_384
"""Bytes of a body up to which each field has a digest of its own, which takes 2 µs a kilobyte."""


def asked_of(request: Request) -> tuple[str, dict[str, int]]:
    """Return the digest of a request, and those of its parts, by which a difference can be named.

    The host is not a part: an address may change between two runs, as that of a local server does.
    """
    body, model = request.body, f"{request.model.provider}:{request.model.id}"
    url = request.url
    path = split_url(shown_url(url) if "?" in url or "@" in url else url)[2]
    whole = blake2b(b"\0".join((request.method.encode(), path.encode(), model.encode(), body)), digest_size=12)
    return whole.hexdigest(), _parts(model, path, body)


def _parts(model: str, path: str, body: bytes) -> dict[str, int]:
    parts = {"the model": crc32(model.encode()), "the path": crc32(path.encode()), "the length of the body": len(body)}
    if len(body) <= _MOST_BYTES and body[:1] == b"{":
        try:
            fields = loads_fast(body)
        except ValueError:
            return parts
        for name, value in fields.items():
            parts[f"{name!r:.40}"] = crc32(dumps(value))
    return parts


def differences(before: Mapping[str, int], now: Mapping[str, int]) -> str:
    """Name the parts that differ, without what is in them."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    length = "the length of the body"
    if len(names) > 1 and length in names:
        names.remove(length)
    return ", ".join(names[:8]) or "the body"
