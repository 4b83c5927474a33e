"""What a request asks for, as digests: of the question alone, without credentials, headers and the server's address."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from zlib import crc32

from ...schemas.json_text import dumps, loads_fast
from ..http.request import Request
from ..http.urls import shown_url, split_url

_split = re.compile(rb',"').split  # bytes.split takes three times as long
"""Cuts JSON between two fields, of the body itself or of an object within it."""
_BORDER = 2
"""how many bytes are between two pieces"""
_MOST_BORDERS = 63
"""The last piece of a long body is all the rest of it."""


def asked_of(request: Request) -> tuple[str, list[int]]:
    """Return the model that a request asks, and digests of its path, of its length and of the pieces of its body.

    The host is not a part: an address may change between two runs, as that of a local server does.
    """
    url, body, model = request.url, request.body, request.model
    path = _path_digest(request.method, shown_url(url) if "?" in url or "@" in url else url)
    return f"{model.provider}:{model.id}", [path, len(body), *map(crc32, _split(body[:-1], _MOST_BORDERS))]


@lru_cache(64)  # a program sends most of its requests to a few addresses
def _path_digest(method: str, url: str) -> int:
    return crc32(f"{method} {split_url(url)[2]}".encode())


def changed_fields(before: Sequence[int], request: Request) -> str:
    """Name the fields of a request that are not as they were, without what is in them.

    before: its digests, as they were.
    """
    body, known = request.body, set(before[2:])
    names = [] if before[:1] == asked_of(request)[1][:1] else ["the model or the path"]
    at, changed = 0, []
    for piece in _split(body[:-1], _MOST_BORDERS):
        if crc32(piece) not in known:
            changed.append((at, at + len(piece)))
        at += len(piece) + _BORDER
    for name, start, end in _fields(body):
        if any(first < end and start < last for first, last in changed):
            names.append(f"{name!r:.40}")
    return ", ".join(names[:8]) or ("a field that it no longer has" if len(body) < before[1] else "the body")


def _fields(body: bytes) -> list[tuple[str, int, int]]:
    """Return the name, start and end of each field of a JSON object as this library writes it; nothing for another
    body."""
    try:
        values = loads_fast(body)
    except ValueError:
        return []
    fields, at = [], 0
    for name, value in values.items() if type(values) is dict else ():
        end = at + len(dumps({name: value})) - 1
        fields.append((name, at + 1, end))
        at = end
    return fields if at + 1 == len(body) else []
