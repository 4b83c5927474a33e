"""The place of a flow in the tree of a job's flows: its effects are recorded under it, and given again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...schemas.errors import StepError
from ..effects import (
    CallModel,
    CallNext,
    Cancelled,
    Close,
    Emit,
    Flow,
    Read,
    Run,
    Send,
    Sleep,
    StartTask,
    StepGenerator,
    StopTasks,
    Wait,
)
from ..http.headers import Headers
from ..http.redact import masked
from ..http.request import Request
from ..http.response import Response
from ..signal import News, Task
from .asked import asked_of, differences
from .data import error_data, error_of, from_data, is_kept, to_data
from .job import Job
from .records import Entry, Path
from .replayed import Replayed
from .world import CURRENT

_AGAIN = "its request was in flight when an earlier run ended, and was sent again: the provider may bill both"


def journalled(flow: Flow, place: Place) -> Flow:
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
        if job.failure is None and isinstance(error, Exception) and not place.stopped:
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


class Place:
    """One flow of a job.

    job: the job.
    path: the place of the flow.
    outer: that of the flow which started it.
    task: its handle, if it is a task.
    is_call: whether it is a whole call.
    """

    def __init__(
        self, job: Job, path: Path = (), outer: Place | None = None, task: Task | None = None, *, is_call: bool = False
    ) -> None:
        self.job = job
        self.path = path
        self.task = task
        self.stopped = False
        """True once it was interrupted: what follows is cleaning up, and not recorded."""
        self.gated = False
        """True while it goes on only as far as the flow that started it had seen it get in the first run."""
        self.over = False
        self._outer = outer
        self._call: Place | None = self if is_call else outer._call if outer is not None else None
        self._is_call = is_call
        self._known = job.known(path)
        self.complete = self._known.ended or (outer is not None and outer.complete)
        """whether all of it is recorded"""
        self._number = 0
        self._values = {name: list(values) for name, values in self._known.values_of(0).items()}
        self._taken: dict[str, list[Any]] = {}
        self._turns = -1
        """how often it went on since its last effect with a number"""
        self._seen: list[int] = []
        """the tasks that got on since it last went on"""
        self._timed_out = False
        """whether it was not for a task that it went on"""
        self._tasks: dict[int, Place] = {}
        self._secret = 0
        self._billed = False
        # Of a task: how often it got on, how often the flow outside has seen that, and who waits for it.
        self._happened = self._met = self._allowed = 0
        self._news = News()
        self._gate = News()

    # What the flow takes from the world

    def value(self, kind: str, fresh: Callable[[], Any]) -> Any:
        """Return the recorded value, else a new one, which is recorded with the next effect."""
        if self.stopped or self._secret:
            return fresh()
        if values := self._values.get(kind):
            return values.pop(0)
        return self._take(kind, fresh())

    def now(self) -> float:
        """Return the time of the clock that only goes forward."""
        if not (self.stopped or self._secret) and (values := self._values.get("m")):
            recorded: float = values.pop(0)
            return recorded + self.job.shift
        return self.job.world.now() if self.stopped or self._secret else self._take("m", self.job.world.now())

    def kept(self, name: str, decide: Callable[[], Any]) -> Any:
        """Return a decision that depends on other calls: as it was in the first run, so that the flow is the same."""
        return self.value(f"k {name}", decide)

    def _take(self, kind: str, value: Any) -> Any:
        taken = self._taken.get(kind)
        if taken is None:
            self._taken[kind] = [value]
            self.job.dirty[self.path] = self
        else:
            taken.append(value)
        return value

    def taken(self) -> tuple[str, Path, int, Any, bytes]:
        """Return the record of the values that are not recorded yet."""
        taken, self._taken = self._taken, {}
        return "V", self.path, self._number, taken, b""

    # How the flow and its tasks go on

    def turn(self, step: Callable[[Any], Any], value: Any) -> Any:
        """Let the flow go on to its next effect."""
        with self.job.lock:
            self._turns += 1
            if (self._seen or self._timed_out) and not self.stopped:
                self._take("e", [self._turns, self._seen])
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
        events = self._values.get("e")
        while events and events[0][0] <= self._turns + 1:
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

    def _replays(self) -> bool:
        """Return whether there are records of what comes next."""
        return self.complete or self._number <= self._known.last or bool(self._values.get("e"))

    def _next(self) -> int:
        """Return the number of the next effect, and go on to it."""
        number = self._number
        if self._taken:
            self._put_by()
        self._number += 1
        self._turns = -1
        self._values = {name: list(values) for name, values in self._known.values_of(self._number).items()}
        return number

    def _put_by(self) -> None:
        """Have what was taken recorded with the next record."""
        with self.job.lock:
            self.job.later(self.taken())
            self.job.dirty.pop(self.path, None)

    def end(self, error: Exception | None, result: object = None) -> None:
        """Record the end of the flow."""
        job, left = self.job, self._known.entries
        if error is None and left:
            job.mismatch(self.path, number := min(left), f"{_NAMES[left[number].kind]} then, nothing more now")
        elif error is None and self.complete:
            return
        elif not self.path:
            job.end(error, result)
        elif error is not None:
            if self._is_call:
                job.note_error(error, self.path)
        else:
            with job.lock:
                if self._taken:
                    self._put_by()
                job.later(("E", self.path, 0, None, b""))

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
        self._news.publish()

    # Effects

    def perform(self, effect: Any) -> Flow:
        """Return the result of an effect: what is recorded, or what the driver returns, which is then recorded."""
        job = self.job
        if self.stopped:
            if type(getattr(effect, "source", None)) is Replayed:
                return None if type(effect) is Close else effect.source.read()
            return (yield effect)
        if job.failure is not None:
            raise job.failure
        kind = type(effect)
        if self._tasks and (kind is Wait or kind is StopTasks):
            result = yield from (self._wait(effect) if kind is Wait else self._stop(effect))
            return result
        handle = _HANDLE.get(kind)
        if handle is None or (self._secret and kind in _ACTING):
            result = yield effect
        else:
            result = yield from handle(self, effect)
        if self._tasks:
            yield from self._meet()
            if not self._replays():
                self._open_gates()
        return result

    def _wait(self, effect: Wait) -> Flow:
        """Wait, as long as the flow has tasks: until they have got on as far as they had in the first run."""
        signal, events = effect.signal, self._values.get("e") or []
        if self.task is not None and signal is self.task.taken:  # for the flow outside, not for a task
            result = yield effect
            yield from self._meet()
            return result
        if events and events[0][0] <= self._turns + 1:
            if not events[0][1]:
                events.pop(0)
                return False  # it has waited for long enough already
            yield from self._meet_next(events)
        while events and events[0][1] and not signal.is_set:
            yield from self._meet_next(events)
        if signal.is_set:
            return True
        if not self.complete and (effect.timeout is None or not self._replays()):
            self._open_gates()
        result = yield effect
        self._timed_out = not result
        return result

    def _stop(self, effect: StopTasks) -> Flow:
        self._next()
        yield from self._meet()
        result = yield effect
        stopped = [each.path for each in self._tasks.values() if each.stopped or not each.over]
        self._tasks.clear()
        self.close_streams(stopped)
        return result

    def _start(self, effect: StartTask) -> Flow:
        replays, number = self._replays(), self._next_flow()
        child = self._child(number, effect.task)
        child.gated = replays
        self._tasks[number] = child
        return (yield StartTask(journalled(effect.flow, child), effect.task))

    def _call_model(self, effect: CallModel) -> Flow:
        child = self._child(self._next_flow(), None, is_call=True)
        return (yield from journalled(self.job.flow_of(effect), child))

    def _next_flow(self) -> int:
        """Return the number of the flow that is started next. Raises JournalMismatch if it was another effect."""
        if (entry := self._known.entries.get(self._number)) is not None:
            raise self.job.mismatch(self.path, self._number, f"{_NAMES[entry.kind]} then, a call or a task now")
        return self._next()

    def _child(self, number: int, task: Task | None, *, is_call: bool = False) -> Place:
        return Place(self.job, (*self.path, number), self, task, is_call=is_call)

    def _recorded(self, number: int, kind: str, asked: str, parts: dict[str, int]) -> Entry | None:
        """Return what is recorded under a number. Raises JournalMismatch if that is something else."""
        entry = self._known.entries.pop(number, None)
        if entry is None:
            if self.job.began_flow((*self.path, number)):
                raise self.job.mismatch(self.path, number, f"a call or a task then, {_NAMES[kind]} now")
            return None
        if (entry.kind, entry.asked) != (kind, asked):
            if entry.kind != kind:
                why = f"{_NAMES[entry.kind]} then, {_NAMES[kind]} now"
            elif kind == "run":
                why = f"it ran {entry.asked or 'a function'!r:.80} then, and runs {asked or 'a function'!r:.80} now"
            else:
                why = f"another request, which differs in {differences(entry.parts, parts)}"
            raise self.job.mismatch(self.path, number, why)
        return entry

    def _emit(self, effect: Emit) -> Flow:
        if not self._taken.keys().isdisjoint("tri"):
            self.job.write()  # the reader may see what was taken
        return (yield effect)

    def _sleep(self, effect: Sleep) -> Flow:
        """Wait, or for as long as is left of the wait of an earlier run."""
        job, time = self.job, self.job.world.time
        if recorded := self._values.get("s"):
            left = recorded.pop(0) - time()
            if left > 0 and not recorded and not self._replays():
                yield Sleep(min(left, effect.seconds))
            return None
        if not self._replays():
            with job.lock:
                self._take("s", time() + effect.seconds)
            job.write()
        return (yield effect)

    def _run(self, effect: Run) -> Flow:
        recorded = effect.recorded
        if recorded is False or (recorded is None and self._call is not None):
            return (yield effect)
        job, number = self.job, self._next()
        entry = self._recorded(number, "run", effect.name, {})
        if entry is not None and entry.outcome is not None:
            return self._given(entry, number)
        job.write(("B", self.path, number, ["run", effect.name, {}], b""))
        try:
            result = yield effect
            data = _plain(recorded(result) if callable(recorded) else result, effect.name)
        except Exception as error:
            job.note_error(error, self.path, number)
            job.write(("X", self.path, number, error_data(error), b""))
            raise
        job.write(("D", self.path, number, data, b""))
        return from_data(data) if callable(recorded) else result

    def _given(self, entry: Entry, number: int) -> Any:
        """Return the recorded result of a Run, or raise its error."""
        kind, data, _ = entry.outcome or ("", None, b"")
        if kind != "X":
            return from_data(data)
        error = error_of(data)
        self.job.note_error(error, self.path, number)
        raise error

    def _send(self, effect: Send) -> Flow:
        job, request, number = self.job, effect.request, self._next()
        asked, parts = asked_of(request)
        kind = "stream" if request.stream else "send"
        call = self._call or self
        entry = self._recorded(number, kind, asked, parts)
        if entry is not None:
            call._billed = call._billed or entry.again or not entry.whole
            if entry.whole:
                return self._answer(request, entry)
        job.write(("B", self.path, number, [kind, asked, parts], b""))
        try:
            response: Response = yield effect
        except Exception as error:
            job.write(("X", self.path, number, error_data(error), b""))
            raise
        head = [response.status, {name: each for name, each in response.headers.items() if is_kept(name)}]
        source = response.source
        if source is None:
            body = _without_credential(response.body, response)
            job.write(("R", self.path, number, [*head, response.transport], body))
        else:
            job.streams[id(source)] = self.path, number, source
            job.write(("H", self.path, number, [*head, response.transport], b""))
        return self._noted(response)

    def _noted(self, response: Response) -> Response:
        if (self._call or self)._billed:
            response.request = response.request.warn("maybe_billed", _AGAIN)
        return response

    def _answer(self, request: Request, entry: Entry) -> Response:
        """Return the recorded answer to a request, or raise the recorded error."""
        kind, data, body = entry.outcome or ("", None, b"")
        if kind == "X":
            raise error_of(data)
        response = Response(request, data[0], Headers(data[1]), body)
        response.transport = data[2]
        if kind == "H":
            response.source = Replayed(entry.pieces)
        return self._noted(response)

    def _read(self, effect: Read) -> Flow:
        source = effect.source
        if type(source) is Replayed:
            return source.read()
        opened = self.job.streams.get(id(source))
        if opened is None:
            return (yield effect)
        path, number, _ = opened
        try:
            data = yield effect
        except Exception as error:
            self.job.write(("P", path, number, error_data(error), b""))
            raise
        self.job.write(("P", path, number, None, data))
        return data

    def _close(self, effect: Close) -> Flow:
        source = effect.source
        if type(source) is Replayed:
            return None
        if (opened := self.job.streams.pop(id(source), None)) is not None:
            self.job.write(("C", opened[0], opened[1], None, b""))
        return (yield effect)

    def close_streams(self, within: list[Path]) -> None:
        """Record that what is open in some flows is read no further."""
        with self.job.lock:
            for id, (path, number, _) in list(self.job.streams.items()):
                if any(path[: len(outer)] == outer for outer in within):
                    del self.job.streams[id]
                    self.job.later(("C", path, number, None, b""))

    # What steps ask for, see World.job

    def limited(self, name: str, run: Callable[..., StepGenerator], request: Request, call: CallNext) -> StepGenerator:
        """Run a step that only decides whether and when a call is made: as it decided in the first run.

        A call that is recorded to its end passes it by, so that it is neither counted nor waited for once more.
        """
        entry = self._known.entries.get(self._number)
        if entry is not None and entry.kind == "refused" and entry.asked == name:
            error = error_of((entry.outcome or ("X", {}, b""))[1])
            self._next()
            raise error
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
                number = self._next()
                begun = ("B", self.path, number, ["refused", name, {}], b"")
                self.job.write(begun, ("X", self.path, number, error_data(error), b""))
            raise

    def unrecorded(self, run: Callable[..., StepGenerator], request: Request, call: CallNext) -> StepGenerator:
        """Run a step that deals with credentials: of its effects nothing is recorded, until it makes the call."""
        if self.complete:
            return (yield from call(request))

        def inside(request: Request) -> StepGenerator:
            self._secret -= 1
            try:
                return (yield from call(request))
            finally:
                self._secret += 1

        self._secret += 1
        try:
            return (yield from run(request, inside))
        finally:
            self._secret -= 1


def _plain(result: object, name: str) -> Any:
    """Return the data of a Run's result. Raises StepError for what is no data."""
    try:
        return to_data(result)
    except TypeError as error:
        raise StepError(
            f"the result of {name or 'a Run'} cannot be recorded: {error}",
            hint="return numbers, text, bytes, lists and dicts; or Run(..., recorded=False) runs it again in each run",
        ) from None


def _without_credential(body: bytes, response: Response) -> bytes:
    """Return the body to record: where a server repeats the credential, that is masked."""
    request = response.request
    credential = request.credential
    values = credential.values() if hasattr(credential, "values") else (credential,)
    quoted = response.status >= 300
    for each in values:
        if hasattr(each, "reveal") and len(secret := each.reveal()) > 3 and secret.encode() in body:
            quoted = True
    return masked(body, request) if quoted else body


_ACTING = frozenset((Send, Read, Close, Sleep, Run))
_NAMES = {
    "send": "a request",
    "stream": "a streamed request",
    "run": "a function",
    "refused": "a step refused the call",
}
_HANDLE: dict[type, Callable[[Place, Any], Flow]] = {
    Send: Place._send,
    Read: Place._read,
    Close: Place._close,
    Sleep: Place._sleep,
    Run: Place._run,
    Emit: Place._emit,
    CallModel: Place._call_model,
    StartTask: Place._start,
}
