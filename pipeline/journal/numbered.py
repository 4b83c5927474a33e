"""The count of a flow's effects, and the values that it takes from the world between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..http.request import Request
from .asked import changed_fields
from .job import Job
from .records import NOTHING, BegunEffect, Path, Record

KINDS = {
    "send": "a request",
    "stream": "a streamed request",
    "run": "a function",
    "refused": "a step refused the call",
}

_NO_VALUES: Mapping[str, list[Any]] = {}


class Numbered:
    """A flow of a job, whose effects are counted.

    job: the job.
    path: the place of the flow.
    outer: that of the flow which started it.
    is_call: whether it is a whole call.
    """

    # What few flows change is found in the class, which costs a new flow nothing.
    number = 0
    turns = -1
    """how often it went on since its last effect with a number"""
    secret = 0
    """above 0 while it deals with credentials, and nothing is recorded"""
    stopped = False
    """True once it was interrupted: what follows is cleaning up, and not recorded"""
    billed = False
    """whether a request of the call was sent again that an earlier run had begun"""

    def __init__(self, job: Job, path: Path, outer: Numbered | None, *, is_call: bool) -> None:
        self.job = job
        self.path = path
        self.is_call = is_call
        self._call: Numbered | None = (
            None if is_call or outer is None else outer.call
        )  # never itself: it would be a cycle
        self.in_call: bool = is_call or (outer is not None and outer.in_call)
        self.known = job.known(path)
        self.complete: bool = self.known.ended or (outer is not None and outer.complete)
        """whether all of it is recorded"""
        self.values = self._values_from_here()
        self.fresh: dict[str, list[Any]] = {}
        """values that are not recorded yet, by their kinds"""

    @property
    def call(self) -> Numbered:
        """The call that it belongs to, if it is `in_call`."""
        return self._call or self

    # What the flow takes from the world

    def value(self, kind: str, fresh: Callable[[], Any]) -> Any:
        """Return the recorded value, else a new one, which is recorded with the next effect."""
        if self.stopped or self.secret:
            return fresh()
        if values := self.values.get(kind):
            return values.pop(0)
        return self.take(kind, fresh())

    def now(self) -> float:
        """Return the time of the clock that only goes forward. It is recorded as the first run's clock would say."""
        job = self.job
        if self.stopped or self.secret:
            return job.world.now()
        if values := self.values.get("m"):
            return float(values.pop(0)) + job.shift
        now = job.world.now()
        self.take("m", now - job.shift)
        return now

    def kept(self, name: str, decide: Callable[[], Any]) -> Any:
        """Return a decision that depends on other calls: as it was in the first run, so that the flow is the same."""
        return self.value(f"k {name}", decide)

    def take(self, kind: str, value: Any) -> Any:
        taken = self.fresh.get(kind)
        if taken is None:
            self.fresh[kind] = [value]
            self.job.dirty.append(self)
        else:
            taken.append(value)
        return value

    def taken(self) -> Record:
        """Return the record of the values that are not recorded yet."""
        taken, self.fresh = self.fresh, {}
        return "V", self.path, self.number, taken, b""

    def replays(self) -> bool:
        """Return whether there are records of what comes next."""
        return self.complete or self.number <= self.known.last or bool(self.values.get("e"))

    def next(self) -> int:
        """Return the number of the next effect, and go on to it."""
        number = self.number
        if self.fresh:
            self.put_by()
        self.number += 1
        self.turns = -1
        if self.known is NOTHING and not self.values:
            return number
        unseen = self.values.get("e")
        self.values = self._values_from_here()
        if unseen:  # tasks got on at another moment than in the first run
            events = [*([-1, tasks] for _, tasks in unseen), *self.values.get("e", ())]
            self.values = {**self.values, "e": events}
        return number

    def put_by(self) -> None:
        """Have what was taken recorded with the next record."""
        with self.job.lock:
            if self.fresh:  # else another flow's record has taken them along
                self.job.later(self.taken())

    def recorded(self, number: int, kind: str, asked: str, request: Request | None = None) -> BegunEffect | None:
        """Return what is recorded under a number. Raises JournalMismatch if that is something else."""
        entry = self.known.entries.pop(number, None)
        if entry is None:
            if self.job.began_flow(self.path, number):
                raise self.job.mismatch(self.path, number, f"a call or a task then, {KINDS[kind]} now")
            return None
        if (entry.kind, entry.asked) != (kind, asked):
            if entry.kind != kind:
                why = f"{KINDS[entry.kind]} then, {KINDS[kind]} now"
            elif request is None:
                why = f"it ran {entry.asked or 'a function'!r:.80} then, and runs {asked or 'a function'!r:.80} now"
            else:
                why = f"another request, which differs in {changed_fields(entry.parts, request)}"
            raise self.job.mismatch(self.path, number, why)
        return entry

    def _values_from_here(self) -> Mapping[str, list[Any]]:
        recorded = self.known.values.get(self.number)
        return {name: list(values) for name, values in recorded.items()} if recorded else _NO_VALUES
