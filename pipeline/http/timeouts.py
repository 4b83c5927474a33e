"""Limits for how long each part of a call may take, in seconds."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from attrs import Attribute, field, frozen

from ...schemas.errors import (
    FirstEventTimeout,
    InvalidOption,
    StreamIdleTimeout,
    StreamTruncated,
    TotalTimeout,
    TransportError,
)
from ...schemas.missing_argument import saying_how_it_is_made


def _positive(instance: object, attribute: Attribute[float], value: float | None) -> None:
    # An integer may be more than a float can hold.
    if value is not None and not (type(value) in (int, float) and (0 < value < 1e300 or value == inf)):
        raise InvalidOption(f"the {attribute.name} timeout must be a number of seconds above 0, or None for no limit")


@saying_how_it_is_made
@frozen
class Timeouts:
    """The limits of a call, in seconds; None for no limit."""

    connect: float | None = field(default=10.0, validator=_positive)
    """until the connection is open"""
    first_event: float | None = field(default=600.0, validator=_positive)
    """from then until the first event of a stream has come, or the whole of an unstreamed answer"""
    idle: float | None = field(default=300.0, validator=_positive)
    """the longest silence within a stream, from its first event on, so while a model thinks, too; keep-alive comments
    are not silence"""
    total: float | None = field(default=None, validator=_positive)
    """the whole call, with its retries and waits"""


DEFAULT_TIMEOUTS = Timeouts()
NO_END = "the stream ended before its terminal event"
LEAST = 0.001
"""The seconds of a wait whose limit has passed already: libraries take 0 for no wait, or for none at all."""
_EARLY = 0.01
"""Reads may wake early; 10 ms are enough to tell the limits apart."""


def timeouts_of(timeout: object, default: Timeouts = DEFAULT_TIMEOUTS) -> Timeouts:
    """Make Timeouts of a `timeout=`; a plain number is the total. Raises InvalidOption for anything else."""
    if timeout is None:
        return default
    if isinstance(timeout, Timeouts):
        return timeout
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not -1e300 < timeout < 1e300:
        raise InvalidOption(
            f"timeout must be a number of seconds or Timeouts(...), not a {type(timeout).__name__}",
            hint="stepwell.Timeouts(connect=5, total=30)",
        )
    return Timeouts(default.connect, default.first_event, default.idle, float(timeout))


class Clock:
    """The limits of one exchange, counted from what has happened so far.

    Raises TotalTimeout if the time of the whole call is over: what is sent then would be paid for and never read.

    `now`: the seconds of the clock.
    `limits`: the seconds of each part, for messages.
    `made`: when the exchange began.
    `deadline`: when the whole call must have ended; infinite without such a limit.
    `due`: when the exchange is late although bytes keep arriving, as each read must check; infinite without a limit.
    `steady`: the seconds of each read where these alone count from now on, perhaps infinite; else 0.0.
    `ended`: True once the answer was read or given up.
    `finishing`: True once `deadline` is that of `finish`.
    `opening`: True while a proxy is asked for a way to the server, which the connect timeout limits.
    """

    __slots__ = (
        "_after",
        "_first",
        "_idle",
        "begun",
        "deadline",
        "due",
        "ended",
        "finishing",
        "limits",
        "made",
        "now",
        "opening",
        "steady",
    )

    def __init__(self, timeouts: Timeouts, started: float, clock: Callable[[], float]) -> None:
        self.now = clock
        self.limits = timeouts
        now = self.made = clock()
        if timeouts.total is None:
            self.deadline = inf
        elif now >= (deadline := (started or now) + timeouts.total):
            raise total_timeout(timeouts.total)
        else:
            self.deadline = deadline
        self._first = inf if timeouts.first_event is None else now + timeouts.first_event
        self._idle = inf if timeouts.idle is None else timeouts.idle
        self.begun = self.ended = self.opening = self.finishing = False
        self.steady = 0.0
        self.due = self._first if self._first < self.deadline else self.deadline

    def open_within(self, seconds: float | None) -> None:
        """Limit the reads until `opened` is called: those of a proxy's answer."""
        self._after, self.opening = self._first, True
        if seconds is not None:
            self._first = min(self._first, self.now() + seconds)
            self.due = min(self._first, self.deadline)

    def opened(self) -> None:
        """Return to the limits of the answer itself."""
        self._first, self.opening = self._after, False
        self.due = min(self._first, self.deadline)

    def begin(self) -> None:
        """Note that the first event has arrived: from now on, silence is measured from one read to the next."""
        self.begun = True
        self.due = self.deadline
        self.steady = self._idle if self.deadline == inf else 0.0

    def allowance(self, *, begun: bool = False) -> float | None:
        """Return the seconds that the next read may take; None for no limit.

        At least a millisecond, so that a limit which has just passed still fails as a timeout of the read.

        begun: calculate as if the first event had arrived.
        """
        # Plain comparisons, since this runs at every read: min() and max() would double its 0.2 µs.
        if steady := self.steady:
            return steady if steady != inf else None
        now = self.now()
        limit = self._idle if self.begun or begun else self._first - now
        if self.deadline - now < limit:
            limit = self.deadline - now
        return None if limit == inf else limit if limit > LEAST else LEAST

    def within(self, limit: float | None) -> float | None:
        """Return the seconds that may pass before the first byte is sent: `limit`, or what the call has left."""
        if self.deadline == inf:
            return limit
        left = max(LEAST, self.deadline - self.now())
        return left if limit is None else min(limit, left)

    def finish(self, seconds: float) -> None:
        """Note that the end marker has come: the rest of the body must arrive within that time."""
        if (until := self.now() + seconds) < self.deadline:
            self.deadline, self.finishing = until, True
        self.steady = 0.0
        self.due = min(self.due, self.deadline)

    def expired(self) -> TransportError | None:
        """Return the error of the total timeout, or of `finish`, if that is the limit which has just been reached."""
        if self.now() < self.deadline - _EARLY:
            return None
        total = self.limits.total
        if total is None or self.finishing:  # nothing is wrong with that, unless the answer is not complete
            return StreamTruncated(NO_END)
        return total_timeout(total)

    def passed(self, limit: float | None) -> str:
        """Return " of 10 s" for a limit that has passed since the exchange began, for messages.

        Return "" for one that has not, since a function of a user's may have set another limit to what it calls.
        """
        return f" of {limit:g} s" if limit is not None and self.now() >= self.made + limit - _EARLY else ""

    def error(self) -> TransportError:
        """Return the error for the limit that has just been reached."""
        if (expired := self.expired()) is not None:
            return expired
        if self.begun:
            return StreamIdleTimeout(f"the stream was silent for {self._idle:g} s", hint="raise Timeouts(idle=...)")
        return FirstEventTimeout(
            f"no answer came within the first-event timeout{self.passed(self.limits.first_event)}",
            hint="raise Timeouts(first_event=...)",
        )


def total_timeout(total: float) -> TotalTimeout:
    """Return the error of a call whose total timeout of that many seconds has passed."""
    return TotalTimeout(
        f"the call took longer than its total timeout of {total:g} s", hint="raise timeout=, or ask for less"
    )
