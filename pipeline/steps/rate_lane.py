"""The attempts of this process that count for a RateLimit, and the calls that wait for it."""

from __future__ import annotations

from collections import deque
from math import ceil

from attrs import define, field

from ..signal import News, Signal

MOMENT = 1e-6
"""Seconds that are not waited for: less than what a clock or a sum of floats is exact to."""
_ON_THE_WAY = (0.05, 1.0)
"""How long a request may be on its way to the provider, which counts it when it comes: this share of the period, and at
most so many seconds."""


@define(eq=False)
class Sent:
    """An attempt that counts until it is a period old."""

    at: float
    """The latest time at which the provider can have counted it."""
    tokens: float
    id: str = ""
    """its id in the store, once the store has counted it"""
    counts: bool = True


@define(eq=False)
class Lane:
    """The attempts of the last period of calls that share a limit, and the calls that wait."""

    requests: int | None
    tokens: float | None
    per: float
    sent: deque[Sent] = field(factory=deque)
    """the oldest first"""
    used: float = 0.0
    """the tokens of these"""
    closed: float = 0.0
    """the time before which none is sent"""
    waiting: dict[Signal, float] = field(factory=dict)
    """the turns of the waiting calls, in their order, with their tokens; the first one's is set"""
    news: News = field(factory=News)
    """published when a call may fit earlier than it was"""
    seen: float = 0.0
    """when the last call came"""
    apart: float = 0.0
    """until when the store lacks attempts of this process that still count, since it had failed"""

    def is_idle(self, now: float) -> bool:
        """Check whether nothing of it counts any more: the next call may start with another lane."""
        return not self.waiting and max(self.seen, self.closed) + 2 * self.per < now

    def wait(self, now: float, tokens: float) -> float:
        """Return the seconds until a call of so many tokens fits, if it is the next."""
        self.expire(now)
        sent, wait = self.sent, self.closed - now
        if self.requests is not None and len(sent) >= self.requests:
            wait = max(wait, sent[len(sent) - self.requests].at + self.per - now)
        if self.tokens is not None:
            over = self.used + min(tokens, self.tokens) - self.tokens
            for each in sent:
                if over <= 0:
                    break
                over -= each.tokens
                wait = max(wait, each.at + self.per - now)
        return wait

    def expire(self, now: float) -> None:
        """Forget the attempts that are a period old."""
        sent = self.sent
        while sent and sent[0].at + self.per <= now + MOMENT:
            oldest = sent.popleft()
            oldest.counts = False
            self.used -= oldest.tokens

    def least_wait(self, now: float, tokens: float, *, shared: bool = False) -> float:
        """Return the seconds that a call waits at least, which comes after all that wait already.

        shared: the store decides what counts, so that nothing is known of it here.
        """
        waiting = len(self.waiting)
        wait = self.closed - now if shared else self.wait(now, tokens if not waiting else 0)
        sent, used = ((), 0.0) if shared else (self.sent, self.used)
        if self.requests is not None:
            periods, place = divmod(len(sent) + waiting, self.requests)
            first = sent[place].at - now if place < len(sent) else 0.0
            wait = max(wait, first + periods * self.per if periods else 0.0)
        if self.tokens is not None and waiting:
            # A call of more than the whole limit, sent alone, takes one period, not several.
            amounts = (used, *self.waiting.values(), tokens)
            periods = ceil(sum(min(each, self.tokens) for each in amounts) / self.tokens) - 1
            first = sent[0].at - now if sent else 0.0
            wait = max(wait, min(0.0, first) + periods * self.per)
        return wait

    @property
    def late(self) -> float:
        """How many seconds a request may be on its way."""
        share, most = _ON_THE_WAY
        return min(share * self.per, most)

    def count(self, now: float, tokens: float, id: str = "") -> Sent:
        """Count an attempt that is sent now. id: that in the store, which has counted it."""
        self.expire(now)
        attempt = Sent(now + self.late, tokens, id)
        self.sent.append(attempt)
        self.used += tokens
        return attempt
