"""Limit requests and tokens per minute, before the provider refuses them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from attrs import define, field

from ...schemas.errors import ConfigError, RateLimitError
from ...schemas.usage import Usage
from ..around import around
from ..effects import CallNext, Flow, Sleep, StepGenerator, Wait
from ..http.request import Request, StateKey
from ..http.response import Response
from ..http.retry_after import retry_after
from ..named_states import NamedStates
from ..pipeline import Pipeline, with_attempts
from ..signal import Signal
from .expected import expected_usage

By = Callable[[Request], str]
_MOMENT = 1e-6
"""Seconds that are not waited for: less than what a clock or a sum of floats is exact to."""


class RateLimit:
    """A limit of requests and tokens per time, for all calls that share it:

        client = stepwell.AsyncClient(pipeline=stepwell.RateLimit(requests=500, tokens=200_000))

    requests: how many may be sent in the period.
    tokens: how many may be used in the period.
    per: the period, in seconds.
    output_tokens: tokens to count for an answer whose length the call does not limit.
    by: names what shares a limit (default: each model has its own; `lambda request: "all"` for one limit).
    name: the name of its step.

    A call over the limit waits until it fits; waiting calls are sent in their order. After a quiet period, a whole
    period's worth may be sent at once. Each attempt counts, also a repeated one. The tokens of a call are estimated
    before it is sent, from its input (schemas/estimate.py) and the longest answer that its body allows, and corrected
    by the usage that is reported. A 429 with a time to wait delays the other calls, too.

    Raises RateLimitError, and sends nothing, if the wait would pass the total timeout of the call. Thread-safe; sync
    and async clients may share it.
    """

    def __init__(
        self,
        requests: float | None = None,
        *,
        tokens: float | None = None,
        per: float = 60.0,
        output_tokens: int = 0,
        by: By = lambda request: str(request.model),
        name: str = "rate_limit",
    ) -> None:
        limits = [limit for limit in (requests, tokens) if limit is not None]
        if not limits or min(*limits, per) <= 0:
            raise ConfigError("RateLimit needs requests= or tokens=, above 0", hint="RateLimit(requests=500)")
        self._limits = (requests, tokens)
        self._per = per
        self._output_tokens = output_tokens
        self._by = by
        self._hold: StateKey[_Hold | None] = StateKey(name, None, travels=True)
        self._lanes = NamedStates[_Lane]()
        self._lock = threading.Lock()
        self._steps = (around(name, self._call), around(f"{name}_attempts", self._attempt))

    def __call__(self, pipeline: Pipeline) -> Pipeline:
        """Add this limit to a pipeline: one step around each call, one around each attempt."""
        return with_attempts(pipeline, *self._steps)

    def _call(self, request: Request, call: CallNext) -> StepGenerator:
        """Estimate the tokens of the call, and correct them afterwards."""
        expected = expected_usage(request, self._output_tokens)
        hold = _Hold(self._lane(request), expected.total_tokens or 0)
        response: Response = yield from call(request.with_state(self._hold, hold))
        if response.reply is not None:
            self._correct(hold, response.reply.usage)
            return response
        return response.on_end(lambda reply, error: self._correct(hold, reply.usage if reply else None))

    def _attempt(self, request: Request, call: CallNext) -> StepGenerator:
        hold = request.get(self._hold)
        if hold is None:
            return (yield from call(request))
        yield from self._wait(request, hold)
        response: Response = yield from call(request)
        if response.status == 429 and (pause := retry_after(response.headers, request.world.time())) is not None:
            with self._lock:
                hold.lane.closed = max(hold.lane.closed, request.world.now() + pause)
        return response

    def _wait(self, request: Request, hold: _Hold) -> Flow:
        """Wait until all that came before are sent and this call fits, too, and count it."""
        lane, turn = hold.lane, Signal()
        with self._lock:
            waiting = lane.waiting
            ahead = (len(waiting), sum(waiting.values()))
            _check_time_left(request, lane.wait(request.world.now(), hold.tokens, ahead))
            waiting[turn] = hold.tokens
            if not ahead[0]:
                turn.set()
        try:
            if not turn.is_set and not (yield Wait(turn, request.seconds_left())):
                raise _too_late(request, None)
            while (wait := self._take(request, hold)) > 0:
                yield Sleep(wait)
        finally:
            with self._lock:
                del waiting[turn]
                following = next(iter(waiting), None)
            if following is not None:
                following.set()

    def _take(self, request: Request, hold: _Hold) -> float:
        """Count the call if it fits, and return 0, else the seconds until it may."""
        with self._lock:
            wait = hold.lane.wait(request.world.now(), hold.tokens)
            if wait <= _MOMENT:
                hold.lane.take(1, hold.tokens)
                return 0.0
        _check_time_left(request, wait)
        return wait

    def _lane(self, request: Request) -> _Lane:
        name, now = self._by(request), request.world.now()
        requests, tokens = self._limits
        lane = self._lanes.of(name, lambda: _Lane(_Bucket(requests, self._per, now), _Bucket(tokens, self._per, now)))
        self._lanes.keep(name, lane, lambda each: each.rests(now))
        return lane

    def _correct(self, hold: _Hold, usage: Usage | None) -> None:
        used = usage.total_tokens if usage is not None else None
        if used is None or not hold.tokens:
            return
        with self._lock:
            hold.lane.take(0, used - hold.tokens)
            hold.tokens = 0


def _check_time_left(request: Request, wait: float) -> None:
    left = request.seconds_left()
    if left is not None and wait > max(left, _MOMENT):
        raise _too_late(request, wait)


def _too_late(request: Request, wait: float | None) -> RateLimitError:
    seconds = "" if wait is None else f" {wait:.1f} s,"
    return RateLimitError(
        f"{request.model} is at its limit: the call would wait{seconds} past its total timeout",
        hint="raise timeout=, or the limit of RateLimit",
        retry_after=wait,
    )


@define
class _Bucket:
    """A bucket of `limit`, refilled evenly within `per` seconds. Below zero, calls wait for what they have taken."""

    limit: float | None
    per: float
    at: float
    left: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.left = self.limit or 0.0

    def wait(self, now: float, amount: float, ahead: float) -> float:
        """Return the seconds until `amount` is there, after what is taken `ahead` of it.

        An amount over the limit waits until the bucket is full.
        """
        if self.limit is None:
            return 0.0
        rate = self.limit / self.per
        self.left = min(self.limit, self.left + (now - self.at) * rate)
        self.at = now
        return max(0.0, (ahead + min(amount, self.limit) - self.left) / rate)

    def is_full(self, now: float) -> bool:
        """Return whether all that was taken has been refilled."""
        return self.limit is None or self.left + (now - self.at) * self.limit / self.per >= self.limit


@define
class _Lane:
    """The buckets of calls that share a limit, and the calls that wait for them."""

    requests: _Bucket
    tokens: _Bucket
    closed: float = 0.0
    """the time before which none is sent"""
    waiting: dict[Signal, float] = field(factory=dict)
    """the turns of the waiting calls, in their order, with their tokens; the first one's is set"""

    def wait(self, now: float, tokens: float, ahead: tuple[float, float] = (0, 0)) -> float:
        """Return the seconds until a call of `tokens` tokens fits.

        ahead: the requests and the tokens of the calls that go before it (default: none).
        """
        buckets = max(self.requests.wait(now, 1, ahead[0]), self.tokens.wait(now, tokens, ahead[1]))
        return max(buckets, self.closed - now)

    def rests(self, now: float) -> bool:
        """Return whether nothing waits and all that was taken has been refilled."""
        return not self.waiting and self.closed <= now and self.requests.is_full(now) and self.tokens.is_full(now)

    def take(self, requests: float, tokens: float) -> None:
        self.requests.left -= requests
        self.tokens.left -= tokens


@define
class _Hold:
    """The tokens estimated for one call; 0 once they are corrected."""

    lane: _Lane
    tokens: Any
