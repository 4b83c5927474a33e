"""Stop calling a model that keeps failing, for a while."""

from __future__ import annotations

import os
from collections.abc import Callable

from attrs import define

from ...schemas.errors import (
    OF_WHAT_WAS_SENT,
    AnswerUnfinished,
    CircuitOpen,
    Overloaded,
    PoolTimeout,
    RateLimitError,
    ServerError,
    TotalTimeout,
    TransportError,
)
from ...schemas.missing_argument import saying_how_it_is_made
from ...schemas.process_lock import ProcessLock
from ...schemas.reply import Reply
from ..around import around
from ..effects import CallNext, StepGenerator
from ..http.request import Request
from ..http.response import Response
from ..named_states import NamedStates
from ..world import REAL_WORLD
from .limit_states import By, CircuitState, LimitStep, limit_step
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


@saying_how_it_is_made
def circuit_breaker(
    *,
    failures: int = 5,
    cooldown: float = 30.0,
    by: By = lambda request: str(request.model),
    name: str = "circuit_breaker",
    store: LimitStore | None = None,
    on_change: Callable[[str, str], object] | None = None,
) -> LimitStep[CircuitState]:
    """Send nothing for a while after several failures in a row: each call raises CircuitOpen at once.

    After the cooldown one call is let through. If it succeeds, all calls are let through again; if it fails, another
    cooldown begins.

    failures: how many in a row open the circuit.
    cooldown: seconds.
    by: names what fails together (default: each model by itself).
    name: the name of the step, and of what is kept in the store; a pipeline may have several of different names.
    store: where processes and machines share what failed, such as a RedisStore (default: this process's own). While
        the store fails, this process counts by itself.
    on_change: called with what failed together and "open", "half_open" or "closed", when that changes in this process.

    `state(name)`, `states()` and `reset(name)` of the step read circuits and close them.

    Failures are 5xx and overload, after the retries, and connections that fail, break or stay silent, also in the
    middle of a stream. Any other answer, also one that refuses the key or the request, counts as a success; a call that
    was cancelled, or that a step inside refused or failed, counts as neither. All calls of the clients that share this
    step are counted together; it is thread-safe. Put it inside `fallback`, which then skips a model that is down
    without waiting for it.
    """
    check_number(failures, "failures", whole=True)
    check_number(cooldown, "cooldown")
    check_by(by)
    checked_listener(on_change, "circuit_breaker", 2)
    circuits = _Circuits(failures, cooldown, by, name, store, on_change)
    return limit_step(around(name, circuits.run, limits=True), circuits.read, circuits.names, circuits.forget)


