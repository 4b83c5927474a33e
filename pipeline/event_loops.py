"""Tasks of the async driver, on asyncio and trio."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import suppress
from contextvars import copy_context
from copy import copy
from typing import Any
from weakref import ref

from .drivers import CLEANUP_SECONDS, STOP_SECONDS, Result, adrive, unknown_effect
from .effects import CallModel, Close, Emit, Flow, Run, Sleep, StartTask, StopTasks, Wait, released, too_late
from .signal import Signal, Task

_RUNNING: set[Any] = set()
_WARNED: list[bool] = []
"""Not empty once this process has been warned of a call that blocks its event loop."""


class AsyncPerformer:
    """Performs all effects but those of the network, on the event loop that runs."""

    flow_of: Callable[[CallModel], Flow] | None = None
    """Makes the flow of a whole call; set by a client."""
    opened: set[Any] | None = None
    """The streams that this task has open; None outside of tasks."""
    _call_loop: Callable[[Callable[[], object]], bool] | None = None
    _loop: Callable[[], object] | None = None

    def perform(self, effect: Any) -> Awaitable[Any]:
        """Return an awaitable that does what an effect asks for. Raises StepError for what is no effect."""
        return self.perform_local(effect)

    def perform_local(self, effect: Any) -> Awaitable[Any]:
        """Return an awaitable that performs an effect which needs no network."""
        # A plain function: a coroutine around that of a call or a function would take as long as some steps.
        kind = type(effect)
        if kind is CallModel and self.flow_of is not None:
            return adrive(self.flow_of(effect), self.perform)
        if kind is Run:
            return perform_run(effect)
        if kind is Wait:
            return await_signal(effect)
        return self._perform_other(effect)

    async def _perform_other(self, effect: Any) -> Any:
        kind = type(effect)
        if kind is Emit:
            return None  # nobody reads
        if kind is Sleep:
            import anyio  # comes with httpx; works on whichever event loop runs

            return await anyio.sleep(max(effect.seconds, 0.0))
        if kind is StartTask:
            return start_on_loop(effect, self)
        if kind is StopTasks:
            return await stop_on_loop(effect.tasks)
        raise unknown_effect(effect)

    def abandon(self, source: Any, flow: Flow | None) -> None:
        """Close the source and the flow of a response that was dropped unread. May be called by a finalizer."""

        async def release() -> None:
            with suppress(Exception):
                await adrive(released(source, flow), self.perform)

        if self._call_loop is not None:
            self._call_loop(lambda: spawn(release))  # once its event loop has ended, no connection is left

    def note_loop(self) -> None:
        """Remember the running event loop, as that of the streams, and how to schedule work on it, for `abandon`."""
        if self._call_loop is None:
            self._call_loop, self._loop = loop_caller(), ref(running_loop())

    @property
    def is_in_another_loop(self) -> bool:
        """Whether another event loop runs than that of the streams, or none."""
        try:
            return self._loop is not None and self._loop() is not running_loop()
        except RuntimeError:
            return True


async def perform_run(effect: Run) -> Any:
    """Await the async function, or call the sync one, in a thread where it blocks."""
    if effect.async_fn is None and not effect.blocks:
        return effect.sync_fn()
    if effect.async_fn is not None and effect.seconds is None:
        return await effect.async_fn()
    import anyio.to_thread  # comes with httpx; works on whichever event loop runs

    if effect.seconds is None:
        return await anyio.to_thread.run_sync(effect.sync_fn)
    with anyio.move_on_after(effect.seconds):
        if effect.async_fn is not None:
            return await effect.async_fn()
        return await anyio.to_thread.run_sync(effect.sync_fn, abandon_on_cancel=True)
    return too_late(effect)


async def in_worker_thread(work: Callable[[], object]) -> None:
    """Do some work in a thread of its own while the event loop goes on, or in this thread if there can be no other.

    An Exception in it has no effect. The threads of the event loop may all be busy with the program's own work, for
    longer than a call may take. It works without anyio, since the work may be to import that.
    """

    def quietly() -> None:
        with suppress(Exception):
            work()

    if (trio := running_trio()) is not None:
        await trio.to_thread.run_sync(quietly, limiter=trio.CapacityLimiter(1))
        return
    import asyncio  # only where an event loop runs already
    from concurrent.futures import ThreadPoolExecutor  # comes with it

    thread = ThreadPoolExecutor(1)
    try:
        await asyncio.get_running_loop().run_in_executor(thread, quietly)
    except (RuntimeError, NotImplementedError):
        quietly()
    finally:
        thread.shutdown(wait=False)


async def await_signal(effect: Wait) -> bool:
    """Wait for a signal and return whether it is set."""
    import anyio  # comes with httpx; works on whichever event loop runs

    signal = effect.signal
    if signal.is_set:
        return True
    arrived, call = anyio.Event(), loop_caller()

    def wake() -> None:
        call(arrived.set)

    signal.on_set(wake)
    try:
        with anyio.move_on_after(effect.timeout):
            await arrived.wait()
    finally:
        signal.forget(wake)
    return signal.is_set


def start_on_loop(effect: StartTask, performer: AsyncPerformer) -> None:
    """Run the flow of a task as a task of the event loop.

    The streams that a stopped or failed task has left open are closed; those of another pass to the task outside.
    """
    import anyio  # comes with httpx; works on whichever event loop runs

    scope, task, done, call = anyio.CancelScope(), effect.task, Signal(), loop_caller()
    inner = copy(performer)
    opened = inner.opened = set()

    async def main() -> None:
        try:
            # `follow` has noted an interrupt, for the flow that waits for this one; trio would report it as its own.
            with scope, suppress(KeyboardInterrupt, SystemExit):
                await adrive(effect.flow, inner.perform)
        finally:
            if task.error is not None or task.abandoned:
                with anyio.move_on_after(CLEANUP_SECONDS, shield=True):
                    for source in tuple(opened):
                        with suppress(Exception):
                            await inner.perform(Close(source))
            elif performer.opened is not None:
                performer.opened.update(opened)
            done.set()

    # A flow that is dropped cancels its tasks from whichever thread collects the garbage.
    task.cancel, task.join = lambda: call(scope.cancel), done
    spawn(main)


async def stop_on_loop(tasks: Sequence[Task]) -> None:
    """Cancel the tasks that still run, and wait until they have ended."""
    import anyio  # comes with httpx; works on whichever event loop runs

    for task in tasks:
        if task.running and task.cancel is not None:
            task.cancel()
    with anyio.move_on_after(STOP_SECONDS, shield=True):
        for task in tasks:
            await await_signal(Wait(task.join))


def warn_of_blocking() -> None:
    """Issue a RuntimeWarning, once in a process, that a sync call blocks the event loop which runs.

    Not where a person types the code (a notebook, `python -m asyncio`): no other task waits there.
    """
    if _WARNED or hasattr(sys, "ps1") or "ipykernel" in sys.modules:
        return
    _WARNED.append(True)
    from inspect import currentframe  # only for the warning

    frame, depth = currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "stepwell":
        frame, depth = frame.f_back, depth + 1
    warnings.warn(
        "a sync call of stepwell blocks the event loop that runs: no other task goes on until its answer is there; "
        "await the same call of an AsyncClient (or agenerate_text and so on), or run this in asyncio.to_thread",
        RuntimeWarning,
        stacklevel=depth + 1,
    )


def running_trio() -> Any:
    """Return the module trio if this code runs on it, else None.

    Another thread may be importing it, as httpcore does: until that is over, the module lacks its parts.
    """
    trio = sys.modules.get("trio")
    runs = getattr(getattr(trio, "lowlevel", None), "in_trio_run", None)
    return trio if runs is not None and runs() else None


def running_loop() -> Any:
    """Return the key for the event loop that runs: asyncio's loop, or trio's root task."""
    if (trio := running_trio()) is not None:
        return trio.lowlevel.current_root_task()
    import asyncio  # only where an event loop runs already

    return asyncio.get_running_loop()


def spawn(work: Callable[[], Any]) -> None:
    """Run an async function as a task of the running event loop, which outlives the task that starts it."""
    if (trio := running_trio()) is not None:
        trio.lowlevel.spawn_system_task(work, context=copy_context())
        return
    import asyncio  # only where an event loop runs already

    task = asyncio.ensure_future(work())
    _RUNNING.add(task)  # a loop refers to its tasks by weak references only
    task.add_done_callback(_RUNNING.discard)


def loop_caller() -> Callable[[Callable[[], object]], bool]:
    """Return a function that schedules another one on the event loop that is running now.

    It may be called from any thread or finalizer, and returns False once the event loop has ended.
    """
    if (trio := running_trio()) is not None:
        call_soon, ended = trio.lowlevel.current_trio_token().run_sync_soon, trio.RunFinishedError
    else:
        import asyncio  # only where an event loop runs already

        call_soon, ended = asyncio.get_running_loop().call_soon_threadsafe, RuntimeError

    def call(fn: Callable[[], object]) -> bool:
        try:
            call_soon(fn)
        except ended:
            return False
        return True

    return call


async def adrive_local(flow: Generator[Any, Any, Result]) -> Result:
    """Run a flow that needs no client on this event loop, and return its result."""
    return await adrive(flow, AsyncPerformer().perform)
