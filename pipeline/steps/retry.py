"""Send a request again while the provider is overloaded or unreachable."""

from __future__ import annotations

from ...schemas.errors import OF_WHAT_WAS_SENT, StepwellError, may_have_been_done
from ...schemas.functions import checked_function
from ...schemas.missing_argument import saying_how_it_is_made
from ..effects import CallNext, Sleep, StepGenerator
from ..http.request import Request
from ..http.response import FindError, Response
from ..step import Step, around_unchecked

_MAX_WAIT = 60.0


class RetryBudget:
    """A number of retries that all calls of a client share, so that a long outage does not cause a storm of requests.

    Each retry takes one from the budget, each success adds a tenth.
    """

    def __init__(self, most: float = 100.0) -> None:
        self.most = most
        self.left = most

    def take(self) -> bool:
        if self.left < 1:
            return False
        self.left -= 1
        return True


_NOT_TWICE = ("create_batch",)
"""Operations that may have begun work of a day where the answer was lost: nobody would know of the first one's."""


@saying_how_it_is_made
def retry(
    find_error: FindError,
    *,
    base: float = 0.5,
    most: float = 8.0,
    budget: RetryBudget | None = None,
) -> Step:
    """Make the step that sends again, at most `request.retries` times (default 2), after an error that may pass.

    find_error: returns the error that a response reports, if any.
    base: the longest first wait, in seconds; it doubles with each attempt.
    most: the longest wait, in seconds.
    budget: the retries that calls share.

    It waits as long as the provider says (Retry-After, retry-after-ms, its error body), else a random time up to
    `base` * 2^attempt seconds, at most `most` ("full jitter"). A wait over 60 s or past the total timeout is not
    shortened: the error is raised at once, with `retry_after` on it. Nothing is sent again after the first chunk of a
    stream, or after an error that does not pass by waiting; and no batch where it may have been created.
    """
    checked_function(find_error, "find_error of retry", 1, hint="how often is retries= of a client or a call")
    budget = budget or RetryBudget()

    def run(request: Request, call: CallNext) -> StepGenerator:
        attempt, now, noted = 0, request.world.now, request.attempts
        while True:
            outcome: Response | StepwellError
            error: StepwellError | None
            began = now()
            try:
                outcome = yield from call(request)
                error = outcome.error_by(find_error)
            except OF_WHAT_WAS_SENT as raised:  # a step may have refused the call: that is no attempt
                outcome = error = raised
            else:
                if error is None:
                    if noted is not None:
                        about = outcome.status, None, 0.0, outcome.transport
                        noted.append((request.model, began - request.started, now() - began, *about))
                    if budget.left < budget.most:
                        budget.left = min(budget.most, budget.left + 0.1)
                    return outcome
            delay = _delay(request, attempt, error, base, most)
            if delay is not None and not _take_retry(request, budget):
                delay = None
            _note(request, began, outcome, error, delay)
            if delay is None:
                if isinstance(outcome, StepwellError):
                    raise outcome
                return outcome
            # The traceback refers to this frame, and would keep the next stream alive when the caller drops it.
            error.__traceback__ = None
            yield Sleep(delay)
            attempt += 1

    return around_unchecked("retry", run)


def _take_retry(request: Request, budget: RetryBudget) -> bool:
    """Take a retry from the budget, unless this one is recorded. Return whether there was one."""
    place = request.world.job()
    return budget.take() if place is None else bool(place.kept("retry", budget.take))


def _note(
    request: Request, began: float, outcome: Response | StepwellError, error: StepwellError, delay: float | None
) -> None:
    """Note an attempt that failed, and report it: as a retry, or as a failure if there is none."""
    at, seconds = began - request.started, request.world.now() - began
    status, transport = getattr(outcome, "status", None), getattr(outcome, "transport", "")
    if request.attempts is not None:
        request.attempts.append(
            (request.model, at, seconds, status, type(error).__name__, delay or 0.0, transport),
        )
    facts = {"model": request.model, "error": type(error).__name__, "status": status, "seconds": round(seconds, 3)}
    if delay is None:
        request.world.report("failure", **facts)
    else:
        request.world.report("retry", **facts, wait=round(delay, 3))


def _delay(request: Request, attempt: int, error: StepwellError, base: float, most: float) -> float | None:
    """Return the seconds to wait before the next attempt; None for no further attempt."""
    if not error.retryable or attempt >= request.retries:
        return None
    if request.operation in _NOT_TWICE and may_have_been_done(error):
        return None
    delay = backoff(request, attempt, error, base, most)
    if delay is None:
        explain(request, error)
    return delay


def backoff(request: Request, attempt: int, error: StepwellError, base: float, most: float) -> float | None:
    """Return the seconds to wait after an error; None if that is over 60 s, or past the call's total timeout.

    It is the wait that the provider asks for, else a random time up to `base` * 2^attempt seconds, at most `most`.

    attempt: the number of the attempt that failed, from 0.
    """
    delay = getattr(error, "retry_after", None)
    if delay is None:
        longest = min(most, base * 2 ** min(attempt, 30))
        delay = request.world.random() * longest if longest else 0.0
    left = request.seconds_left()
    return None if delay > _MAX_WAIT or (left is not None and delay > left) else float(delay)


def explain(request: Request, error: StepwellError) -> None:
    """Add to the hint of an error why `backoff` gave no wait for it. The same object may come again."""
    wait, total = error.retry_after, request.timeouts.total
    if total is None or (wait is not None and wait > _MAX_WAIT):
        why = f"a retry waits {_MAX_WAIT:g} s at most" + ("" if wait is None else f", not {wait:.0f} s")
    else:
        why = f"its total timeout of {total:g} s leaves no time for the wait"
    if why not in (error.hint or ""):
        error.hint = f"{error.hint}; it was not sent again: {why}" if error.hint else f"it was not sent again: {why}"
