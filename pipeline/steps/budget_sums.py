"""What is spent, estimated and reserved of a budget."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import ROUND_UP, Decimal

from attrs import define, field

NOTHING = Decimal(0)


@define
class Taken:
    """What calls have taken of a budget, in dollars and in tokens."""

    spent: Decimal = NOTHING
    estimated: Decimal = NOTHING
    tokens: int = 0
    """spent and estimated"""
    calls: int = 0
    unpriced: int = 0

    def add(self, other: Taken) -> None:
        """Add what other calls have taken."""
        self.spent += other.spent
        self.estimated += other.estimated
        self.tokens += other.tokens
        self.calls += other.calls
        self.unpriced += other.unpriced

    def remove(self, other: Taken) -> None:
        """Take away what `add` has added."""
        self.add(Taken(-other.spent, -other.estimated, -other.tokens, -other.calls, -other.unpriced))


@define
class Sums(Taken):
    """What calls have taken of a budget, and what is reserved for others."""

    _reserved: dict[int, tuple[Decimal, int]] = field(factory=dict)
    """By process: of a call that another thread made before a fork, the child would never see the end."""

    @property
    def reserved(self) -> tuple[Decimal, int]:
        return self._reserved.get(os.getpid(), (NOTHING, 0))

    @property
    def all(self) -> Decimal:
        return self.spent + self.estimated + self.reserved[0]

    @property
    def all_tokens(self) -> int:
        return self.tokens + self.reserved[1]

    def reserve(self, process: int, dollars: Decimal, tokens: int) -> None:
        """Add a reservation of a process; negative amounts take it away."""
        before, tokens_before = self._reserved.get(process, (NOTHING, 0))
        self._reserved[process] = (before + dollars, tokens_before + tokens)


def in_billionths(dollars: Decimal) -> int:
    """Return an amount in whole billionths of dollars, rounded up: a store counts whole numbers."""
    return int(dollars.scaleb(9).to_integral_value(ROUND_UP))


def counts_of(taken: Taken) -> dict[str, int]:
    """Return what a store adds to its sums."""
    dollars = {"spent": in_billionths(taken.spent), "estimated": in_billionths(taken.estimated)}
    return {**dollars, "tokens": taken.tokens, "calls": taken.calls, "unpriced": taken.unpriced}


def sums_of(counts: Mapping[str, int]) -> Sums:
    """Return the sums of a store."""
    spent, estimated, reserved = (
        Decimal(counts.get(name, 0)).scaleb(-9) for name in ("spent", "estimated", "reserved")
    )
    tokens, calls, unpriced = (counts.get(name, 0) for name in ("tokens", "calls", "unpriced"))
    sums = Sums(spent, estimated, tokens, calls, unpriced)
    sums.reserve(os.getpid(), reserved, counts.get("reserved_tokens", 0))
    return sums
