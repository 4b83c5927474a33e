"""What a call consumed, in one normal form for every provider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from attrs import field, fields, frozen


@frozen
class Usage:
    """Token counts; None where the provider does not say.

    `input_tokens` is all input, cached and cache-written tokens included; `output_tokens` all output,
    reasoning included. `cache_write_tokens` is all that was written to the provider's cache, of which
    `cache_write_1h_tokens` for an hour. `complete` is False when the stream broke off before the final counts, which
    makes the numbers a lower bound. `reported_cost` is what the provider itself says it charged, in US dollars.
    `service_tier` is the provider's word for how the call was served (default, flex, priority, fast, batch), `region`
    its word for where, when it is somewhere that costs more: prices differ by both. None where it does not say.

    `cached_audio_tokens` is how much of the cached input is audio. `web_searches` is how often the provider searched
    the web by a tool of its own, where it counts that. `besides` names what else it ran and bills apart, in numbers
    that it does not tell: the cost is then a lower bound. `billed_input_tokens` and `billed_output_tokens` are what is
    paid for, where that is not what the model read and wrote (Cohere).
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    complete: bool = True
    reported_cost: Decimal | None = None
    service_tier: str | None = None
    cached_audio_tokens: int | None = None
    web_searches: int | None = None
    region: str | None = None
    unpriced_charges: tuple[str, ...] = ()
    billed_input_tokens: int | None = None
    billed_output_tokens: int | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)

    def __repr__(self) -> str:
        """One line with what is known."""
        known = ((each.name, each.default, getattr(self, each.name)) for each in fields(Usage) if each.repr)
        return f"Usage({', '.join(f'{name}={value!r}' for name, default, value in known if value != default)})"

    @property
    def total_tokens(self) -> int | None:
        """Input plus output; None when neither is known."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)


_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "cached_audio_tokens",
    "web_searches",
)
_BILLED = ("billed_input_tokens", "billed_output_tokens")


def parse_reported_cost(cost: Any) -> Decimal | None:
    """A cost that a provider tells, as exact dollars; None for what is no sum of money: no number, less than zero."""
    if isinstance(cost, bool) or not isinstance(cost, int | float | Decimal):
        return None
    dollars = Decimal(str(cost))
    return dollars if dollars.is_finite() and dollars >= 0 else None


def total_usage(usages: Iterable[Usage | None]) -> Usage:
    """The sum over several calls; complete only if each of them is."""
    known = [usage for usage in usages if usage is not None]
    counts: dict[str, Any] = {}
    for name in _COUNTS:
        values = [value for usage in known if (value := getattr(usage, name)) is not None]
        counts[name] = sum(values) if values else None
    for name in _BILLED:
        values = [getattr(usage, name) for usage in known]
        counts[name] = sum(values) if values and None not in values else None
    costs = [usage.reported_cost for usage in known if usage.reported_cost is not None]
    served, where = {usage.service_tier for usage in known}, {usage.region for usage in known}
    return Usage(
        **counts,
        complete=all(usage.complete for usage in known),
        reported_cost=sum(costs, Decimal(0)) if costs and len(costs) == len(known) else None,
        service_tier=served.pop() if len(served) == 1 else None,
        region=where.pop() if len(where) == 1 else None,
        unpriced_charges=tuple(dict.fromkeys(name for usage in known for name in usage.unpriced_charges)),
    )
