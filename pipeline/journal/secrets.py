"""What a server repeats of a request's secrets, which no record may hold: in headers, bodies and streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..http.redact import masked, sent_secrets, without_secrets
from ..http.request import Request
from .data import kept_headers


class AnswerSecrets:
    """The secrets of a request, to be left out of the records of its answer."""

    __slots__ = ("_held", "_request", "_secrets", "_texts")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._texts = sent_secrets(request)
        self._secrets = [each.encode() for each in self._texts]
        self._held = b""

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of an answer that are recorded."""
        kept = kept_headers(headers)
        values = "\n".join(kept.values())
        for each in self._texts:
            if each in values:
                return dict(masked(kept, self._request))
        return kept

    def body(self, status: int, body: bytes) -> bytes:
        """Return the body that is recorded. An error is no text that anybody needs as it was."""
        return masked(body, self._request) if status >= 300 else self._without(body)

    def piece(self, data: bytes) -> bytes:
        """Return what is recorded of the next bytes of a stream. An end that may be the beginning of a secret is held
        back: the next bytes begin with it."""
        data = self._without(self._held + data if self._held else data)
        at = _begins_in(data, self._secrets)
        self._held = data[at:]
        return data[:at] if self._held else data

    def rest(self) -> bytes:
        """Return what is still held back of a stream that is over."""
        rest, self._held = self._held, b""
        return rest

    def _without(self, data: bytes) -> bytes:
        return without_secrets(data, self._texts) if any(map(data.__contains__, self._secrets)) else data


def _begins_in(data: bytes, secrets: Sequence[bytes]) -> int:
    """Return the offset of the longest end of some bytes with which a secret begins; their length if there is none."""
    first = len(data)
    for secret in secrets:
        at = data.find(secret[:1], max(0, len(data) - len(secret) + 1))
        while 0 <= at < first:
            if secret.startswith(data[at:]):
                first = at
            at = data.find(secret[:1], at + 1)
    return first
