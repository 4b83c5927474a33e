"""Limit requests and tokens per minute, before the provider refuses them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from attrs import define

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
from ..signal import Signal
from ..world import REAL_WORLD, World
from .expected import expected_usage
from .limit_states import By, RateState
from .rate_lane import MOMENT, Lane, Sent
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

    With a store, waiting calls are sent in their order within each process. While the store fails, each process keeps
    to the limit by itself, with a warning on the reply: what it has sent counts on, also before the store failed. What
    was sent meanwhile is counted in the store when it answers again.

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
        self._lanes = NamedStates[tuple[int, str], Lane]()
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
            lane = self._lanes.get((os.getpid(), name)) or Lane(*self._limits)
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
                    lane.used = lane.closed = lane.apart = 0.0
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
                if not sent.id:  # else the store knows no better than before
                    lane.news.publish()
        if pause is not None:
            with self._lock:
                lane.closed = max(lane.closed, now() + pause)
            if sent is not None and sent.id:
                yield from self._shared.end(request, lambda store: store.pause(hold.name, pause))
        return response

    def _wait(self, request: Request, hold: _Hold) -> Flow:
        """Wait until all that came before are sent and this call fits, too, and count it. Return the request."""
        lane, turn, late = hold.lane, Signal(), False
        with self._lock:
            waiting, now = lane.waiting, request.world.now()
            shared = now >= lane.apart and self._shared.usable(request)
            self._check_time_left(request, lane.least_wait(now, hold.tokens, shared=shared))
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
                if wait <= MOMENT:
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
        lane, world, id = hold.lane, request.world, ""
        hold.last = sent = None
        if self._shared.usable(request):
            now, late = world.now(), lane.late
            if now < lane.apart:
                with self._lock:
                    wait = lane.wait(now, hold.tokens)
                if wait > MOMENT:
                    return wait, request
            id = world.new_id()
            wait, request = yield from self._shared.ask(
                request,
                lambda store: waiting_time(
                    store.count_attempt(
                        hold.name, id, hold.tokens, requests=lane.requests, tokens=lane.tokens, per=lane.per, late=late
                    )
                ),
                # Where the answer was lost, the attempt may be sent all the same, under the limit of this process.
                undo=lambda store: store.correct_attempt(hold.name, id, 0 if sent is None else sent.tokens),
            )
            if wait is not None:
                if wait <= MOMENT:  # counted here, too, in case the store fails before it is a period old
                    with self._lock:
                        hold.last = lane.count(now, hold.tokens, id)
                return wait, request
        with self._lock:
            now = world.now()
            wait = lane.wait(now, hold.tokens)
            if wait > MOMENT:
                return wait, request
            hold.last = sent = lane.count(now, hold.tokens)
            if self._shared.store is None:
                return wait, request
            lane.apart = sent.at + lane.per
        # With the id of the question that failed, if there was one: the store may have counted it.
        self._shared.do_later(partial(_count_late, hold.name, id or world.new_id(), lane.per, sent, world))
        return wait, request

    def _check_time_left(self, request: Request, wait: float) -> None:
        left = request.seconds_left()
        if left is not None and wait > max(left, MOMENT):
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

    def _lane(self, request: Request, group: str) -> Lane:
        """Return the queue of the calls of a group, which share the limit of this one."""
        self._now = request.world.now
        key, now = (os.getpid(), group), self._now()
        with self._lock:
            lane = self._lanes.of(key, lambda: Lane(*self._limits), lambda each: each.is_idle(now))
            lane.seen = now
            return lane

    def _correct(self, hold: _Hold, usage: Usage | None) -> Callable[[LimitStore], None] | None:
        """Count the tokens that were used; return what the store must do, if it has counted the attempt."""
        used, sent = usage.total_tokens if usage is not None else None, hold.last
        if used is None or sent is None:
            return None
        with self._lock:
            hold.lane.used += used - sent.tokens if sent.counts else 0
            sent.tokens = used
        if sent.id:
            return lambda store: store.correct_attempt(hold.name, sent.id, used)
        hold.lane.news.publish()
        return None


def _count_late(name: str, id: str, per: float, sent: Sent, world: World, store: LimitStore) -> None:
    """Count an attempt in the store that was sent while the store failed."""
    late = sent.at - world.now()
    if not sent.counts or late + per <= MOMENT:
        return
    store.count_attempt(name, id, sent.tokens, requests=None, tokens=None, per=per, late=late)
    sent.id = id
    store.correct_attempt(name, id, sent.tokens)


@define
class _Hold:
    """One call: the tokens estimated for each of its attempts, and the last of these."""

    lane: Lane
    name: str
    """in the store"""
    tokens: int
    last: Sent | None = None
