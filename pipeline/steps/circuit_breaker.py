"""A model that keeps failing is left alone for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from attrs import define

from ...schemas.errors import CircuitOpen, ConfigError, Overloaded, ServerError, TotalTimeout, TransportError
from ...schemas.reply import Reply
from ..effects import CallNext, StepGenerator
from ..http.request import Request
from ..http.response import Response
from ..step import Step, around

By = Callable[[Request], str]


def circuit_breaker(
    *,
    failures: int = 5,
    cooldown: float = 30.0,
    by: By = lambda request: str(request.model),
    clock: Callable[[], float] = monotonic,
) -> Step:
    """After so many `failures` in a row, send nothing for `cooldown` seconds: each call raises CircuitOpen at once.
    Then one call is let through to try; its success lets all through again, its failure begins another cooldown.

    What counts is what tells of a provider in trouble: 5xx and overload, once the retries are used up, and
    connections that fail, break or stay silent, in the middle of a stream too. Everything else, refusals of the key
    or the request included, proves the provider alive. A call that is cancelled says nothing.

    `by(request)` names what fails together (default: each model by itself). All calls of the clients that share this
    step are counted together; it is safe to use from several threads. Put it further in than `fallback`, which then
    passes over a model that is down without waiting for it.
    """
    if failures < 1 or cooldown <= 0:
        raise ConfigError("circuit_breaker wants at least one failure and a cooldown above 0 seconds")
    circuits: dict[str, _Circuit] = {}
    lock = threading.Lock()

    def run(request: Request, call: CallNext) -> StepGenerator:
        name = by(request)
        with lock:
            circuit = circuits.setdefault(name, _Circuit())
            wait = circuit.enter(clock(), failures, cooldown)
        if wait > 0:
            raise CircuitOpen(
                f"{name} failed {circuit.failed} times in a row and was not asked",
                hint=f"it is tried again in {wait:.0f} s",
                retry_after=wait,
            )

        def over(error: BaseException | None) -> None:
            with lock:
                circuit.leave(_verdict(error), clock(), cooldown)

        try:
            response: Response = yield from call(request)
        except BaseException as error:
            over(error)
            raise
        if response.reply is not None:
            over(None)
            return response
        return response.on_end(lambda reply, error: over(_of_stream(reply, error)))

    return around("circuit_breaker", run)


def _of_stream(reply: Reply | None, error: BaseException | None) -> BaseException | None:
    return GeneratorExit() if reply is None and error is None else error


def _verdict(error: BaseException | None) -> bool | None:
    """Whether the provider did its work; None where nothing can be said."""
    if error is None:
        return True
    if not isinstance(error, Exception) or isinstance(error, TotalTimeout):
        return None
    return not isinstance(error, ServerError | Overloaded | TransportError)


@define
class _Circuit:
    """`failed` in a row; when those are too many, nothing is let through before `until`."""

    failed: int = 0
    until: float = 0.0

    def enter(self, now: float, most: int, cooldown: float) -> float:
        """Seconds to wait; 0 lets the call through."""
        if self.failed < most:
            return 0.0
        if now < self.until:
            return self.until - now
        # One call tries, and the others wait for it: for no longer than this, should it never be heard of again.
        self.until = now + cooldown
        return 0.0

    def leave(self, well: bool | None, now: float, cooldown: float) -> None:
        if well is None:
            self.until = min(self.until, now)  # if this was the one that tried, let another
        else:
            self.failed = 0 if well else self.failed + 1
            self.until = now + cooldown
