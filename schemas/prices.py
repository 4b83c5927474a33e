"""The prices of a model, and the cost of a call: an exact sum, or None with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, InvalidOperation
from functools import reduce
from typing import Any

from attrs import evolve, field, frozen

from .errors import ConfigError
from .usage import Usage, parse_reported_cost

BUCKETS = (
    "input",
    "output",
    "cache_read",
    "cache_read_audio",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "input_audio",
    "output_audio",
)

FEES = ("web_search",)
"""What is charged per use, not per token."""
_AMOUNTS = (*BUCKETS, *FEES, "batch_factor", "batch_cache_read_factor")
NOTHING = Decimal(0)
# A context of its own keeps sums exact, whatever precision or traps the application sets for its threads.
EXACT = Context(prec=80)


def exact_decimal(value: object, what: str = "a price") -> Decimal | None:
    """Return the value as the decimal that it is written as: 0.1 gives Decimal("0.1"). None stays None.

    Raises ConfigError for anything but a finite number of zero or more: some price lists use -1 for "it depends".
    """
    if value is None:
        return None
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number.is_signed() or isinstance(value, bool):
        raise ConfigError(
            f"{what} must be zero or more, not {value!r:.40}",
            hint="give a number in dollars, and leave out what is not known",
        )
    return number


@frozen
class Prices:
    """US dollars per million tokens, by bucket; None where the price list has no such line.

    A bucket without a price of its own has that of its parent: `reasoning` and `output_audio` that of `output`,
    `cache_read_audio` that of `cache_read`, `input_audio` and `cache_write` that of `input`. For a cache that is a
    lower bound. The price of a read from a cache follows from no other; it is only known to be less than `input`:
    without a price, such tokens are not counted. A write for an hour without one makes the cost unknown.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_read_audio: Decimal | None = None
    cache_write: Decimal | None = None
    """Writing to the cache with the shortest lifetime, usually five minutes."""
    cache_write_1h: Decimal | None = None
    reasoning: Decimal | None = None
    input_audio: Decimal | None = None
    output_audio: Decimal | None = None

    web_search: Decimal | None = None
    """US dollars per thousand searches by the provider's own tool, however the call is served."""
    regions: Mapping[str, Decimal] = field(factory=dict, hash=False)
    """The factor on the normal price of tokens by the region where a call is served, by the provider's name for it."""
    tiers: tuple[Tier, ...] = ()
    """Prices that replace these for the whole request above a number of input tokens, the lowest number first."""
    modes: Mapping[str, Prices] = field(factory=dict, hash=False)
    """The prices of other ways of being served, by the provider's name for them: fast, flex, priority."""
    batch_factor: Decimal | None = None
    """The factor of a batch on the normal price; None if no batch price is known."""
    batch_cache_read_factor: Decimal | None = None
    """The factor of a batch on cached input, which some providers do not discount twice; None means `batch_factor`."""
    other_charges: str | None = None
    """What else is charged that is not counted in tokens; every cost is then a lower bound."""
    as_of: str | None = None
    """The day (ISO) on which these prices were read."""
    source: str | None = None
    """Where they were read."""

    def __attrs_post_init__(self) -> None:
        # Not attrs converters, which would add milliseconds to the import.
        for name in _AMOUNTS:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, exact_decimal(value))
        if self.regions:
            object.__setattr__(self, "regions", {name: exact_decimal(factor) for name, factor in self.regions.items()})
        if len(self.tiers) > 1:
            object.__setattr__(self, "tiers", tuple(sorted(self.tiers, key=lambda tier: tier.over)))

    def times(self, factor: Decimal | float | str | None) -> Prices:
        """Return these prices multiplied by a factor, without modes and batch discount.

        Raises ConfigError for a factor that is not a number of zero or more.
        """
        by = exact_decimal(factor)
        if by is None:
            raise ConfigError("prices are multiplied by a number, not by None", hint="pass 1 to leave them as they are")
        rates: dict[str, Any] = {
            name: EXACT.multiply(rate, by) for name in BUCKETS if (rate := getattr(self, name)) is not None
        }
        return Prices(
            **rates,
            tiers=tuple(Tier(tier.over, tier.prices.times(by)) for tier in self.tiers),
            other_charges=self.other_charges,
            as_of=self.as_of,
            source=self.source,
        )

    def at(self, input_tokens: int) -> Prices:
        """Return the prices of a request with this number of input tokens, cached ones included."""
        row = self
        for tier in self.tiers:
            if input_tokens > tier.over:
                row = tier.prices
        return row


