"""Estimate what a call may use, before it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...schemas.estimate import estimate_text, estimate_tokens
from ...schemas.json_text import JSONDecodeError, loads
from ...schemas.usage import Usage
from ..http.request import Request
from ..http.vendor_names import counts_in


def expected_usage(request: Request, output_tokens: int | None) -> Usage:
    """Estimate the most that the call may use.

    The length of the answer is what the body or the options allow, else `output_tokens`, else the longest that the
    model can write. A body that limits its answers by a name which is not among `request.names` counts as unlimited.
    """
    if request.operation != "chat":
        return Usage(input_tokens=sum(map(estimate_text, _texts(request.input))), output_tokens=0)
    options, body, names = request.options, _body(request), request.names
    tokens = estimate_tokens(request.context)
    places = (body, *(body[name] for name in names.groups if isinstance(body.get(name), Mapping)), options)
    limit, answers = _highest(places, names.output_limit), _highest(places, names.answer_count) or 1
    if limit is None:
        limit = request.model.max_output_tokens if output_tokens is None else output_tokens
    caches = options.get("prompt_cache")
    return Usage(
        input_tokens=tokens,
        output_tokens=None if limit is None else limit * answers,
        cache_write_tokens=tokens if caches else None,
        cache_write_1h_tokens=tokens if caches == "1h" else None,
        service_tier=_tier(body, names.service_tier) or options.get("service_tier"),
    )


def output_limit(request: Request) -> int | None:
    """Return the highest number of tokens for an answer that the options name; None where they name none."""
    return _highest((request.options,), request.names.output_limit)


def _body(request: Request) -> Mapping[str, Any]:
    """Return the body where it is a JSON object: only it has everything that rules, wires and users have put in."""
    try:
        body = loads(request.body) if request.body else None
    except JSONDecodeError:
        body = None
    return body if isinstance(body, Mapping) else {}


def _highest(places: Iterable[Mapping[str, Any]], names: Iterable[str]) -> int | None:
    return max(counts_in(places, names), default=None)


def _tier(body: Mapping[str, Any], names: Iterable[str]) -> str | None:
    tier = next((value for name in names if (value := body.get(name))), None)
    tier = tier.get("type") if isinstance(tier, Mapping) else tier
    return tier if isinstance(tier, str) else None


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, Iterable) and not isinstance(value, bytes | bytearray):
        for each in value:
            yield from _texts(each)