class _Circuits:
    """The circuits of a step, each under the name of what fails together."""

    def __init__(
        self,
        failures: int,
        cooldown: float,
        by: By,
        name: str,
        store: LimitStore | None,
        on_change: Callable[[str, str], object] | None,
    ) -> None:
        self._failures = failures
        self._cooldown = cooldown
        self._by = by
        self._name = name
        self._shared = Asking(checked_store(store), name)
        self._on_change = on_change
        self._known = NamedStates[str, _Circuit]()
        self._lock = ProcessLock()
        self._now = REAL_WORLD.now

    def run(self, request: Request, call: CallNext) -> StepGenerator:
        counted, shared, failures, cooldown = self._by(request), self._shared, self._failures, self._cooldown
        group, entered, process = f"{self._name}:{counted}", None, os.getpid()
        if shared.usable(request):
            entered, request = yield from shared.ask(
                request, lambda store: _entered(*store.enter_circuit(group, failures, cooldown))
            )
        self._now = request.world.now
        with self._lock:
            now = self._now()
            circuit = self._known.of(counted, _Circuit, lambda each: each.until + cooldown < now)
            wait, failed = entered or (circuit.enter(now, failures, cooldown), circuit.failed)
        if wait > 0:
            request.world.report("refused", step=self._name, model=request.model)
            raise CircuitOpen(
                f"{counted} failed {failed} times in a row, so nothing was sent",
                hint=f"it is tried again in {wait:.0f} s",
                retry_after=wait,
            )
        tries = failed >= failures
        if tries:
            self._report(request, counted, circuit, "half_open")

        def judge(error: BaseException | None) -> Callable[[LimitStore], None] | None:
            """Note how the call has ended; return what the store must do, if it was asked and has to know."""
            well = _outcome_of(error)
            if (well is None and not tries) or process != os.getpid():  # a forked child ends the flows of its parent
                return None
            self._judge(request, counted, well)
            if entered is None or (well and not failed):
                return None
            return lambda store: store.judge_circuit(group, well, cooldown)

        try:
            response: Response = yield from call(request)
        except BaseException as error:
            if (work := judge(error)) is not None:
                yield from shared.end(request, work, error)
            raise
        if response.reply is not None:
            if (work := judge(None)) is not None:
                yield from shared.end(request, work)
            return response

        def ended(reply: Reply | None, error: BaseException | None) -> None:
            if (work := judge(_stream_outcome(reply, error))) is not None:
                shared.tell(request, work)

        return response.on_end(ended)

    def _judge(self, request: Request, counted: str, well: bool | None) -> None:
        """Note whether the provider did its work; None if that is not known of the call that tried."""
        with self._lock:
            circuit = self._known.setdefault(counted, _Circuit())
            circuit.leave(well, request.world.now(), self._cooldown)
            if not circuit.failed:
                del self._known[counted]  # what works needs no entry: names may be many
        if well is not None:
            self._report(request, counted, circuit, "open" if circuit.failed >= self._failures else "closed")

    def _report(self, request: Request, counted: str, circuit: _Circuit, now: str) -> None:
        """Report the state of a circuit, if it is another than before."""
        before, circuit.reported = circuit.reported, now
        if now != before:
            request.world.report(_EVENTS[now], step=self._name, circuit=counted)
            notify(self._on_change, counted, now)

    def read(self, counted: str) -> CircuitState:
        """See LimitStep.state."""
        if self._shared.store is not None:
            found = self._shared.read(f"{self._name}:{counted}")
            failed, wait = int(found.get("failed", 0)), found.get("wait", 0.0)
        else:
            with self._lock:
                circuit = self._known.get(counted) or _Circuit()
                failed, wait = circuit.failed, circuit.until - self._now()
        if failed < self._failures:
            return CircuitState(failed, "closed")
        return CircuitState(failed, "open" if wait > 0 else "half_open", max(wait, 0.0))

    def names(self) -> tuple[str, ...]:
        """See LimitStep.states."""
        with self._lock:
            return tuple(self._known)

    def forget(self, counted: str) -> None:
        """See LimitStep.reset."""
        with self._lock:
            was = self._known.pop(counted, None)
        self._shared.forget(f"{self._name}:{counted}")
        if was is not None and was.reported != "closed":
            notify(self._on_change, counted, "closed")


_EVENTS = {"open": "circuit_opened", "half_open": "circuit_tried", "closed": "circuit_closed"}


def _entered(wait: float, failed: int) -> tuple[float, int]:
    """Return a store's answer. Raises TypeError or ValueError for what is no number."""
    return waiting_time(wait), int(failed)


def _stream_outcome(reply: Reply | None, error: BaseException | None) -> BaseException | None:
    return GeneratorExit() if reply is None and error is None else error


def _outcome_of(error: BaseException | None) -> bool | None:
    """Return whether the provider did its work; None if that is not known."""
    if error is None:
        return True
    if not isinstance(error, (*OF_WHAT_WAS_SENT, AnswerUnfinished)) or isinstance(error, _OF_STEPS):
        return None
    if isinstance(error, RateLimitError) and error.status is None:  # of a RateLimit, which sent nothing
        return None
    return not isinstance(error, ServerError | Overloaded | TransportError)


_OF_STEPS = (TotalTimeout, PoolTimeout, CircuitOpen)
"""Errors of calls for which there was no time or no connection, or of another circuit breaker."""


@define
class _Circuit:
    """The number of failures in a row, and the time until which an open circuit lets nothing through."""

    failed: int = 0
    until: float = 0.0
    reported: str = "closed"
    """the state that was last reported"""

    def enter(self, now: float, most: int, cooldown: float) -> float:
        """Return the seconds to wait; 0 lets the call through."""
        if self.failed < most:
            return 0.0
        if now < self.until:
            return self.until - now
        # One call tries and the others wait for it, at most for this long, in case it never ends.
        self.until = now + cooldown
        return 0.0

    def leave(self, well: bool | None, now: float, cooldown: float) -> None:
        if well is None:
            self.until = min(self.until, now)  # let another one try
        else:
            self.failed = 0 if well else self.failed + 1
            self.until = now + cooldown
