"""Take credentials and prompts out of errors: some servers quote what they refuse, with the text around it.

Messages of errors end up in logs and traces. The server's own words stay in `body`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from ...schemas.errors import StepwellError
from ...schemas.late_pattern import late_pattern
from ...schemas.secret import MASK, Secret
from .request import Request

_SHORTEST = 8  # anything shorter is a word, not a key: masking every "test" would only hide the message
_ENOUGH = 16
_BEARING = late_pattern(r"auth|key|token|secret|cookie")


def redact(error: StepwellError, request: Request) -> None:
    """Mask the credentials of a request in all parts of an error: message, hint, bodies, headers.

    In the message, texts of the conversation are replaced by "…" as well.
    """
    error.args = tuple(_unquoted(value, request) if isinstance(value, str) else value for value in error.args)
    patterns = _patterns(request)
    if patterns is None:
        return
    error.args = tuple(_masked(value, *patterns) for value in error.args)
    for name in ("hint", "code", "body", "payload", "headers"):
        if value := getattr(error, name, None):
            setattr(error, name, _masked(value, *patterns))


def _unquoted(message: str, request: Request) -> str:
    """Return an error's message without the texts of the conversation: each is searched for by its beginning."""
    for turn in request.context.messages:
        for part in turn.content:
            text = getattr(part, "text", "").strip()
            if len(text) < _SHORTEST or (at := message.find(text[:_ENOUGH])) < 0:
                continue
            length = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text, message[at:], strict=False)))
            message = message[:at] + "…" + message[at + length :]
    return message


def masked(value: Any, request: Request) -> Any:
    """Return a value, also a mapping or a tuple of some, with the credentials of a request masked."""
    patterns = _patterns(request)
    return value if patterns is None else _masked(value, *patterns)


def _patterns(request: Request) -> tuple[re.Pattern[str], re.Pattern[bytes]] | None:
    """Return the pattern of all secrets of a request, for text and for bytes; None if it has none."""
    secrets = sorted({each for each in _secrets(request) if len(each) >= _SHORTEST}, key=len, reverse=True)
    if not secrets:
        return None
    pattern = "|".join(map(_pattern, secrets))
    return re.compile(pattern), re.compile(pattern.encode())


def _pattern(secret: str) -> str:
    """Return a pattern for the secret: its beginning if it is long, since a text may end in the middle of it."""
    if len(secret) <= _ENOUGH:
        return re.escape(secret)
    return re.escape(secret[:_ENOUGH]) + r"""[^\s"'<>,;]*"""


def _secrets(request: Request) -> Iterator[str]:
    """Yield the credential, and the values of headers that hold one, without a scheme in front (`Bearer`, `Basic`)."""
    credential = request.credential
    for value in credential.values() if isinstance(credential, Mapping) else (credential,):
        if isinstance(value, Secret):
            yield value.reveal()
    for name, header in request.headers.items():
        if _BEARING.search(name.lower()):
            yield header.rpartition(" ")[2]


def _masked(value: Any, text_pattern: re.Pattern[str], bytes_pattern: re.Pattern[bytes]) -> Any:
    """Return a copy of a value without what the patterns match, also inside mappings and tuples."""
    if isinstance(value, str):
        return text_pattern.sub(MASK, value)
    if isinstance(value, bytes):
        return bytes_pattern.sub(MASK.encode(), value)
    if isinstance(value, Mapping):
        return {name: _masked(each, text_pattern, bytes_pattern) for name, each in value.items()}
    if isinstance(value, tuple):
        return tuple(_masked(each, text_pattern, bytes_pattern) for each in value)
    return value
