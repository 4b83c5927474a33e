"""Limit requests and tokens per minute, before the provider refuses them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from math import ceil

from attrs import define, field

from ...schemas.errors import ConfigError, RateLimitError
from ...schemas.missing_argument import saying_how_it_is_made
from ...schemas.process_lock import ProcessLock
from ...schemas.reply import Reply
from ...schemas.usage import Usage
from ..around import around
from ..effects import CallNext, Flow, StepGenerator, Wait
from ..http.request import Request, StateKey
from ..http.response import Response
from ..http.retry_after import retry_after
from ..named_states import NamedStates
from ..pipeline import Pipeline, with_attempts
from ..signal import News, Signal
from ..world import REAL_WORLD
from .expected import expected_usage
from .limit_states import By, RateState
from .shared import (
    Asking,
    LimitStore,
    check_by,
    check_number,
    checked_listener,
    checked_store,
    notify,
    waiting_time,
)

_LONGEST_PAUSE = 600.0
"""The most seconds to wait since the provider has refused a call, or the period: no call waits for the next day."""
_MOMENT = 1e-6
"""Seconds that are not waited for: less than what a clock or a sum of floats is exact to."""
_ON_THE_WAY = (0.05, 1.0)
"""How long a request may be on its way to the provider, which counts it when it comes: this share of the period, and at
most so many seconds."""


@saying_how_it_is_made
class RateLimit:
    """A limit of requests and tokens per time, for all calls that share it:

        client = stepwell.AsyncClient(pipeline=stepwell.RateLimit(requests=500, tokens=200_000))

    requests: how many may be sent in any period.
    tokens: how many may be used in any period.
    per: the period, in seconds.
    output_tokens: tokens to count for an answer whose length the call does not limit.
    by: names what shares a limit (default: each model has its own; `lambda request: "all"` for one limit).
    name: the name of its step, and of what is kept in the store.
    store: where processes and machines share the limit, such as a RedisStore (default: it holds within this process).
    on_change: called with the name of a limit, and its state, when a call begins or ends to wait.

    A call over the limit waits until it fits; waiting calls are sent in their order. Up to the whole limit may be sent
    at once, and the next when the first of them are a period old. Each attempt counts, also a repeated one. The tokens
    of a call are estimated before it is sent, from its input (schemas/estimate.py) and the longest answer that its
    body allows, and corrected by the usage that is reported. A call of more tokens than the limit waits until nothing
    else counts. A 429 with a time to wait holds up all other calls, also those that wait already; over ten minutes,
    and over the period, they raise RateLimitError as that call does.

    With a store, waiting calls are sent in their order within each process. While the store fails, the limit holds
    within the process, with a warning on the reply.

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
        store: LimitStore | None = None,
        on_change: Callable[[str, RateState], object] | None = None,
    ) -> None:
        limits = {"requests": requests, "tokens": tokens}
        if requests is None and tokens is None:
            raise ConfigError("RateLimit needs requests= or tokens=, above 0", hint="RateLimit(requests=500)")
        for what, limit in {**limits, "per": per}.items():
            if limit is not None or what == "per":
                check_number(limit, f"{what} of RateLimit")
        check_number(output_tokens, "output_tokens", whole=True, least=0)
        check_by(by)
        if requests is not None and requests < 1:  # one in a longer period
            per, tokens, requests = per / requests, tokens and tokens / requests, 1
            check_number(per, "per / requests of RateLimit")
        self._limits = (None if requests is None else int(requests), tokens, per)
        self._output_tokens = output_tokens
        self._by = by
        self._hold: StateKey[_Hold | None] = StateKey(name, None, travels=True)
        # By process: of a call that another thread made before a fork, the child would never see the end.
        self._lanes = NamedStates[tuple[int, str], _Lane]()
        self._lock = ProcessLock()
        self._name, self._shared = name, Asking(checked_store(store), name)
        self._on_change = checked_listener(on_change, "RateLimit", 2)
        self._now = REAL_WORLD.now
        self._steps = (
            around(name, self._call, limits=True),
            around(f"{name}_attempts", self._attempt, limits=True),
        )

    def __call__(self, pipeline: Pipeline) -> Pipeline:
        """Add this limit to a pipeline: one step around each call, one around each attempt."""
        return with_attempts(pipeline, *self._steps)

    def state(self, name: str) -> RateState:
        """Return what counts of a limit now; with a store in all processes. Raises StepwellError if the store fails."""
        with self._lock:
            lane = self._lanes.get((os.getpid(), name)) or _Lane(*self._limits)
            wait = max(lane.wait(self._now(), 0), 0.0)
            state = RateState(len(lane.sent), lane.used, len(lane.waiting), wait)
        if self._shared.store is None:
            return state
        found = self._shared.read(f"{self._name}:{name}", self._limits[2])
        count, tokens = int(found.get("requests", 0)), found.get("tokens", 0.0)
        return RateState(count, tokens, state.waiting, found.get("wait", 0.0))

    def states(self) -> dict[str, RateState]:
        """Return the state of each limit that this process has used of late: by default one for each model."""
        with self._lock:
            names = [name for process, name in self._lanes if process == os.getpid()]
        return {name: self.state(name) for name in names}

    def reset(self, name: str | None = None) -> None:
        """Count no call made so far, in the store either, for all names if None is given. Waiting calls go on."""
        for each in [*self.states()] if name is None else [name]:
            with self._lock:
                lane = self._lanes.get((os.getpid(), each))
                if lane is not None:
                    for sent in lane.sent:
                        sent.counts = False
                    lane.sent.clear()
                    lane.used = lane.closed = 0.0
            self._shared.forget(f"{self._name}:{each}")
            if lane is not None:
                lane.news.publish()

    def _call(self, request: Request, call: CallNext) -> StepGenerator:
        """Estimate the tokens of the call, and correct them afterwards."""
        expected = expected_usage(request, self._output_tokens)
        group = self._by(request)
        hold = _Hold(self._lane(request, group), f"{self._name}:{group}", expected.total_tokens or 0)
        response: Response = yield from call(request.with_state(self._hold, hold))
        if response.reply is not None:
            if (correct := self._correct(hold, response.reply.usage)) is not None:
                yield from self._shared.end(request, correct)
            return response

        def ended(reply: Reply | None, error: BaseException | None) -> None:
            if (correct := self._correct(hold, reply.usage if reply else None)) is not None:
                self._shared.tell(request, correct)

        return response.on_end(ended)

    def _attempt(self, request: Request, call: CallNext) -> StepGenerator:
        """Send one attempt when the limit allows it; a 429 with a time to wait closes the lane for that time."""
        hold = request.get(self._hold)
        if hold is None:
            return (yield from call(request))
        lane, now = hold.lane, request.world.now
        request = yield from self._wait(request, hold)
        sent = hold.last
        try:
            response: Response = yield from call(request)
            pause = retry_after(response.headers, request.world.time()) if response.status == 429 else None
        finally:
            if sent is not None:
                with self._lock:
                    sent.at = min(sent.at, now())
                lane.news.publish()
        if pause is not None:
            with self._lock:
                lane.closed = max(lane.closed, now() + pause)
            if hold.shared:
                yield from self._shared.end(request, lambda store: store.pause(hold.name, pause))
        return response

    def _wait(self, request: Request, hold: _Hold) -> Flow:
        """Wait until all that came before are sent and this call fits, too, and count it. Return the request."""
        lane, turn, late = hold.lane, Signal(), False
        with self._lock:
            waiting = lane.waiting
            self._check_time_left(request, lane.least_wait(request.world.now(), hold.tokens))
            waiting[turn] = hold.tokens
            if len(waiting) == 1:
                turn.set()
        try:
            if not turn.is_set:
                late = self._changed(hold)
                if not (yield Wait(turn, request.seconds_left())):
                    raise self._too_late(request, None)
            while True:
                news = lane.news.signal  # taken before `_take` looks, so that no change is missed
                wait, request = yield from self._take(request, hold)
                if wait <= _MOMENT:
                    return request
                self._check_time_left(request, wait)
                if wait > max(_LONGEST_PAUSE, lane.per + lane.late):
                    raise self._too_late(request, wait, paused=True)
                request.world.report("wait", step=self._name, model=request.model, seconds=wait)
                late = late or self._changed(hold)
                yield Wait(news, wait)
        finally:
            with self._lock:
                del waiting[turn]
                following = next(iter(waiting), None)
            if following is not None:
                following.set()
            if late:
                self._changed(hold)

    def _changed(self, hold: _Hold) -> bool:
        """Call `on_change`; return whether there is one."""
        if self._on_change is None:
            return False
        name, lane = hold.name.removeprefix(f"{self._name}:"), hold.lane
        state = RateState(len(lane.sent), lane.used, len(lane.waiting), max(lane.wait(self._now(), 0), 0.0))
        notify(self._on_change, name, state)
        return True

    def _take(self, request: Request, hold: _Hold) -> Flow:
        """Count an attempt if it fits. Return 0, else the seconds until it may, and the request."""
        lane = hold.lane
        hold.last, hold.shared = None, False
        if self._shared.usable(request):
            id, late = request.world.new_id(), lane.late
            wait, request = yield from self._shared.ask(
                request,
                lambda store: waiting_time(
                    store.count_attempt(
                        hold.name, id, hold.tokens, requests=lane.requests, tokens=lane.tokens, per=lane.per, late=late
                    )
                ),
                undo=lambda store: store.correct_attempt(hold.name, id, 0),
            )
            if wait is not None:
                hold.shared, hold.id = wait <= _MOMENT, id
                return wait, request
        with self._lock:
            wait = lane.wait(request.world.now(), hold.tokens)
            if wait <= _MOMENT:
                hold.last = lane.count(request.world.now(), hold.tokens)
        return wait, request

    def _check_time_left(self, request: Request, wait: float) -> None:
        left = request.seconds_left()
        if left is not None and wait > max(left, _MOMENT):
            raise self._too_late(request, wait)

    def _too_late(self, request: Request, wait: float | None, *, paused: bool = False) -> RateLimitError:
        request.world.report("refused", step=self._name, model=request.model)
        if paused:
            why = f"{request.model} refuses calls for {wait:.0f} s more, so nothing was sent"
            return RateLimitError(why, hint="a call waits ten minutes at most for that", retry_after=wait)
        seconds, total = "" if wait is None else f" {wait:.1f} s,", request.timeouts.total
        return RateLimitError(
            f"{request.model} is at its limit: the call would wait{seconds} past its total timeout of {total:g} s",
            hint="raise timeout=, or the limit of RateLimit",
            retry_after=wait,
        )

    def _lane(self, request: Request, group: str) -> _Lane:
        """Return the queue of the calls of a group, which share the limit of this one."""
        self._now = request.world.now
        key, now = (os.getpid(), group), self._now()
        with self._lock:
            lane = self._lanes.of(key, lambda: _Lane(*self._limits), lambda each: each.is_idle(now))
            lane.seen = now
            return lane

    def _correct(self, hold: _Hold, usage: Usage | None) -> Callable[[LimitStore], None] | None:
        """Count the tokens that were used; return what the store must do, if it has counted the attempt."""
        used = usage.total_tokens if usage is not None else None
        if used is None:
            return None
        if hold.shared:
            hold.shared = False
            return lambda store: store.correct_attempt(hold.name, hold.id, used)
        if hold.last is not None:
            with self._lock:
                hold.lane.used += used - hold.last.tokens if hold.last.counts else 0
                hold.last.tokens = used
            hold.lane.news.publish()
        return None


