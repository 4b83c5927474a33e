"""What calls beside chat are given."""

from __future__ import annotations

from ....pipeline.http.request import Request
from ....schemas.errors import ConfigError


def text_input(request: Request) -> str:
    """Return the call's input, one text. Raises ConfigError for anything else."""
    if not isinstance(request.input, str) or not request.input.strip():
        raise ConfigError(f"{request.operation} needs a text", hint="pass a string")
    return request.input
