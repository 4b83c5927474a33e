"""The summary of a map: counts, errors by class, cost, tokens and latencies, in a bounded amount of memory."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol, cast

from attrs import define, field, frozen

from ...schemas.errors import StepwellError
from ...schemas.prices import EXACT, NOTHING, Cost
from ...schemas.reply import CallWarning
from ...schemas.usage import Usage
from .latencies import Latencies, bucket_of
from .result import MapResult

_MOST_WARNINGS = 20
_MOST_REASONS = 20
_REASON = 200
"""The most characters of a reason."""
_COLUMNS = 80


@frozen
class MapSummary:
    """What became of all items of a map."""

    answered: int = 0
    """Items that were answered in this run."""
    failed: int = 0
    """Items that have an error as their result in this run."""
    skipped: int = 0
    """Items whose result was in the file from an earlier run."""
    skipped_failed: int = 0
    """How many results of earlier runs are errors: run again with `retry_failed=True`."""
    errors: Mapping[str, int] = field(factory=dict)
    """How many errors there were of each class, the most frequent first."""
    cost: Cost = field(factory=lambda: Cost(NOTHING))
    """Of this run; a lower bound where the cost of some items is unknown."""
    usage: Usage = field(factory=Usage)
    """The tokens of this run."""
    seconds: float = 0.0
    """How long this run took."""
    latencies: Latencies = field(factory=Latencies)
    maybe_billed: int = 0
    """Items that failed, or were sent again, after a request whose answer was lost, for which the provider may charge.
    """
    warnings: tuple[CallWarning, ...] = ()
    """The distinct warnings of the replies, at most 20."""
    model: str = ""
    mode: str = "live"
    """live or batch"""
    why: str = ""
    """Why this mode was chosen, with mode="auto"."""
    out: str | None = None
    """The file of results."""
    reasons: Mapping[str, str] = field(factory=dict)
    """What the first error of a class says, cut at 200 characters, of at most 20 classes. Of an error that is none of
    stepwell's, whose message may quote an item, it is where the error was raised."""
    cut: int = 0
    """Items whose answer was cut at a limit of tokens."""

    @property
    def p50(self) -> float | None:
        """Seconds within which half of the items were done; None without any."""
        return self.latencies.percentile(50)

    @property
    def p90(self) -> float | None:
        """Seconds within which 90% of the items were done."""
        return self.latencies.percentile(90)

    @property
    def p99(self) -> float | None:
        """Seconds within which 99% of the items were done."""
        return self.latencies.percentile(99)

    def __repr__(self) -> str:
        parts = [f"{self.answered:,} answered"]
        parts += [f"{self.failed:,} failed"] * bool(self.failed)
        parts += [f"{self.skipped:,} done before"] * bool(self.skipped)
        return f"MapSummary({', '.join([*parts, shown_cost(self.cost), f'{self.seconds:.1f} s'])})"

    def __str__(self) -> str:
        """Return some lines of text, of at most 80 columns."""
        done = self.answered + self.failed
        rate = f", {done / self.seconds:,.1f} a second" if done and self.seconds > 0 else ""
        rows = [f"{self.model} ({self.mode}{', ' + self.why if self.why else ''})"]
        rows.append(f"{self.answered:,} answered, {self.failed:,} failed, {self.skipped:,} done before")
        for name, count in self.errors.items():
            rows.append(f"  {count:,} {name}")
            rows += _below(self.reasons.get(name, ""))
        if self.cut:
            rows.append(f"{self.cut:,} of the answers were cut at a limit of tokens; max_tokens sets another")
        if self.skipped_failed:
            rows.append(f"{self.skipped_failed:,} of the results from before are errors")
        tokens = (self.usage.input_tokens or 0, self.usage.output_tokens or 0)
        rows.append(f"{self.seconds:,.1f} s{rate}; {tokens[0]:,} tokens in, {tokens[1]:,} out; {shown_cost(self.cost)}")
        if self.maybe_billed:
            rows.append(f"{self.maybe_billed:,} requests whose answer was lost may be charged besides")
        if self.p50 is not None:
            rows.append(f"latency p50 {self.p50:.3g} s, p90 {self.p90:.3g} s, p99 {self.p99:.3g} s")
        rows += [f"results in {self.out}"] * (self.out is not None)
        return "\n".join(rows)

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Write a plot as SVG: how long the items took, and the errors by class. Raises ConfigError if it cannot."""
        from ...schemas.atomic_files import write_file  # only for those who plot
        from .plot import svg

        rows = [("answered", self.answered), *self.errors.items()]
        write_file(path, svg(str(self), rows, self.latencies).encode())


class Display(Protocol):
    """What shows the progress."""

    every: float
    """Seconds between two calls of `show`."""

    def show(self, summary: MapSummary, expected: float | None) -> None:
        """Show the summary so far. `expected` is about how many items there are, None if unknown."""

    def close(self, summary: MapSummary) -> None:
        """Show the end, or remove what was shown."""


def shown_cost(cost: Cost) -> str:
    """Return a cost as text: with four digits, from $100 on with cents."""
    if cost.total is None:
        return "cost unknown"
    amount = f"${cost.total:,.2f}" if cost.total >= 100 else f"${float(cost.total):.4g}"
    return f"at least {amount}" if cost.lower_bound else amount


def _below(reason: str) -> list[str]:
    """Return the lines of a reason, which has no line breaks of its own, below the class of its errors."""
    return textwrap.wrap(reason, _COLUMNS, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)


def _reason_of(error: Exception) -> str:
    """Return what an error says, without what it may quote of an item."""
    if isinstance(error, StepwellError):
        text = " ".join(str(error).split())
        return text if len(text) <= _REASON else text[: _REASON - 1] + "…"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    code = trace.tb_frame.f_code
    return f"raised by {code.co_name}, {os.path.basename(code.co_filename)}:{trace.tb_lineno}"


@define(eq=False)
class Tally:
    """The counts of a running map. The caller holds a lock."""

    answered: int = 0
    failed: int = 0
    skipped: int = 0
    errors: dict[str, int] = field(factory=dict)
    reasons: dict[str, str] = field(factory=dict)
    cut: int = 0
    maybe_billed: int = 0
    _total: Decimal = NOTHING
    _unknown: str | None = None
    _priced: int = 0
    _bound: str | None = None
    _tokens: list[int] = field(factory=lambda: [0, 0, 0, 0])
    _latencies: dict[int, int] = field(factory=dict)
    _warnings: dict[CallWarning, None] = field(factory=dict)

    def add(self, result: MapResult) -> None:
        """Count a result."""
        if result.error is None:
            self.answered += 1
        else:
            self.failed += 1
            name = type(result.error).__name__
            self.errors[name] = self.errors.get(name, 0) + 1
            if name not in self.reasons and len(self.reasons) < _MOST_REASONS:
                self.reasons[name] = _reason_of(result.error)
        self.maybe_billed += result.maybe_billed
        cost, usage = result.cost, result.usage
        if cost.total is None:
            self._unknown = self._unknown or cost.reason
        else:
            self._priced += 1
            if cost.total:
                self._total = EXACT.add(self._total, cost.total)
            if cost.lower_bound:
                self._bound = self._bound or cost.reason
        if usage is not None:
            tokens = self._tokens
            tokens[0] += usage.input_tokens or 0
            tokens[1] += usage.output_tokens or 0
            tokens[2] += usage.cached_input_tokens or 0
            tokens[3] += usage.reasoning_tokens or 0
        if result.seconds is not None:
            bucket = bucket_of(result.seconds)
            self._latencies[bucket] = self._latencies.get(bucket, 0) + 1
        reply = result.reply
        if reply is not None:
            self.cut += reply.finish_reason == "length"
            if reply.warnings and len(self._warnings) < _MOST_WARNINGS:
                self._warnings.update(dict.fromkeys(reply.warnings))

    @property
    def cost(self) -> Cost:
        """What all results cost, as far as that is known."""
        if self._unknown is not None and not self._total:
            return Cost(None, reason=self._unknown)
        reason = self._unknown or self._bound
        return Cost(self._total, reason=reason, lower_bound=reason is not None)

    def summary(self, **facts: object) -> MapSummary:
        """Return the counts, and further facts by the names of a summary's fields."""
        read, wrote, cached, reasoning = self._tokens
        return MapSummary(
            answered=self.answered,
            failed=self.failed,
            skipped=self.skipped,
            errors=dict(sorted(self.errors.items(), key=lambda each: -each[1])),
            cost=self.cost,
            usage=Usage(read, wrote, cached_input_tokens=cached, reasoning_tokens=reasoning),
            reasons=dict(self.reasons),
            cut=self.cut,
            latencies=Latencies(dict(self._latencies)),
            maybe_billed=self.maybe_billed,
            warnings=tuple(self._warnings)[:_MOST_WARNINGS],
            **cast(dict[str, Any], facts),
        )
