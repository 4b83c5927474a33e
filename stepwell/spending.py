"""Add up what many calls cost: by model, by kind of token, and how many have an unknown cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

from attrs import evolve, field, frozen

from .schemas.errors import ConfigError, StepwellError
from .schemas.prices import BUCKETS, EXACT, FEES, NOTHING, REPORTED, Cost, price
from .schemas.reply import Reply
from .schemas.usage import Usage, total_usage


@frozen
class Spending:
    """The cost of the calls to one model, or of all calls. Amounts are exact, in US dollars."""

    calls: int
    usage: Usage
    total: Decimal
    """The sum of all costs that are known, by the provider's own figure where it reports one."""
    buckets: Mapping[str, Decimal]
    """`listed`, divided by kind of token."""
    listed: Decimal
    """The sum by our price list alone."""
    reported: Decimal | None
    """The sum of the costs that providers report; None where none does."""
    unknown: int
    """How many calls are in none of these sums."""
    reasons: Mapping[str, int]
    """Why their cost is unknown, and how often."""
    lower_bound: bool
    """True when a call cost at least what is counted."""
    bounds: Mapping[str, int] = field(factory=dict)
    """Why costs are lower bounds, and how often."""
    saved: Decimal = NOTHING
    """What the calls that were answered from stepwell's own cache would have cost, as far as that is known."""

    @property
    def complete(self) -> bool:
        """Whether `total` is all that was spent."""
        return not self.unknown and not self.lower_bound

    def to_dict(self) -> dict[str, Any]:
        """Return plain data. Amounts are strings, so that JSON keeps them exact."""
        return {
            "calls": self.calls,
            "input_tokens": self.usage.input_tokens,
            "cached_input_tokens": self.usage.cached_input_tokens,
            "output_tokens": self.usage.output_tokens,
            "reasoning_tokens": self.usage.reasoning_tokens,
            "total": _plain(self.total),
            "buckets": {name: _plain(amount) for name, amount in self.buckets.items()},
            "listed": _plain(self.listed),
            "reported": None if self.reported is None else _plain(self.reported),
            "unknown": self.unknown,
            "reasons": dict(self.reasons),
            "lower_bound": self.lower_bound,
            "bounds": dict(self.bounds),
            "saved": _plain(self.saved),
        }


@frozen
class CostReport:
    """The cost of calls, in total and by model. Print it for a table."""

    all: Spending
    models: Mapping[str, Spending] = field(factory=dict)
    """By "provider:model-id"."""

    @property
    def total(self) -> Decimal:
        """The sum of all costs that are known; see `all.complete`."""
        return self.all.total

    @property
    def saved(self) -> Decimal:
        """What the calls that were answered from stepwell's own cache would have cost."""
        return self.all.saved

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return {"all": self.all.to_dict(), "models": {name: each.to_dict() for name, each in self.models.items()}}

    def __str__(self) -> str:
        head = ("model", "calls", "input", "cached", "output", "$")
        rows = [_row(name, each) for name, each in self.models.items()]
        if len(rows) != 1:
            rows.append(_row("all", self.all))
        lines = _table([head, *rows])
        if self.all.buckets:
            lines.append("by kind: " + ", ".join(f"{name} ${_plain(sum)}" for name, sum in self.all.buckets.items()))
        if self.all.reported is not None:
            lines.append(f"reported by providers themselves: ${_plain(self.all.reported)}")
        for name, each in self.models.items():
            lines += [f"not counted: {count} of {name}, {why}" for why, count in each.reasons.items()]
        for name, each in self.models.items():
            lines += [f"at least: {count} of {name}, {why}" for why, count in each.bounds.items()]
        if self.all.saved:
            lines.append(f"saved by the cache: ${_plain(self.all.saved)}")
        return "\n".join(lines)


def cost_report(replies: Iterable[Reply | StepwellError] | Reply | StepwellError) -> CostReport:
    """Add up replies, and errors of calls that had begun to cost. A reply of several steps counts as its steps.

    Each call is priced separately, because prices depend on its prompt length and service tier. Unknown costs are
    counted, with the reason, and never taken for 0.
    """
    items = [replies] if isinstance(replies, Reply | StepwellError) else replies
    calls: dict[str, list[Reply]] = {}
    for item in items:
        for call in _calls(item):
            calls.setdefault(_name(call), []).append(call)
    everything = [call for each in calls.values() for call in each]
    return CostReport(_sum(everything), {name: _sum(each) for name, each in sorted(calls.items())})


def _calls(item: Reply | StepwellError) -> Iterator[Reply]:
    if isinstance(item, StepwellError):
        if item.partial is not None:
            yield from _calls(item.partial)
        elif item.usage is not None:
            yield Reply(usage=item.usage, provider=item.provider or "", model=item.model or "")
    elif not isinstance(item, Reply):
        raise ConfigError(
            f"a cost report is made of replies, not of {type(item).__name__}", hint="pass stream.reply() for a stream"
        )
    elif item.steps:
        for step in item.steps:
            yield from _calls(step)
    else:
        yield item


def _name(call: Reply) -> str:
    return str(call.billed_model) if call.billed_model else f"{call.provider or '?'}:{call.model or '?'}"


def _sum(calls: Sequence[Reply]) -> Spending:
    costs = [call.cost for call in calls]
    known = [cost for cost in costs if cost.total is not None]
    reasons = Counter(cost.reason or "no reason is known" for cost in costs if cost.total is None)
    reported = [cost for cost in known if cost.source == REPORTED]
    ours = [_listed(call, cost) for call, cost in zip(calls, costs, strict=True) if cost.total is not None]
    amounts = {name: [cost.items[name] for cost in ours if name in cost.items] for name in (*BUCKETS, *FEES)}
    return Spending(
        calls=len(calls),
        usage=total_usage(call.usage for call in calls if not call.already_paid),
        total=_exact_sum(cost.total for cost in known),
        buckets={name: _exact_sum(each) for name, each in amounts.items() if each},
        listed=_exact_sum(cost.total for cost in ours),
        reported=_exact_sum(cost.total for cost in reported) if reported else None,
        unknown=reasons.total(),
        reasons=dict(reasons),
        lower_bound=any(cost.lower_bound for cost in known),
        bounds=Counter(cost.reason or "no reason is known" for cost in known if cost.lower_bound),
        saved=_exact_sum(cost.saved for cost in known),
    )


def _listed(call: Reply, cost: Cost) -> Cost:
    """Return the cost by our price list alone."""
    if cost.source != REPORTED:
        return cost
    return price(evolve(call.usage, reported_cost=None), call.billed_model.prices if call.billed_model else None)


def _exact_sum(amounts: Iterable[Decimal | None]) -> Decimal:
    """Add up amounts; None counts as 0."""
    return reduce(EXACT.add, (NOTHING if amount is None else amount for amount in amounts), NOTHING)


def _row(name: str, each: Spending) -> tuple[str, ...]:
    counts = (each.usage.input_tokens, each.usage.cached_input_tokens, each.usage.output_tokens)
    amount = "?" if each.unknown == each.calls > 0 else _plain(each.total)
    more = " + ?" if each.unknown and amount != "?" else ""
    return name, f"{each.calls:,}", *("?" if n is None else f"{n:,}" for n in counts), amount + more


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out rows: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *numbers in rows:
        cells = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join([name.ljust(widths[0]), *cells]))
    return lines


def _plain(amount: Decimal) -> str:
    """Write an amount as 0.0045, not 4.5E-3 or 0.004500."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
