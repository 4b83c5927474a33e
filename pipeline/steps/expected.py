"""What a call may use, before it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...schemas.estimate import estimate_text, estimate_tokens
from ...schemas.json_text import JSONDecodeError, loads
from ...schemas.usage import Usage
from ..http.request import Request

_LIMITS = (
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_new_tokens",
    "maxOutputTokens",
    "maxTokens",
    "num_predict",
)
_CHOICES = ("n", "candidateCount")
_INSIDE = ("generationConfig", "inferenceConfig", "options", "parameters")
"""How bodies say how long an answer may become, and how many there shall be: at the top, or in one of these. A wire
with a word of its own is reckoned by the options of the call, or the model's limit, which is higher."""


def expected_usage(request: Request, output_tokens: int | None) -> Usage:
    """What the call may use at most, as far as can be told beforehand: an answer as long as the body allows, else
    `output_tokens`, else as long as the model can."""
    if request.operation != "chat":
        return Usage(input_tokens=sum(map(estimate_text, _texts(request.input))), output_tokens=0)
    options, body = request.options, _body(request)
    tokens = estimate_tokens(request.context)
    places = (body, *(body[name] for name in _INSIDE if isinstance(body.get(name), Mapping)), options)
    most, choices = _most(places, _LIMITS), _most(places, _CHOICES) or 1
    if most is None:
        most = request.model.max_output_tokens if output_tokens is None else output_tokens
    caches = options.get("prompt_cache")
    return Usage(
        input_tokens=tokens,
        output_tokens=None if most is None else most * choices,
        cache_write_tokens=tokens if caches else None,
        cache_write_1h_tokens=tokens if caches == "1h" else None,
        service_tier=_tier(body) or options.get("service_tier"),
    )


def _body(request: Request) -> Mapping[str, Any]:
    """What is to be sent, where it is a JSON object: only there is all that rules, wires and users have put in."""
    try:
        body = loads(request.body) if request.body else None
    except JSONDecodeError:
        body = None
    return body if isinstance(body, Mapping) else {}


def _most(places: Iterable[Mapping[str, Any]], names: Iterable[str]) -> int | None:
    """The highest number of these names; None where none is above zero."""
    values = [place.get(name) for place in places for name in names]
    counts = [value for value in values if isinstance(value, int) and not isinstance(value, bool) and value > 0]
    return max(counts, default=None)


def _tier(body: Mapping[str, Any]) -> str | None:
    tier = body.get("service_tier") or body.get("serviceTier")
    tier = tier.get("type") if isinstance(tier, Mapping) else tier
    return tier if isinstance(tier, str) else None


def _texts(given: Any) -> Iterable[str]:
    if isinstance(given, str):
        yield given
    elif isinstance(given, dict):
        for value in given.values():
            yield from _texts(value)
    elif isinstance(given, Iterable) and not isinstance(given, bytes | bytearray):
        for value in given:
            yield from _texts(value)