@frozen
class Tier:
    """The prices of a request of more than `over` input tokens."""

    over: int
    prices: Prices


@frozen(slots=False)  # slots would double what making one takes
class Cost:
    """A cost in US dollars, exact and not rounded."""

    total: Decimal | None
    """None if it cannot be known; an unknown price is never 0."""
    items: Mapping[str, Decimal] = field(factory=dict, hash=False)
    """The buckets that make up the total."""
    reason: str | None = None
    """Why the total is None, or a lower bound."""
    lower_bound: bool = False
    """True if some tokens or other charges are not counted, or part of what decides their price is unknown. With a
    total of None: no usage was reported (the call broke off, say), so that sums go without it and are lower bounds."""
    as_of: str | None = None
    """The day (ISO) on which the prices were read."""
    source: str | None = None
    """Where the prices come from."""
    saved: Decimal | None = None
    """What a call that was answered from stepwell's own cache would have cost."""


FREE = frozenset(
    ("count_tokens", "list_models", "upload_batch", "create_batch", "get_batch", "cancel_batch", "batch_results")
)
"""Operations that no provider charges for; the requests of a batch are charged one by one."""
REPORTED = "reported by the provider"
BATCH = "batch"
_ORDINARY = frozenset(("", "default", "standard", "standard_only", "auto", "on_demand", "unspecified"))
"""Names of service tiers that have the normal price."""


def price(usage: Usage | None, prices: Prices | None, *, batch: bool | None = None, mode: str | None = None) -> Cost:
    """Return the cost of a usage. A cost that the provider itself reports takes precedence over any price list.

    usage: the counted tokens.
    prices: the model's prices.
    batch: whether the provider's batch discount applies; by default as `usage.service_tier` says.
    mode: the row of `prices.modes` that applies; by default as `usage.service_tier` says.

    The cost of a service tier without a known price is unknown.
    """
    if usage is None:
        return Cost(None, reason="the provider reported no usage")
    if batch is None and mode is None and prices is not None and (cost := _plain_cost(usage, prices)) is not None:
        return cost
    if (charged := parse_reported_cost(usage.reported_cost)) is not None:
        why = None if usage.complete else "the call broke off before its final cost was reported"
        return Cost(charged, {"reported": charged}, why, not usage.complete, source=REPORTED)
    usage = _billed_usage(usage)
    tier = (usage.service_tier or "").lower()
    batch = tier == BATCH if batch is None else batch
    mode = mode or (None if tier in _ORDINARY or tier == BATCH else tier)
    reason = _unpriceable(usage, prices, batch, mode)
    if prices is None or reason:
        return Cost(None, reason=reason, lower_bound=reason == _NO_USAGE)
    fees, regions = prices.web_search, prices.regions
    prices = prices.modes[mode] if mode else prices
    row = prices.at(usage.input_tokens or 0)
    items: dict[str, Decimal] = {}
    regional = regions.get(usage.region) if usage.region else None
    counts = tokens_by_bucket(usage, row)
    for bucket, tokens in counts.items():
        rate = _rate(row, bucket)
        if rate is None and bucket in _READS and row.input:
            continue
        if rate is None:
            return Cost(None, reason=f"no price is known for {bucket} tokens", as_of=prices.as_of, source=prices.source)
        if batch:
            rate = EXACT.multiply(rate, _batch_factor(prices, bucket))
        if regional is not None:
            rate = EXACT.multiply(rate, regional)
        items[bucket] = _amount(rate, tokens)
    searches = _count(usage.web_searches)
    if searches and fees is not None:
        items["web_search"] = EXACT.scaleb(EXACT.multiply(fees, Decimal(searches)), -3)
    bounds = {
        "not all counts of tokens were reported": _is_partial(usage, row),
        f"there are charges besides tokens: {prices.other_charges}": bool(prices.other_charges),
        f"no price is known for {', '.join(usage.unpriced_charges)}": bool(usage.unpriced_charges),
        "no price is known for searches of the web": searches > 0 and fees is None,
        f"no price is known for the region {usage.region}": usage.region is not None and regional is None,
        "the price of cached audio is not known": _audio_cost_is_unclear(usage, row),
        **_cache_bounds(counts, row),
    }
    reason = "; ".join(why for why, holds in bounds.items() if holds) or None
    return Cost(_sum(items.values()), items, reason, reason is not None, as_of=prices.as_of, source=prices.source)


