"""Do several things at once: `gather` waits for all, `race` for the first that succeeds.

They are plain flows over StartTask, StopTasks and Wait, so they are the same for threads, event loops and the
simulation. What a branch emits is emitted by the whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from ..schemas.errors import ConfigError
from .effects import Effect, Emit, Flow, StartTask, StopTasks, Wait, checked_flow, closed
from .signal import News, Signal, Task

Result = TypeVar("Result")

MAX_TASKS = 64
"""How many run at once where no limit is given: a sync client needs a thread for each."""


def performing(effect: Effect) -> Flow:
    """Return a flow of one effect, for `gather` and `race`."""
    return (yield effect)


def gather(
    flows: Iterable[Generator[Any, Any, Result]], limit: int | None = None
) -> Generator[Any, Any, list[Result | Exception]]:
    """Run several flows at once and return their results, in order.

    A flow that fails has its exception in the place of its result. What is not an Exception (Ctrl-C, a cancellation)
    stops all of them, and is raised.

    flows: what to run.
    limit: how many run at once (default: MAX_TASKS).

    Raises ConfigError for a limit below 1.
    """
    if limit is not None and (type(limit) is not int or limit < 1):
        what = f"gather(limit={limit}) would run nothing" if type(limit) is int else "the limit of gather is no number"
        raise ConfigError(what, hint="the flows are one list: gather([flow, other_flow], limit=8)")
    waiting = deque(checked_flow(flow, "gather") for flow in flows)
    if len(waiting) <= 1 or limit == 1:  # needs no thread
        outcomes: list[Any] = yield from _one_after_another(waiting)
        return outcomes
    news = News()
    tasks = [Task(news) for _ in waiting]
    yield from attended(tasks, _run_all(waiting, tasks, news, limit or MAX_TASKS))
    outcomes = [task.result if task.error is None else task.error for task in tasks]
    return outcomes


def attended(tasks: Sequence[Task], lead: Flow) -> Flow:
    """Run a flow that starts tasks, and return its result. However it ends, they are stopped.

    tasks: those that it starts; a list may grow meanwhile.
    """
    try:
        result = yield from lead
    except GeneratorExit:  # closed, not cancelled: nothing more can be yielded
        _cancel(tasks)
        raise
    except BaseException:
        yield StopTasks([task for task in tasks if task.cancel is not None])
        raise
    yield StopTasks(tasks)
    return result


def _run_all(waiting: deque[Flow], tasks: Sequence[Task], news: News, limit: int) -> Flow:
    """Run all tasks to their ends, at most `limit` at once."""
    idle = iter(tasks)
    running = 0
    while True:
        signal = news.signal  # before the tasks are looked at, so that no news in between is missed
        while waiting and running < limit:
            task = next(idle)
            yield StartTask(follow(task, waiting.popleft()), task)
            running += 1
        yield from _emit_items(tasks)
        raise_interrupt(tasks)
        ended = sum(task.ended.is_set for task in tasks)
        if ended == len(tasks):
            return
        running = len(tasks) - len(waiting) - ended
        if not waiting or running >= limit:
            yield Wait(signal)


def race(flows: Iterable[Generator[Any, Any, Result]]) -> Generator[Any, Any, Result]:
    """Run several flows at once and return the first result. The others are stopped and their connections closed.

    What is not an Exception (Ctrl-C, a cancellation) stops all of them, and is raised. Raises the first flow's error,
    with notes of the others, if all of them fail, and ConfigError if there are none.
    """
    news = News()
    branches = [(Task(news), checked_flow(flow, "race")) for flow in flows]
    if not branches:
        raise ConfigError("race() has no flows to run", hint="race([flow, other_flow])")
    tasks = [task for task, _ in branches]
    try:
        for task, flow in branches:
            yield StartTask(follow(task, flow), task)
        winner = yield from _first(tasks, news)
    except GeneratorExit:  # closed, not cancelled: nothing more can be yielded
        _cancel(tasks)
        raise
    except BaseException:
        yield from _stopped(tasks, None)
        raise
    yield from _stopped(tasks, winner)
    result: Result = winner.result
    return result


def _first(tasks: Sequence[Task], news: News) -> Flow:
    """Return the first task that succeeds."""
    while True:
        signal = news.signal
        yield from _emit_items(tasks)
        raise_interrupt(tasks)
        for task in tasks:
            if task.ended.is_set and task.error is None:
                return task
        if all(task.ended.is_set for task in tasks):
            raise _all_failed(tasks)
        yield Wait(signal)


def follow(task: Task, flow: Flow) -> Flow:
    """Run a flow as a task: note its outcome, and hold what it emits until it is taken, so that nothing piles up."""
    try:
        effect = next(flow)
        while True:
            try:
                result = (yield from _held(task, effect.item)) if type(effect) is Emit else (yield effect)
            except BaseException as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as stop:
        task.result = stop.value
    except BaseException as error:
        task.error = error
        if isinstance(error, GeneratorExit):
            raise
    finally:
        task.ended.set()
        task.news.publish()
    if task.abandoned and task.claim():
        with suppress(Exception):  # nobody is left to hear of it
            yield from closed(task.result)


def _one_after_another(flows: deque[Flow]) -> Flow:
    results = []
    for flow in flows:
        try:
            results.append((yield from flow))
        except Exception as error:
            results.append(error)
    return results


def _held(task: Task, item: Any) -> Flow:
    task.taken = Signal()
    task.emitted.append(item)
    task.news.publish()
    yield Wait(task.taken)


def _emit_items(tasks: Sequence[Task]) -> Flow:
    for task in tasks:
        while task.emitted:
            yield Emit(task.emitted.popleft())
            task.taken.set()


def raise_interrupt(tasks: Sequence[Task]) -> None:
    """Raise what is no Exception (Ctrl-C, a cancellation) if a task ended so."""
    for task in tasks:
        if task.error is not None and not isinstance(task.error, Exception):
            raise task.error


def _cancel(tasks: Sequence[Task]) -> None:
    for task in tasks:
        if task.running and task.cancel is not None:
            task.cancel()


def _stopped(tasks: Sequence[Task], winner: Task | None) -> Flow:
    """Stop the tasks, and close the results that nobody will read."""
    yield StopTasks([task for task in tasks if task.cancel is not None])
    for task in tasks:
        if task is not winner:
            task.abandoned = True
            if task.ended.is_set and task.claim():
                yield from closed(task.result)


def _all_failed(tasks: Sequence[Task]) -> BaseException:
    first, *others = [task.error for task in tasks if task.error is not None]
    for error in others:
        first.add_note(f"another failed, too: {type(error).__name__}: {error}")
    return first
