"""Stop calling a model that keeps failing, for a while."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define

from ...schemas.errors import CircuitOpen, Overloaded, PoolTimeout, ServerError, TotalTimeout, TransportError
from ...schemas.process_lock import ProcessLock
from ...schemas.reply import Reply
from ..around import around
from ..effects import CallNext, StepGenerator
from ..http.request import Request
from ..http.response import Response
from ..named_states import NamedStates
from ..step import Step
from .shared import Asking, LimitStore, check_by, check_number, checked_store, waiting_time

By = Callable[[Request], str]


def circuit_breaker(
    *,
    failures: int = 5,
    cooldown: float = 30.0,
    by: By = lambda request: str(request.model),
    name: str = "circuit_breaker",
    store: LimitStore | None = None,
) -> Step:
    """Send nothing for a while after several failures in a row: each call raises CircuitOpen at once.

    After the cooldown one call is let through. If it succeeds, all calls are let through again; if it fails, another
    cooldown begins.

    failures: how many in a row open the circuit.
    cooldown: seconds.
    by: names what fails together (default: each model by itself).
    name: the name of the step, and of what is kept in the store; a pipeline may have several of different names.
    store: where processes and machines share what failed, such as a RedisStore (default: this process's own). While
        the store fails, this process counts by itself.

    Failures are 5xx and overload, after the retries, and connections that fail, break or stay silent, also in the
    middle of a stream. Any other answer, also one that refuses the key or the request, counts as a success; a cancelled
    call counts as neither. All calls of the clients that share this step are counted together; it is thread-safe. Put
    it inside `fallback`, which then skips a model that is down without waiting for it.
    """
    check_number(failures, "failures", whole=True)
    check_number(cooldown, "cooldown")
    check_by(by)
    circuits = NamedStates[str, _Circuit]()
    lock, shared = ProcessLock(), Asking(checked_store(store), name)

    def run(request: Request, call: CallNext) -> StepGenerator:
        failing = by(request)
        group, entered = f"{name}:{failing}", None
        if shared.usable(request):
            entered, request = yield from shared.ask(
                request, lambda store: _entered(*store.enter_circuit(group, failures, cooldown))
            )
        with lock:
            now = request.world.now()
            circuit = circuits.of(failing, _Circuit, lambda each: each.until + cooldown < now)
            wait, failed = entered or (circuit.enter(now, failures, cooldown), circuit.failed)
        if wait > 0:
            raise CircuitOpen(
                f"{failing} failed {failed} times in a row, so nothing was sent",
                hint=f"it is tried again in {wait:.0f} s",
                retry_after=wait,
            )

        def judge(error: BaseException | None) -> Callable[[LimitStore], None] | None:
            """Note how the call has ended; return what the store must do, if it was asked and has to know."""
            well = _outcome_of(error)
            with lock:
                circuit = circuits.setdefault(failing, _Circuit())
                before = circuit.failed
                circuit.leave(well, request.world.now(), cooldown)
                if not circuit.failed:
                    del circuits[failing]  # what works needs no entry: names may be many
            if (before >= failures) != (circuit.failed >= failures):
                what = "circuit_opened" if circuit.failed else "circuit_closed"
                request.world.report(what, step=name, circuit=failing)
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

    return around(name, run, counts=True)


def _entered(wait: float, failed: int) -> tuple[float, int]:
    """Return a store's answer. Raises TypeError or ValueError for what is no number."""
    return waiting_time(wait), int(failed)


def _stream_outcome(reply: Reply | None, error: BaseException | None) -> BaseException | None:
    return GeneratorExit() if reply is None and error is None else error


def _outcome_of(error: BaseException | None) -> bool | None:
    """Return whether the provider did its work; None if that is not known."""
    if error is None:
        return True
    if not isinstance(error, Exception) or isinstance(error, TotalTimeout | PoolTimeout):
        return None
    return not isinstance(error, ServerError | Overloaded | TransportError)


@define
class _Circuit:
    """The number of failures in a row, and the time until which an open circuit lets nothing through."""

    failed: int = 0
    until: float = 0.0

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
            self.until = min(self.until, now)  # this may have been the call that tried: let another one try
        else:
            self.failed = 0 if well else self.failed + 1
            self.until = now + cooldown