def _amount(rate: Decimal, tokens: int) -> Decimal:
    return EXACT.scaleb(EXACT.multiply(rate, tokens), -6)


def _plain_cost(usage: Usage, prices: Prices) -> Cost | None:
    """Return the cost in a fifth of the time of `price` where only plain input and output count, else None."""
    read, wrote, read_rate, write_rate = usage.input_tokens, usage.output_tokens, prices.input, prices.output
    if read is None or wrote is None or read_rate is None or write_rate is None or read < 0 or wrote < 0:
        return None
    if (
        (not usage.complete or usage.reported_cost is not None or usage.billed_input_tokens is not None)
        or (prices.tiers or prices.regions or prices.other_charges or usage.billed_output_tokens is not None)
        or (usage.service_tier is not None and usage.service_tier.lower() not in _ORDINARY)
        or (usage.reasoning_tokens and prices.reasoning is not None)
        or (usage.cached_input_tokens or usage.cache_write_tokens or usage.cache_write_1h_tokens or usage.region)
        or (usage.input_audio_tokens or usage.output_audio_tokens or usage.web_searches or usage.unpriced_charges)
    ):
        return None
    items = {"input": _amount(read_rate, read)} if read else {}
    if wrote:
        items["output"] = _amount(write_rate, wrote)
    return Cost(_sum(items.values()), items, None, False, prices.as_of, prices.source)


_READS = frozenset(("cache_read", "cache_read_audio"))


def _cache_bounds(counts: Mapping[str, int], row: Prices) -> dict[str, bool]:
    """Say which prices of a cache are missing, and what was done."""
    reads = sum(counts.get(bucket, 0) for bucket in _READS if _rate(row, bucket) is None)
    writes = counts.get("cache_write", 0) if row.cache_write is None and row.input else 0
    return {
        f"no price is known for reading from the provider's cache, so {reads} tokens are not counted": reads > 0,
        f"no price is known for writing to the provider's cache, so {writes} tokens count as other input": writes > 0,
    }


def tokens_by_bucket(usage: Usage, row: Prices) -> dict[str, int]:
    """Count each token once, in the bucket that `row` prices it by, and leave out empty buckets.

    The buckets add up to the usage's input and output; a part that exceeds the whole is clamped.
    `usage.cache_write_tokens` includes the writes for an hour.
    """
    writes_1h = _count(usage.cache_write_1h_tokens)
    audio, cached = _count(usage.input_audio_tokens), _count(usage.cached_input_tokens)
    cached_audio = min(cached, audio, _cached_audio(usage)) if _audio_has_own_price(row) else 0
    read = {
        "cache_read": cached - cached_audio,
        "cache_read_audio": cached_audio,
        "cache_write_1h": writes_1h,
        "cache_write": max(0, _count(usage.cache_write_tokens) - writes_1h),
        "input_audio": audio - cached_audio,
    }
    written = {
        "output_audio": _count(usage.output_audio_tokens),
        "reasoning": _count(usage.reasoning_tokens) if row.reasoning is not None else 0,
    }
    counts = _split("input", usage.input_tokens, read) | _split("output", usage.output_tokens, written)
    return {bucket: tokens for bucket, tokens in counts.items() if tokens}


