"""A flow of a job: it and its tasks go on as they did in the first run, and what is new is recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field

from ..effects import CallModel, Cancelled, Emit, Flow, Send, StartTask, StopTasks, Wait
from ..signal import News, Task
from .counted import KINDS, CountedFlow
from .effects import RECORDED, cleaning_up, passed_on
from .job import rest_of
from .records import Path
from .world import CURRENT


@define(eq=False)
class JobFlow(CountedFlow):
    """One flow of a job, with the tasks that it has started."""

    held_back: bool = False
    """True for a task that may go on only as far as the flow outside had seen it get in the first run"""
    _got_on: list[int] = field(factory=list, init=False)
    """the numbers of the tasks that have got on since it last went on"""
    _timed_out: bool = field(default=False, init=False)
    """whether it was not for a task that it went on"""
    _tasks: dict[int, TaskFlow] = field(factory=dict, init=False)

    def run(self, flow: Flow) -> Flow:
        """Run its code: give it what is recorded of its effects, and record the others before it sees them."""
        job = self.job
        send = step = flow.send
        value: Any = None
        try:
            while True:
                if self.held_back and not self.stopped:
                    try:
                        yield from self.wait_until_allowed()
                    except BaseException as error:
                        self.stopped, step, value = True, flow.throw, error
                effect = self.go_on(step, value)
                try:
                    step, value = send, (yield from self.perform(effect))
                except BaseException as error:
                    step, value = flow.throw, error
                    if not isinstance(error, Exception):
                        self.stopped = True
                    elif job.failure is not None and not self.stopped:
                        # Past all that the flow may catch: it cleans up, and nothing of that is recorded.
                        self.stopped, value = True, Cancelled()
        except StopIteration as stop:
            result = stop.value
            if job.failure is None and not self.stopped:
                self.end(None, result)
        except BaseException as error:
            if job.failure is None:
                if not self.stopped:
                    self.end(error)
                raise
        finally:
            flow.close()
            if self._tasks:
                self._free_tasks()
        if job.failure is not None:
            raise job.failure
        return result

    def go_on(self, step: Callable[[Any], Any], value: Any) -> Any:
        """Run its code up to its next effect, and return that."""
        with self.job.lock:
            self.turns += 1
            if self._got_on or self._timed_out:
                if not self.stopped:
                    self.take("e", [self.turns, self._got_on])
                self._got_on, self._timed_out = [], False
            before, CURRENT.flow = CURRENT.flow, self
            try:
                return step(value)
            finally:
                CURRENT.flow = before

    def wait_until_allowed(self) -> Flow:
        """Wait until it may go on."""
        yield from ()

    def end(self, error: BaseException | None, result: object = None) -> None:
        """Record the end of the flow."""
        job, number, known = self.job, self.number, self.known
        if error is not None:
            if self.is_call and isinstance(error, Exception):
                job.note_error(error, self.path)
            if not self.path and isinstance(error, Exception):
                job.end(error)
            elif job.held:
                job.write()
        elif known.entries or number <= known.last:
            first = min([*known.entries, number] if number <= known.last else known.entries)
            did = "a call or a task" if first not in known.entries else KINDS[known.entries[first].kind]
            job.mismatch(self.path, first, f"{did} then, nothing more now")
        elif self.complete:
            return
        elif not self.path:
            if job.streams:
                self.close_streams([()])  # those that the flow has left open are read no further
            job.end(None, result)
        elif job.held:
            job.write(("E", self.path, 0, None, b""))
        else:
            job.later(("E", self.path, 0, None, b""))

    def close_streams(self, within: list[Path]) -> None:
        """Record that what is open in some flows is read no further."""
        with self.job.lock:
            for id, opened in list(self.job.streams.items()):
                path, number = opened[:2]
                if any(path[: len(outer)] == outer for outer in within):
                    del self.job.streams[id]
                    for record in (*rest_of(opened), ("C", path, number, None, b"")):
                        self.job.later(record)

    # Effects

    def perform(self, effect: Any) -> Flow:
        """Return the result of an effect: what is recorded, or what the driver returns, which is then recorded."""
        if self.stopped:
            return cleaning_up(effect)
        job, kind, self.clock = self.job, type(effect), None
        if job.failure is not None:
            raise job.failure
        if job.held and kind is not Send:
            job.write()
        if self._tasks and (kind is Wait or kind is StopTasks):
            return self._wait(effect) if kind is Wait else self._stop(effect)
        if (recorded := RECORDED.get(kind)) is not None and (not self.secret or kind is Emit):
            performed = recorded(self, effect)
        elif kind is CallModel:
            child = JobFlow(job, (*self.path, self._next_flow()), self, True)
            performed = child.run(job.flow_of(effect))
        elif kind is StartTask:
            performed = self._start(effect)
        else:
            performed = passed_on(effect)
        return self._beside_tasks(performed) if self._tasks else performed

    def _next_flow(self) -> int:
        """Return the number of the flow that is started next. Raises JournalMismatch if it was another effect."""
        if (entry := self.known.entries.get(self.number)) is not None:
            raise self.job.mismatch(self.path, self.number, f"{KINDS[entry.kind]} then, a call or a task now")
        return self.next()

    # Effects of a flow that has tasks

    def _beside_tasks(self, performed: Flow) -> Flow:
        result = yield from performed
        if self.job.held:
            self.job.write()
        yield from self._await_tasks()
        if not self.replays():
            self._free_tasks()
        return result

    def _start(self, effect: StartTask) -> Flow:
        replays, number = self.replays(), self._next_flow()
        child = self._tasks[number] = TaskFlow(
            self.job, (*self.path, number), self, held_back=replays, starter=self, task=effect.task
        )
        yield StartTask(child.run(effect.flow), effect.task)
        yield from self._await_tasks()  # it may have ended by then

    def _stop(self, effect: StopTasks) -> Flow:
        self.next()
        yield from self._await_tasks()
        result = yield effect
        stopped = [each.path for each in self._tasks.values() if each.stopped or not each.over]
        self._tasks.clear()
        self.close_streams(stopped)
        return result

    def _wait(self, effect: Wait) -> Flow:
        """Wait until its tasks have got on as far as they had when it went on from here in the first run."""
        signal, events = effect.signal, self.values.get("e") or []
        if self.is_taken(signal):  # it waits for the flow outside, not for a task
            result = yield effect
            yield from self._await_tasks()
            return result
        if events and events[0][0] <= self.turns + 1:
            if not events[0][1]:
                events.pop(0)
                return False  # it has waited for long enough already
            yield from self._await_event(events)
        while events and events[0][1] and not signal.is_set:
            yield from self._await_event(events)
        if signal.is_set:
            return True
        if not self.complete and (effect.timeout is None or not self.replays()):
            self._free_tasks()
        result = yield effect
        self._timed_out = not result
        return result

    def is_taken(self, signal: object) -> bool:
        """Return whether a signal is the one that says that the flow outside has taken what this task emitted."""
        return False

    def _await_tasks(self) -> Flow:
        """Wait until its tasks are as far as they were in the first run when the flow went on from here."""
        events = self.values.get("e")
        while events and events[0][0] <= self.turns + 1:
            yield from self._await_event(events)

    def _await_event(self, events: list[Any]) -> Flow:
        for number in events.pop(0)[1]:
            if (task := self._tasks.get(number)) is not None:
                yield from task.get_on()

    def _free_tasks(self) -> None:
        """Let its tasks go on as they come: nothing more is recorded of their order."""
        for task in self._tasks.values():
            if task.held_back:
                task.free()


@define(eq=False)
class TaskFlow(JobFlow):
    """A flow that runs beside the one that started it. It gets on when it emits an item or ends."""

    _starter: JobFlow = field(kw_only=True)
    _task: Task = field(kw_only=True)
    """its handle"""
    over: bool = field(default=False, init=False)
    _times: int = field(default=0, init=False)
    """how often it got on"""
    _seen: int = field(default=0, init=False)
    """how often the flow outside has seen that"""
    _news: News = field(factory=News, init=False)
    """is published when it got on or ended"""
    _permission: News = field(factory=News, init=False)
    """is published when it may go on"""

    def run(self, flow: Flow) -> Flow:
        """Run its code. The task ends in any case, also if it fails before its code runs."""
        try:
            return (yield from super().run(flow))
        except BaseException as error:
            task = self._task
            if not task.ended.is_set:
                task.error = error
                task.ended.set()
                task.news.publish()
            return None
        finally:
            self.over = True
            self._news.publish()

    def go_on(self, step: Callable[[Any], Any], value: Any) -> Any:
        """Run its code up to its next effect, and note whether it got on by that."""
        with self.job.lock:
            try:
                effect = super().go_on(step, value)
            except BaseException:
                self._note(ended=True)
                raise
            ended = self._task.ended.is_set
            if ended or (type(effect) is Wait and self.is_taken(effect.signal)):
                self._note(ended=ended)
            return effect

    def _note(self, *, ended: bool) -> None:
        if self.over:
            return
        self.over = ended
        if not self.stopped:
            self._times += 1
            if self._times > self._seen:
                self._starter._got_on.append(self.path[-1])
        self._news.publish()

    def get_on(self) -> Flow:
        """Let it get on once more, and wait until it has."""
        self._seen += 1
        self._permission.publish()
        while True:
            signal = self._news.signal
            if self._times >= self._seen or self.over:
                return
            yield Wait(signal)

    def wait_until_allowed(self) -> Flow:
        if self.job.held:
            self.job.write()
        while self.held_back:
            signal = self._permission.signal
            if not self.held_back or self._times < self._seen:
                return
            yield Wait(signal)

    def free(self) -> None:
        """Let it go on as it comes."""
        self.held_back = False
        self._permission.publish()

    def is_taken(self, signal: object) -> bool:
        return signal is self._task.taken
