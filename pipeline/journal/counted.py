"""The count of a flow's effects, and the values that it takes from the world between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

from ..effects import CallNext, StepGenerator
from ..http.request import Request
from .asked import changed_fields
from .data import error_data, error_of
from .job import Job
from .records import NOTHING, BegunEffect, FlowRecords, Path, Record

KINDS = {
    "send": "a request",
    "stream": "a streamed request",
    "run": "a function",
    "refused": "a step refused the call",
}

_NO_VALUES: Mapping[str, list[Any]] = {}


@define(eq=False)
class CountedFlow:
    """A flow of a job. Its effects have numbers, and what it takes from the world has that of the effect after it."""

    job: Job
    path: Path = ()
    """the place of the flow: the numbers of the effects that started it and the flows around it"""
    outer: CountedFlow | None = None
    """the flow that started it"""
    is_call: bool = False
    """whether it is a whole call"""
    known: FlowRecords = field(init=False)
    """what is recorded of it"""
    complete: bool = field(init=False)
    """whether all of it is recorded"""
    number: int = field(default=0, init=False)
    """that of the next effect which acts or starts a flow"""
    turns: int = field(default=-1, init=False)
    """how often it went on since its last effect with a number"""
    secret: int = field(default=0, init=False)
    """above 0 while it deals with credentials, and nothing is recorded"""
    stopped: bool = field(default=False, init=False)
    """True once it was interrupted: what follows is cleaning up, and not recorded"""
    billed: bool = field(default=False, init=False)
    """of a call: whether a request was sent again that an earlier run had begun"""
    clock: float | None = field(default=None, init=False)
    """the time, once it is known since the last effect: until the next one it stands still"""
    values: Mapping[str, list[Any]] = field(default=_NO_VALUES, init=False)
    """the recorded ones that it has not taken yet, up to the next effect with a number, by their kinds"""
    fresh: Mapping[str, list[Any]] = field(default=_NO_VALUES, init=False)
    """values that are not recorded yet, by their kinds"""

    def __attrs_post_init__(self) -> None:
        job, outer = self.job, self.outer
        known = self.known = job.unread.pop(self.path, NOTHING) if job.unread else NOTHING
        self.complete = known.ended or (outer is not None and outer.complete)
        if known is not NOTHING:
            self.values = known.values.pop(0, _NO_VALUES)

    @property
    def call(self) -> CountedFlow:
        """The call that it is or belongs to; outside of calls, the flow of the job itself."""
        flow = self
        while not flow.is_call and flow.outer is not None:
            flow = flow.outer
        return flow

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
        if self.stopped or self.secret:
            return self.job.world.now()
        now = self.clock
        if now is None:
            shift = self.job.shift
            if self.values and (values := self.values.get("m")):
                now = float(values.pop(0)) + shift
            else:
                now = self.job.world.now()
                self.take("m", now - shift)
            self.clock = now
        return now

    def kept(self, name: str, decide: Callable[[], Any]) -> Any:
        """Return a decision that depends on other calls: as it was in the first run, so that the flow is the same."""
        return self.value(f"k {name}", decide)

    def take(self, kind: str, value: Any) -> Any:
        """Return a new value, which is recorded with the next effect."""
        fresh = self.fresh
        if not fresh:
            self.fresh = {kind: [value]}
            self.job.taking.append(self)
        elif kind in fresh:
            fresh[kind].append(value)
        else:
            self.fresh = {**fresh, kind: [value]}
        return value

    def taken(self) -> Record:
        """Return the record of the values that are not recorded yet."""
        taken, self.fresh = self.fresh, _NO_VALUES
        return "V", self.path, self.number, taken, b""

    # The numbers of its effects

    def replays(self) -> bool:
        """Return whether there are records of what comes next."""
        return self.complete or self.number <= self.known.last or bool(self.values.get("e"))

    def next(self) -> int:
        """Return the number of the next effect, and go on to it."""
        number = self.number
        if self.fresh:
            with self.job.lock:
                if self.fresh:  # else another flow's record has taken them along
                    self.job.later(self.taken())
        self.number = number + 1
        self.turns = -1
        if self.known is NOTHING:
            return number
        unseen = self.values.get("e")
        self.values = self.known.values.pop(self.number, _NO_VALUES)
        if unseen:  # tasks got on at another moment than in the first run
            events = [*([-1, tasks] for _, tasks in unseen), *self.values.get("e", ())]
            self.values = {**self.values, "e": events}
        return number

    def recorded(
        self, number: int, kind: str, asked: str, parts: list[int], request: Request | None = None
    ) -> BegunEffect | None:
        """Return what is recorded under a number. Raises JournalMismatch if that is something else."""
        entry = self.known.entries.pop(number, None)
        if entry is None:
            if self.job.unread and (*self.path, number) in self.job.unread:
                raise self.job.mismatch(self.path, number, f"a call or a task then, {KINDS[kind]} now")
            return None
        if (entry.kind, entry.asked, entry.parts) != (kind, asked, parts):
            if entry.kind != kind:
                why = f"{KINDS[entry.kind]} then, {KINDS[kind]} now"
            elif request is None:
                why = f"it ran {entry.asked or 'a function'!r:.80} then, and runs {asked or 'a function'!r:.80} now"
            else:
                models = "" if entry.asked == asked else f", to {entry.asked:.80} then and to {asked:.80} now"
                fields = "" if entry.parts == parts else f", which differs in {changed_fields(entry.parts, request)}"
                why = f"another request{models}{fields}"
            raise self.job.mismatch(self.path, number, why)
        return entry

    # What steps ask for, see World.job

    def limited(self, name: str, run: Callable[..., StepGenerator], request: Request, call: CallNext) -> StepGenerator:
        """Run a step that only decides whether and when a call is made: as it decided in the first run.

        The step does not run for a call that is recorded to its end: such a call is neither counted nor delayed again.
        """
        entry = self.known.entries.get(self.number)
        if entry is not None and entry.kind == "refused" and entry.asked == name:
            del self.known.entries[self.next()]
            raise error_of(entry.data)
        if self.complete:
            return (yield from call(request))
        called = False

        def noting(request: Request) -> StepGenerator:
            nonlocal called
            called = True
            return call(request)

        try:
            return (yield from run(request, noting))
        except Exception as error:
            if not called and not self.stopped and self.job.failure is None:
                number = self.next()
                begun = ("B", self.path, number, ["refused", name, []], b"")
                self.job.write(begun, ("X", self.path, number, error_data(error), b""))
            raise

    def unrecorded(self, run: Callable[..., StepGenerator], request: Request, call: CallNext) -> StepGenerator:
        """Run a step that deals with credentials: of its effects nothing is recorded, until it makes the call."""
        if self.complete:
            return (yield from call(request))

        def inside(request: Request) -> StepGenerator:
            self.secret -= 1
            try:
                return (yield from call(request))
            finally:
                self.secret += 1

        self.secret += 1
        try:
            return (yield from run(request, inside))
        finally:
            self.secret -= 1
