"""Tasks of the sync driver: each runs in a thread, and can be stopped while it waits or reads.

Python cannot stop a thread, but what it waits for can be interrupted: a wait for a signal, a sleep, and a read from a
socket, which is shut down. A task that is connecting, resolving a name or running a function of the user's ends later
by itself, and closes what it got.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from contextvars import copy_context
from copy import copy
from functools import partial
from typing import Any

from .drivers import STOP_SECONDS, Result, drive, unknown_effect
from .effects import (
    CallModel,
    Cancelled,
    Close,
    Emit,
    Flow,
    Run,
    Sleep,
    StartTask,
    StopTasks,
    Wait,
    released,
    response_in,
    too_late,
)
from .http.fast.wait import shut_down
from .signal import Signal, Task
from .world import in_new_thread


class Scope:
    """What one task runs in. `signal` is set when it is cancelled, and then cancels the scopes inside it, too."""

    __slots__ = ("_interrupt", "_interrupted", "_lock", "_parent", "_process", "delivered", "signal")

    def __init__(self, parent: Scope | None) -> None:
        self.signal = Signal()
        self.delivered = False
        """True once Cancelled was raised: what the flow yields after that is cleaning up."""
        self._parent = parent
        self._process = os.getpid()
        self._interrupt: Callable[[], None] | None = None
        self._interrupted = False
        self._lock = threading.RLock()
        self.signal.on_set(self._cancelled)
        if parent is not None:
            parent.signal.on_set(self.signal.set)

    def ended(self) -> None:
        """Note that the task has ended, so that the outer scope need not know it any more."""
        if self._parent is not None:
            self._parent.signal.forget(self.signal.set)

    def check(self) -> None:
        """Raise Cancelled, once, after the scope has been cancelled."""
        if self.signal.is_set and not self.delivered:
            self.delivered = True
            raise Cancelled

    def reading(self, stream: Any, read: Callable[..., Any], *arguments: Any) -> Any:
        """Read from a connection of httpcore so that cancelling this scope ends the read. Raises Cancelled.

        A connection of HTTP/2 serves other calls, too, and is not shut down.
        """
        tls = stream.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            return read(stream, *arguments)
        return self.interruptible(lambda: shut_down((stream.get_extra_info("socket"),)), read, stream, *arguments)

    def interruptible(self, interrupt: Callable[[], None], work: Callable[..., Any], *arguments: Any) -> Any:
        """Return `work(*arguments)`. When the scope is cancelled, another thread ends the work by `interrupt`.

        Raises Cancelled then.

        The lock makes sure that the interrupt never comes after the work: the connection may serve another call by
        then. What was read just before an interrupt is not returned: the answer would look complete, and its
        connection, which has been shut down, would go back to the pool.
        """
        with self._lock:
            self.check()
            outer, self._interrupt = self._interrupt, interrupt
        try:
            result = work(*arguments)
        finally:
            with self._lock:
                self._interrupt, interrupted = outer, self._interrupted
                self._interrupted = False
        if interrupted:
            self.delivered = True
            raise Cancelled
        return result

    def _cancelled(self) -> None:
        with self._lock:
            # A forked child has the connections of its parent, and not the thread that reads.
            if self._interrupt is not None and self._process == os.getpid():
                self._interrupted = True
                self._interrupt()


def wait_in_thread(effect: Wait, scope: Scope | None = None) -> bool:
    """Wait for a signal, or until the scope is cancelled; return whether the signal is set."""
    signal = effect.signal
    if signal.is_set:
        return True
    # A plain lock, released to wake this thread: unlike threading.Event.set, that never blocks, even in a finalizer.
    # The deque holds the release once, since both signals may call `wake` and a lock cannot be released twice.
    lock = threading.Lock()
    lock.acquire()
    once = deque((lock.release,))

    def wake() -> None:
        with suppress(IndexError):
            once.popleft()()

    signal.on_set(wake)
    if scope is not None and not scope.delivered:
        scope.signal.on_set(wake)
    try:
        lock.acquire(timeout=-1 if effect.timeout is None else min(max(effect.timeout, 0.0), threading.TIMEOUT_MAX))
    finally:
        signal.forget(wake)
        if scope is not None:
            scope.signal.forget(wake)
    return signal.is_set


def run_in_time(effect: Run, scope: Scope | None = None) -> Any:
    """Call the function of a Run in another thread, for as long as it may take. See `too_late` for after that."""
    result: list[Any] = []
    failed: list[BaseException] = []
    over = Signal()

    def work() -> None:
        try:
            result.append(effect.sync_fn())
        except BaseException as error:
            failed.append(error)
        over.set()

    context = copy_context()
    in_new_thread(lambda: context.run(work))
    wait_in_thread(Wait(over, effect.seconds), scope)
    if scope is not None:
        scope.check()
    if failed:
        raise failed.pop()
    return result.pop() if result else too_late(effect)


class Performer:
    """Performs all effects but those of the network, in the thread that calls it."""

    scope: Scope | None = None
    """The scope of the task whose effects it performs."""
    flow_of: Callable[[CallModel], Flow] | None = None
    """Makes the flow of a whole call; set by a client."""
    opened: set[Any] | None = None
    """The streams that this task has open; None outside of tasks."""

    def perform(self, effect: Any) -> Any:
        """Do what an effect asks for, and return its result. Raises StepError for what is no effect."""
        return self.perform_local(effect)

    def perform_local(self, effect: Any) -> Any:
        """Perform an effect that needs no network."""
        kind = type(effect)
        if kind is CallModel and self.flow_of is not None:
            return drive(self.flow_of(effect), self.perform)
        if kind is Run:
            return effect.sync_fn() if effect.seconds is None else run_in_time(effect, self.scope)
        if kind is Wait:
            return wait_in_thread(effect, self.scope)
        if kind is Sleep:
            return time.sleep(min(max(effect.seconds, 0.0), threading.TIMEOUT_MAX))
        if kind is Emit:
            return None  # nobody reads
        if kind is StartTask:
            return start_thread(effect, self)
        if kind is StopTasks:
            return stop_threads(effect.tasks)
        raise unknown_effect(effect)

    def abandon(self, source: Any, flow: Flow | None) -> None:
        """Close what a response held that was dropped unread. May be called by a finalizer."""
        perform = partial(type(self).perform, self)  # not that of a task, which may have been cancelled
        in_new_thread(lambda: drive(released(source, flow), perform))


class Branch:
    """Performs the effects of one task: as its performer does, but it can be cancelled.

    The hot path of calls that are not in a task has no check in it.
    """

    def __init__(self, performer: Performer) -> None:
        inner = copy(performer)
        vars(inner).pop("perform", None)  # that of the outer task: its scope would be cancelled in place of this one's
        self.scope = inner.scope = Scope(performer.scope)
        self.opened: set[Any] = set()
        inner.opened = self.opened
        self._plain = inner.perform
        inner.perform = self.perform  # type: ignore[method-assign]  # for the effects of the calls that it makes

    def perform(self, effect: Any) -> Any:
        scope = self.scope
        cancelled = scope.signal
        if cancelled.is_set:
            scope.check()
        try:
            if type(effect) is Sleep:
                wait_in_thread(Wait(Signal() if scope.delivered else scope.signal, effect.seconds))
                result = None
            else:
                result = self._plain(effect)
        except Exception:
            scope.check()  # a read that was interrupted fails in one way or another
            raise
        if cancelled.is_set:
            scope.check()
        return result

    def close_opened(self) -> None:
        """Close the streams that the task has left open."""
        for source in tuple(self.opened):
            with suppress(Exception):
                self._plain(Close(source))


def start_thread(effect: StartTask, performer: Performer) -> None:
    """Run the flow of a task in a thread of its own.

    Streams that a stopped or failed task has left open are closed; those of any other pass to the task that started it.
    """
    task, context, branch = effect.task, copy_context(), Branch(performer)
    scope = branch.scope

    def run() -> None:
        try:
            context.run(drive, effect.flow, branch.perform)
        finally:
            if (response := response_in(task.result)) is not None:  # it is read on
                response.on_end(lambda reply, error: scope.ended())
            else:
                scope.ended()
            if task.error is not None or task.abandoned:
                branch.close_opened()
            elif performer.opened is not None:
                performer.opened.update(branch.opened)

    thread = threading.Thread(target=run, name="stepwell-task", daemon=True)
    thread.start()  # fails where there can be no more threads: then there is nothing to stop
    task.cancel, task.join = scope.signal.set, thread.join


def stop_threads(tasks: Sequence[Task]) -> None:
    """Cancel the tasks that still run, and wait until all threads have ended, at most STOP_SECONDS in all."""
    for task in tasks:
        if task.running and task.cancel is not None:
            task.cancel()
    until = time.monotonic() + STOP_SECONDS
    for task in tasks:
        task.join(max(until - time.monotonic(), 0.0))


def drive_local(flow: Generator[Any, Any, Result]) -> Result:
    """Run a flow that needs no client, in this thread and those of its tasks, and return its result."""
    return drive(flow, Performer().perform)