@define(eq=False)
class _Sent:
    """An attempt that counts until it is a period old."""

    at: float
    """The latest time at which the provider can have counted it."""
    tokens: float
    counts: bool = True


@define(eq=False)
class _Lane:
    """The attempts of the last period of calls that share a limit, and the calls that wait."""

    requests: int | None
    tokens: float | None
    per: float
    sent: deque[_Sent] = field(factory=deque)
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

    def is_idle(self, now: float) -> bool:
        """Check whether nothing of it counts any more: the next call may start with another lane."""
        return not self.waiting and max(self.seen, self.closed) + 2 * self.per < now

    def wait(self, now: float, tokens: float) -> float:
        """Return the seconds until a call of so many tokens fits, if it is the next."""
        sent, wait = self.sent, self.closed - now
        while sent and sent[0].at + self.per <= now + _MOMENT:
            oldest = sent.popleft()
            oldest.counts = False
            self.used -= oldest.tokens
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

    def least_wait(self, now: float, tokens: float) -> float:
        """Return the seconds that a call waits at least, which comes after all that wait already."""
        wait, waiting = self.wait(now, tokens if not self.waiting else 0), len(self.waiting)
        if self.requests is not None:
            periods, place = divmod(len(self.sent) + waiting, self.requests)
            first = self.sent[place].at - now if place < len(self.sent) else 0.0
            wait = max(wait, first + periods * self.per if periods else 0.0)
        if self.tokens is not None and waiting:
            # A call of more than the whole limit, sent alone, takes one period, not several.
            amounts = (self.used, *self.waiting.values(), tokens)
            periods = ceil(sum(min(each, self.tokens) for each in amounts) / self.tokens) - 1
            first = self.sent[0].at - now if self.sent else 0.0
            wait = max(wait, min(0.0, first) + periods * self.per)
        return wait

    @property
    def late(self) -> float:
        """How many seconds a request may be on its way."""
        share, most = _ON_THE_WAY
        return min(share * self.per, most)

    def count(self, now: float, tokens: float) -> _Sent:
        """Count an attempt that is sent now."""
        attempt = _Sent(now + self.late, tokens)
        self.sent.append(attempt)
        self.used += tokens
        return attempt


@define
class _Hold:
    """One call: the tokens estimated for each of its attempts, and the last of these."""

    lane: _Lane
    name: str
    """in the store"""
    tokens: int
    last: _Sent | None = None
    shared: bool = False
    """whether the store has counted the last attempt"""
    id: str = ""
    """of the last attempt in the store"""
