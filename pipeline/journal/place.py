"""The place of a flow in the tree of a job's flows: how it and its tasks go on, as they did in the first run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..effects import CallModel, Cancelled, Close, Emit, Flow, Read, Run, Send, Sleep, StartTask, StopTasks, Wait
from ..signal import News, Task
from .job import Job
from .numbered import KINDS
from .recording import Recording
from .records import Path
from .replayed import Replayed
from .world import CURRENT


def journalled(flow: Flow, place: FlowPlace) -> Flow:
    """Run a flow of a job: give it what is recorded of its effects, and record the others before it sees them."""
    job = place.job
    step: Callable[[Any], Any] = flow.send
    value: Any = None
    try:
        while True:
            if place.gated and not place.stopped:
                try:
                    yield from place.pass_gate()
                except BaseException as error:
                    place.stopped, step, value = True, flow.throw, error
            effect = place.turn(step, value)
            try:
                step, value = flow.send, (yield from place.perform(effect))
            except BaseException as error:
                step, value = flow.throw, error
                if not isinstance(error, Exception):
                    place.stopped = True
                elif job.failure is not None and not place.stopped:
                    # Past all that the flow may catch: it cleans up, and nothing of that is recorded.
                    place.stopped, value = True, Cancelled()
    except StopIteration as stop:
        result = stop.value
        if job.failure is None and not place.stopped:
            place.end(None, result)
    except BaseException as error:
        if job.failure is None and not place.stopped:
            place.end(error)
        if place.task is not None:
            place.drop(error)
            return None
        if job.failure is None:
            raise
    finally:
        flow.close()
        place.leave()
    if job.failure is not None and place.task is None:
        raise job.failure
    return result


class FlowPlace(Recording):
    """One flow of a job, with the tasks that it has started.

    job, path, outer, is_call: see Numbered.
    task: its handle, if it is a task.
    """

    gated = False
    """True while it goes on only as far as the flow that started it had seen it get in the first run"""
    over = False
    _timed_out = False
    """whether it was not for a task that it went on"""
    _happened = _met = _allowed = 0
    """of a task: how often it got on, how often the flow outside has seen that, and may see it"""

    def __init__(
        self,
        job: Job,
        path: Path = (),
        outer: FlowPlace | None = None,
        task: Task | None = None,
        *,
        is_call: bool = False,
    ) -> None:
        super().__init__(job, path, outer, is_call=is_call)
        self._outer = outer
        self._seen: list[int] = []
        """the tasks that got on since it last went on"""
        self._tasks: dict[int, FlowPlace] = {}
        self.task = task
        if task is not None:
            self._news = News()
            self._gate = News()

    def turn(self, step: Callable[[Any], Any], value: Any) -> Any:
        """Let the flow go on to its next effect."""
        with self.job.lock:
            self.turns += 1
            if self._seen or self._timed_out:
                if not self.stopped:
                    self.take("e", [self.turns, self._seen])
                self._seen, self._timed_out = [], False
            before, CURRENT.place = CURRENT.place, self
            try:
                effect = step(value)
            except BaseException:
                self._got_on(ended=True)
                raise
            finally:
                CURRENT.place = before
            task = self.task
            if task is not None and (task.ended.is_set or (type(effect) is Wait and effect.signal is task.taken)):
                self._got_on(ended=task.ended.is_set)
            return effect

    def _got_on(self, *, ended: bool) -> None:
        """Note that this task has emitted an item or ended, which the flow outside can see from now on."""
        outer = self._outer
        if self.task is None or outer is None or self.over:
            return
        self.over = ended
        if not self.stopped:
            self._happened += 1
            if self._happened > self._met:
                outer._seen.append(self.path[-1])
        self._news.publish()

    def pass_gate(self) -> Flow:
        """Wait until this task may go on."""
        if self.job.held:
            self.job.write()
        while self.gated:
            signal = self._gate.signal
            if not self.gated or self._happened < self._allowed:
                return
            yield Wait(signal)

    def _open_gates(self) -> None:
        for task in self._tasks.values():
            task.gated = False
            task._gate.publish()

    def _meet(self) -> Flow:
        """Let tasks get on as far as this flow had seen them before it went on from here."""
        events = self.values.get("e")
        while events and events[0][0] <= self.turns + 1:
            yield from self._meet_next(events)

    def _meet_next(self, events: list[Any]) -> Flow:
        for number in events.pop(0)[1]:
            task = self._tasks.get(number)
            if task is None:
                continue
            task._met += 1
            task._allowed += 1
            task._gate.publish()
            while True:
                signal = task._news.signal
                if task._happened >= task._met or task.over:
                    break
                yield Wait(signal)

    def end(self, error: BaseException | None, result: object = None) -> None:
        """Record the end of the flow."""
        job, number, entries = self.job, self.number, self.known.entries
        if self.is_call and isinstance(error, Exception):
            job.note_error(error, self.path)
        if error is None and (left := [*entries, *([number] if number <= self.known.last else ())]):
            first = entries.get(min(left))
            did = "a call or a task" if first is None else KINDS[first.kind]
            job.mismatch(self.path, min(left), f"{did} then, nothing more now")
        elif error is None and self.complete:
            return
        elif not self.path and (error is None or isinstance(error, Exception)):
            if error is None:
                self.close_streams([()])  # those that the flow has left open are read no further
            job.end(error, result)
        else:
            if error is None:
                if self.fresh:
                    self.put_by()
                with job.lock:
                    job.later(("E", self.path, 0, None, b""))
            if job.held:
                job.write()

    def drop(self, error: BaseException) -> None:
        """Have this task, which failed or was cancelled before it went on, end all the same."""
        task = self.task
        if task is not None and not task.ended.is_set:
            task.error = error
            task.ended.set()
            task.news.publish()

    def leave(self) -> None:
        """Forget the place, whose flow has ended."""
        self._open_gates()
        self.over = True
        if self.task is not None:
            self._news.publish()

    # Effects

    def perform(self, effect: Any) -> Flow:
        """Return the result of an effect: what is recorded, or what the driver returns, which is then recorded."""
        if self.stopped:
            return _cleaning_up(effect)
        if (failure := self.job.failure) is not None:
            raise failure
        kind = type(effect)
        if self.job.held and kind is not Send:
            self.job.write()
        if self._tasks:
            return self._beside_tasks(effect)
        handle = _HANDLE.get(kind)
        return _passed(effect) if handle is None or (self.secret and kind in _ACTING) else handle(self, effect)

    def _beside_tasks(self, effect: Any) -> Flow:
        """Return the result of an effect of a flow that has tasks."""
        kind = type(effect)
        if kind is Wait:
            return (yield from self._wait(effect))
        if kind is StopTasks:
            return (yield from self._stop(effect))
        handle = _HANDLE.get(kind)
        result = yield from (_passed(effect) if handle is None else handle(self, effect))
        if self.job.held:
            self.job.write()
        yield from self._meet()
        if not self.replays():
            self._open_gates()
        return result

    def _wait(self, effect: Wait) -> Flow:
        """Wait, as long as the flow has tasks: until they have got on as far as they had in the first run."""
        signal, events = effect.signal, self.values.get("e") or []
        if self.task is not None and signal is self.task.taken:  # for the flow outside, not for a task
            result = yield effect
            yield from self._meet()
            return result
        if events and events[0][0] <= self.turns + 1:
            if not events[0][1]:
                events.pop(0)
                return False  # it has waited for long enough already
            yield from self._meet_next(events)
        while events and events[0][1] and not signal.is_set:
            yield from self._meet_next(events)
        if signal.is_set:
            return True
        if not self.complete and (effect.timeout is None or not self.replays()):
            self._open_gates()
        result = yield effect
        self._timed_out = not result
        return result

    def _stop(self, effect: StopTasks) -> Flow:
        self.next()
        yield from self._meet()
        result = yield effect
        stopped = [each.path for each in self._tasks.values() if each.stopped or not each.over]
        self._tasks.clear()
        self.close_streams(stopped)
        return result

    def _start(self, effect: StartTask) -> Flow:
        replays, number = self.replays(), self._next_flow()
        child = self._child(number, effect.task)
        child.gated = replays
        self._tasks[number] = child
        yield StartTask(journalled(effect.flow, child), effect.task)
        yield from self._meet()  # it may have ended by then

    def _call_model(self, effect: CallModel) -> Flow:
        child = self._child(self._next_flow(), None, is_call=True)
        return (yield from journalled(self.job.flow_of(effect), child))

    def _next_flow(self) -> int:
        """Return the number of the flow that is started next. Raises JournalMismatch if it was another effect."""
        if (entry := self.known.entries.get(self.number)) is not None:
            raise self.job.mismatch(self.path, self.number, f"{KINDS[entry.kind]} then, a call or a task now")
        return self.next()

    def _child(self, number: int, task: Task | None, *, is_call: bool = False) -> FlowPlace:
        return FlowPlace(self.job, (*self.path, number), self, task, is_call=is_call)


def _passed(effect: Any) -> Flow:
    return (yield effect)


def _cleaning_up(effect: Any) -> Flow:
    if type(getattr(effect, "source", None)) is Replayed:
        return None if type(effect) is Close else effect.source.read()
    return (yield effect)


_ACTING = frozenset((Send, Read, Close, Sleep, Run))
_HANDLE: dict[type, Callable[[FlowPlace, Any], Flow]] = {
    Send: FlowPlace.send,
    Read: FlowPlace.read,
    Close: FlowPlace.close,
    Sleep: FlowPlace.sleep,
    Run: FlowPlace.run,
    Emit: FlowPlace.emit,
    CallModel: FlowPlace._call_model,
    StartTask: FlowPlace._start,
}
