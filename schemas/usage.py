"""The tokens that a call used, in one form for every provider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any

from attrs import field, fields, frozen


@frozen(slots=False)  # slots would double the 0.5 µs of making one, and every call does
class Usage:
    """The token counts of a call, and what else decides its price. None where the provider does not report it."""

    input_tokens: int | None = None
    """All input, cached and cache-written tokens included."""
    output_tokens: int | None = None
    """All output, reasoning included."""
    cached_input_tokens: int | None = None
    """The part of the input that was read from the provider's cache."""
    cache_write_tokens: int | None = None
    """The part of the input that was written to the provider's cache, for whatever time."""
    cache_write_1h_tokens: int | None = None
    """The part of `cache_write_tokens` that was written for an hour."""
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    complete: bool = True
    """False if the stream ended before the final counts: the numbers are then a lower bound."""
    reported_cost: Decimal | None = None
    """US dollars that the provider itself says it charged."""
    service_tier: str | None = None
    """The provider's name for how the call was served: default, flex, priority, fast, batch. Prices depend on it."""
    cached_audio_tokens: int | None = None
    """The part of the cached input that is audio."""
    web_searches: int | None = None
    """How often the provider searched the web with a tool of its own."""
    region: str | None = None
    """The provider's name for where the call was served, if prices depend on it."""
    unpriced_charges: tuple[str, ...] = ()
    """What the provider also ran and bills, in amounts that it does not report: the cost is then a lower bound."""
    billed_input_tokens: int | None = None
    """The input that is charged for, where that differs from what the model read."""
    billed_output_tokens: int | None = None
    """The output that is charged for, where that differs from what the model wrote."""
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)
    """The counts as the provider sent them."""

    def __repr__(self) -> str:
        """Show in one line the fields that differ from their defaults."""
        known = ((each.name, each.default, getattr(self, each.name)) for each in fields(Usage) if each.repr)
        return f"Usage({', '.join(f'{name}={value!r}' for name, default, value in known if value != default)})"

    @property
    def total_tokens(self) -> int | None:
        """Input plus output; None when neither is known."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)


NO_USAGE = Usage()
"""The usage of a reply without one, shared by all: making another takes 1 µs a call."""

_WHOLE = ("billed_input_tokens", "billed_output_tokens", "reported_cost")
"""What has a sum only if all have a value."""
_ADDED = (
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
    *_WHOLE,
)


def parse_reported_cost(cost: object) -> Decimal | None:
    """Return a cost that a provider reports as exact dollars; None if it is not a finite number of zero or more."""
    if cost is None or isinstance(cost, bool) or not isinstance(cost, (int, float, Decimal)):
        return None
    dollars = Decimal(str(cost))
    return dollars if dollars.is_finite() and dollars >= 0 else None


def total_usage(usages: Iterable[Usage | None]) -> Usage:
    """Return the sum over several calls, which is complete only if each of them is."""
    known = [usage for usage in usages if usage is not None]
    sums: dict[str, Any] = {}
    charges: dict[str, None] = {}
    for usage in known:
        for name in _ADDED:
            if (value := getattr(usage, name)) is not None:
                sums[name] = sums.get(name, 0) + value
        charges.update(dict.fromkeys(usage.unpriced_charges))
    for name in _WHOLE:
        if None in map(attrgetter(name), known):
            sums.pop(name, None)
    service_tiers, regions = {*map(attrgetter("service_tier"), known)}, {*map(attrgetter("region"), known)}
    return Usage(
        **sums,
        complete=all(map(attrgetter("complete"), known)),
        service_tier=service_tiers.pop() if len(service_tiers) == 1 else None,
        region=regions.pop() if len(regions) == 1 else None,
        unpriced_charges=tuple(charges),
    )
