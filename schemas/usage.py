"""The tokens that a call used, in one form for every provider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any

from attrs import evolve, field, fields, frozen

from .foreign_names import Hinted


@frozen(slots=False)  # slots would double the 0.5 µs of making one, and every call does
class Usage(Hinted, hints="usage"):
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
    """False if the final counts did not come, or only some of them: the numbers are then a lower bound."""
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


NO_USAGE = Usage(complete=False)
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


_WORDS = ("service_tier", "region")


def later_usage(before: Usage, after: Usage, *, final: bool = False) -> tuple[Usage, list[str]]:
    """Merge two reports on one answer: return the later one, and the names of its counts that are too low.

    final: the earlier counts were estimates, which the later ones correct unless they are zero.

    The counts of a stream are totals. A lower count than before is wrong (servers of Anthropic's format report the
    input at the start, and 0 at the end): the higher one stays. So does a count that the later report leaves out.
    """
    old, new = vars(before), vars(after)
    kept: dict[str, Any] = {
        name: old[name]
        for name in _ADDED
        if old[name] is not None and (new[name] is None or (new[name] < old[name] and not (final and new[name] > 0)))
    }
    lower = [name for name in kept if new[name] is not None]
    kept.update({name: old[name] for name in _WORDS if old[name] is not None and new[name] is None})
    if not set(before.unpriced_charges) <= set(after.unpriced_charges):
        kept["unpriced_charges"] = tuple(dict.fromkeys(before.unpriced_charges + after.unpriced_charges))
    return (evolve(after, **kept) if kept else after), lower


PARTS: Mapping[str, str] = {
    "reasoning_tokens": "output_tokens",
    "output_audio_tokens": "output_tokens",
    "cached_input_tokens": "input_tokens",
    "cache_write_tokens": "input_tokens",
    "input_audio_tokens": "input_tokens",
    "cache_write_1h_tokens": "cache_write_tokens",
    "cached_audio_tokens": "cached_input_tokens",
}
"""The counts that are part of another one."""


def sound_usage(usage: Usage, *, has_output: bool) -> tuple[Usage, list[str]]:
    """Return the usage without counts below zero and with no part larger than its whole, and what was changed.

    It is not complete if it has no count of the input, or of the output where `has_output` says that there is one.
    """
    if _is_plainly_sound(usage):
        return usage, []
    counts, changed, why = vars(usage), dict[str, Any](), list[str]()
    for name in _ADDED:
        if (count := counts[name]) is not None and count < 0:
            changed[name] = None
            why.append(f"{name} of {count} left out: it is below zero")
    for part, whole in PARTS.items():
        most, count = changed.get(whole, counts[whole]), changed.get(part, counts[part])
        if count is not None and most is not None and count > most:
            changed[part] = most
            why.append(f"{part} of {count} cut to {most}, which is all of {whole}")
    sound = evolve(usage, **changed) if changed else usage
    lacks = sound.input_tokens is None or (has_output and sound.output_tokens is None)
    lacks = lacks and sound.complete and sound.reported_cost is None
    return (evolve(sound, complete=False) if lacks else sound), why


def _is_plainly_sound(usage: Usage) -> bool:
    """Check in half a microsecond what holds for nearly every answer. False means that a closer look is needed."""
    read, wrote = usage.input_tokens, usage.output_tokens
    return (
        read is not None
        and wrote is not None
        and 0 <= (usage.cached_input_tokens or 0) <= read
        and 0 <= (usage.cache_write_tokens or 0) <= read
        and 0 <= (usage.reasoning_tokens or 0) <= wrote
        and not (usage.input_audio_tokens or usage.output_audio_tokens or usage.cached_audio_tokens)
        and not (usage.cache_write_1h_tokens or usage.web_searches)
        and not (usage.billed_input_tokens or usage.billed_output_tokens or usage.reported_cost)
    )


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
