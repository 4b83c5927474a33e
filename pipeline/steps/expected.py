"""What a call may use, before it is made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...schemas.estimate import estimate_text, estimate_tokens
from ...schemas.usage import Usage
from ..request import Request


def expected_usage(request: Request, output_tokens: int | None) -> Usage:
    """What the call may use at most, as far as can be told beforehand."""
    options = request.options
    if request.operation != "chat":
        return Usage(input_tokens=sum(map(estimate_text, _texts(request.input))), output_tokens=0)
    tokens = estimate_tokens(request.context)
    # Where the step stands, options have the provider's own names: these are the two that there are.
    asked = options.get("max_tokens") or options.get("max_completion_tokens")
    most = asked or output_tokens or request.model.max_output_tokens
    caches = options.get("prompt_cache")
    return Usage(
        input_tokens=tokens,
        output_tokens=None if most is None else most * int(options.get("n") or 1),
        cache_write_tokens=tokens if caches else None,
        cache_write_1h_tokens=tokens if caches == "1h" else None,
        service_tier=options.get("service_tier"),
    )


def _texts(given: Any) -> Iterable[str]:
    if isinstance(given, str):
        yield given
    elif isinstance(given, dict):
        for value in given.values():
            yield from _texts(value)
    elif isinstance(given, Iterable) and not isinstance(given, bytes | bytearray):
        for value in given:
            yield from _texts(value)
