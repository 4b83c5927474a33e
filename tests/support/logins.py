"""A complete login for any provider."""

from __future__ import annotations

from typing import Any

from stepwell.providers.declare.credentials import DOCUMENT
from stepwell.providers.declare.provider import Provider


def login_for(provider: Provider, word: str = "GIVEN") -> Any:
    """Return a complete login of the caller's own, without a document."""
    takes = provider.takes()
    logins = [
        login for login in takes.logins if not any(v.kind == DOCUMENT for v in takes.values if v.name in login.needs)
    ]
    return {name: f"{word}{at}" for at, name in enumerate(logins[0].needs)}