def total_cost(costs: Iterable[Cost | None]) -> Cost:
    """Return the sum over several calls; its total is None, with the first reason, if any of them is unknown.

    A call whose usage was not reported, such as one that broke off, makes the sum a lower bound.
    """
    sums: dict[str, Decimal] = {}
    known = [cost if cost is not None else Cost(None, reason="a call has no cost") for cost in costs]
    broken = [cost for cost in known if cost.total is None and cost.lower_bound]
    for cost in known:
        if cost.total is None and (not cost.lower_bound or len(broken) == len(known)):
            return Cost(None, reason=cost.reason, lower_bound=cost.lower_bound)
        for bucket, amount in cost.items.items():
            sums[bucket] = EXACT.add(sums.get(bucket, NOTHING), amount)
    return Cost(
        _sum(cost.total for cost in known if cost.total is not None),
        sums,
        "; ".join(dict.fromkeys(cost.reason for cost in known if cost.reason)) or None,
        lower_bound=any(cost.lower_bound for cost in known),
        as_of=min((cost.as_of for cost in known if cost.as_of), default=None),
        saved=_sum(cost.saved for cost in known if cost.saved is not None) or None,
    )


_NO_USAGE = "no usage was reported"


def _unpriceable(usage: Usage, prices: Prices | None, batch: bool, mode: str | None) -> str | None:
    if prices is None:
        return "no price is known for this model"
    if usage.input_tokens is None and usage.output_tokens is None:
        if not usage.complete:
            return _NO_USAGE
        return "the provider reported no token counts"
    if mode and mode not in prices.modes:
        return f"no price is known for the mode {mode!r} of this model"
    if batch and (prices.modes[mode] if mode else prices).batch_factor is None:
        return "no batch price is known for this model"
    return None


def _billed_usage(usage: Usage) -> Usage:
    """Return the usage with the counts that are charged for."""
    if usage.billed_input_tokens is None and usage.billed_output_tokens is None:
        return usage
    read, wrote = usage.billed_input_tokens, usage.billed_output_tokens
    return evolve(usage, input_tokens=read, output_tokens=wrote, cached_input_tokens=None)


def _split(whole: str, amount: int | None, parts: dict[str, int]) -> dict[str, int]:
    left = sum(parts.values()) if amount is None else max(0, amount)
    split = {}
    for name, tokens in parts.items():
        split[name] = min(tokens, left)
        left -= split[name]
    split[whole] = left
    return split


_PARENTS: Mapping[str, str] = {
    "cache_read_audio": "cache_read",
    "cache_write": "input",
    "input_audio": "input",
    "output_audio": "output",
    "reasoning": "output",
}
"""The bucket whose price one without its own has."""


def _rate(row: Prices, bucket: str) -> Decimal | None:
    rate: Decimal | None = getattr(row, bucket)
    if rate is None and bucket in _PARENTS:
        rate = getattr(row, _PARENTS[bucket])
    return NOTHING if rate is None and bucket in _READS and row.input == 0 else rate


def _audio_has_own_price(row: Prices) -> bool:
    """Return whether audio input, cached or not, has a price of its own."""
    return row.cache_read_audio is not None or row.input_audio not in (None, row.input)


def _cached_audio(usage: Usage) -> int:
    """Count the cached audio; where it is not reported, all cached input, which gives the lowest possible cost."""
    known = usage.cached_audio_tokens
    return _count(usage.cached_input_tokens) if known is None else _count(known)


def _audio_cost_is_unclear(usage: Usage, row: Prices) -> bool:
    """Check whether audio was cached whose amount or price is unknown."""
    if not (usage.cached_input_tokens and usage.input_audio_tokens and _audio_has_own_price(row)):
        return False
    has_price = row.cache_read_audio is not None or row.cache_read is None
    return usage.cached_audio_tokens is None or (usage.cached_audio_tokens > 0 and not has_price)


def _batch_factor(prices: Prices, bucket: str) -> Decimal:
    if bucket in ("cache_read", "cache_read_audio") and prices.batch_cache_read_factor is not None:
        return prices.batch_cache_read_factor
    return prices.batch_factor if prices.batch_factor is not None else Decimal(1)


def _is_partial(usage: Usage, row: Prices) -> bool:
    """Return whether counts are missing. Embeddings have no output, and no price for it: theirs are complete."""
    return not usage.complete or usage.input_tokens is None or (usage.output_tokens is None and bool(row.output))


def _count(tokens: int | None) -> int:
    return tokens if tokens is not None and tokens > 0 else 0


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(EXACT.add, amounts, NOTHING)
