"""Mask credentials in what a cassette records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..pipeline.http.library_logs import SENDING
from ..pipeline.http.redact import masked, spellings
from ..pipeline.http.request import Request
from ..providers.declare.vendor_names import KEY_PREFIXES
from ..schemas.secret import MASK

if TYPE_CHECKING:
    import httpx

_HARMLESS = ("accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent")
_KEY_SHAPES = re.compile(rf"\b(?:{'|'.join(KEY_PREFIXES)})[-_]?[A-Za-z0-9_-]{{16,}}")
SENT_FIELDS = re.compile(
    r"""("(?:(?:access|refresh|id|session|bearer)_token|(?:api|access|secret|private)_?key|client_secret|password
    |authorization)"\s*:\s*")(?:[^"\\]|\\.)+""",
    re.VERBOSE | re.IGNORECASE,
)
"""Fields of a request's JSON that hold a credential."""
_TOKEN_FIELDS = re.compile(r"""("(?:access|refresh|id)_token"\s*:\s*"|"token"\s*:\s*"(?=[^"\\\s]{32}))[^"\\]+""")
"""Fields of a login's answer. A short "token" is one of the model's, as in log probabilities."""
_MIN_SECRET = 8
Secrets = tuple[Request | None, list[str]]


def secrets_of(request: httpx.Request) -> Secrets:
    """Return the request of ours that is being sent, with its credentials, and what else of its headers may be one."""
    values = [value for name, value in request.headers.items() if name not in _HARMLESS]
    words = {word for value in values for word in (value, *re.split(r"[ ,;=]+", value)) if len(word) >= _MIN_SECRET}
    # Dates and names of beta features are no secrets, so that a word must look like one.
    likely = sorted((word for word in words if re.search(r"\d", word) or len(word) > 20), key=len, reverse=True)
    return SENDING.get(), likely


def masked_text(text: str, secrets: Secrets, fields: re.Pattern[str] = _TOKEN_FIELDS) -> str:
    """Mask secrets in a text, and the credentials in these fields."""
    request, words = secrets
    if request is not None:
        text = masked(text, request)
    for word in words:
        text = re.sub(spellings(word), MASK, text)
    return _KEY_SHAPES.sub(MASK, fields.sub(rf"\1{MASK}", text))


def masked_bytes(data: bytes, secrets: Secrets, fields: re.Pattern[str] = _TOKEN_FIELDS) -> bytes:
    """Mask secrets in a body. A checksum or a length over one is no longer right."""
    try:
        return masked_text(data.decode(), secrets, fields).encode()
    except UnicodeDecodeError:
        # As Latin-1, in which each byte is a character.
        text = data.decode("latin-1")
        hidden = masked_text(text, secrets, fields)
        return data if hidden == text else hidden.encode("latin-1")
