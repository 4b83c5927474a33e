"""The drivers: they run a flow and perform its effects. Below the public API, only they know sync from async.

`perform(effect)` does what an effect asks for; see http/transport.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from contextvars import copy_context
from typing import Any, Generic, Self, TypeVar, cast

from ..schemas.errors import StepError
from .effects import END, CallModel, Close, Emit, Flow, Read, Send, cancel_flow, closed, emitted

CLEANUP_SECONDS = 5.0
"""How long an async flow that has been cancelled may take to clean up."""
STOP_SECONDS = 0.5
"""How long StopTasks waits for tasks to end. Those that can be interrupted take a millisecond."""
Perform = Callable[[Any], Any]
AsyncPerform = Callable[[Any], Awaitable[Any]]
Result = TypeVar("Result")


def drive(flow: Generator[Any, Any, Result], perform: Perform) -> Result:
    """Run a flow to its end and return its result. Items that it emits are dropped."""
    try:
        effect = next(flow)
        while True:
            try:
                result = perform(effect)
            except BaseException as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


async def adrive(flow: Generator[Any, Any, Result], perform: AsyncPerform) -> Result:
    """Async version of `drive`."""
    try:
        effect = next(flow)
        while True:
            try:
                result = await perform(effect)
            except Exception as error:
                effect = flow.throw(error)
            except BaseException as cancellation:
                await _raise_cancellation(flow, cancellation, perform)
                raise
            else:
                effect = flow.send(result)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


async def _raise_cancellation(flow: Flow, cancellation: BaseException, perform: AsyncPerform) -> None:
    """Raise the cancellation in the flow and perform the effects by which it cleans up.

    Without a shield, an event loop would cancel every further await, and nothing would be closed. A flow that answers
    the cancellation with a result does not undo it.
    """
    if isinstance(cancellation, GeneratorExit):  # the coroutine is closed, not cancelled: it cannot await any more
        flow.close()
        return
    import anyio  # comes with httpx; works on whichever event loop runs

    with anyio.move_on_after(CLEANUP_SECONDS, shield=True):
        try:
            effect = flow.throw(cancellation)
            while True:
                try:
                    result = await perform(effect)
                except BaseException as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as stop:
            await adrive(closed(stop.value), perform)
        except BaseException as error:
            if error is not cancellation:
                raise


def _noting_result(flow: Flow, results: list[Any]) -> Flow:
    # No method: a reading that is dropped would be in a circle with its flow, and stop only when that is collected.
    results.append((yield from flow))


async def clean_up(flow: Flow, perform: AsyncPerform) -> None:
    """Run a flow that cleans up, in a task that may have been cancelled, for CLEANUP_SECONDS at most."""
    import anyio  # comes with httpx; works on whichever event loop runs

    with anyio.move_on_after(CLEANUP_SECONDS, shield=True):
        await adrive(flow, perform)


class _Reading(Generic[Result]):
    """What both readings share: a flow under way, and its result once it has ended.

    Everything runs in a context of its own, so that a span which the flow opens is not the reader's between two items.
    """

    def __init__(self, flow: Generator[Any, Any, Result]) -> None:
        self._results: list[Result] = []
        self._flow = _noting_result(flow, self._results)
        self._context = copy_context()
        self.over = False

    @property
    def result(self) -> Result:
        """what the flow returned, once read to the end; None before that"""
        return self._results[0] if self._results else cast(Result, None)

    def _cancelled(self) -> Flow:
        self.over = True
        yield from cancel_flow(self._flow)


class Reading(_Reading[Result]):
    """The items of a flow, as it emits them. `result` is what it returned, once read to the end."""

    def __init__(self, flow: Generator[Any, Any, Result], perform: Perform) -> None:
        super().__init__(flow)
        self._perform = perform

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        item = END if self.over else self._run(self._next())
        if item is END:
            raise StopIteration
        return item

    def _next(self) -> Flow:
        try:
            item = yield from emitted(self._flow)
        except BaseException:
            self.over = True
            raise
        self.over = item is END
        return item

    def close(self) -> None:
        """Cancel the flow and release what it holds. A second call does nothing.

        Raises StepError while another thread waits for an item: it is that one which may stop the flow.
        """
        if not self.over:
            self._run(self._cancelled())

    def _run(self, flow: Flow) -> Any:
        try:
            return self._context.run(drive, flow, self._perform)
        except RuntimeError as error:
            if not str(error).startswith("cannot enter context"):
                raise
        flow.close()
        raise StepError("another thread is reading this flow", hint="leave the loop in that thread, which stops it")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncReading(_Reading[Result]):
    """Async version of Reading. `opening` returns the function that performs effects."""

    def __init__(self, flow: Generator[Any, Any, Result], opening: Callable[[], Awaitable[AsyncPerform]]) -> None:
        super().__init__(flow)
        self._opening = opening
        self._read = self._closed = False

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        item = END if self.over else await self._run(self._next())
        if item is END:
            raise StopAsyncIteration
        return item

    def _next(self) -> Flow:
        """Return the next item. Once another task has closed the flow, which then cleans up, it is left alone."""
        if self._read:
            raise StepError("another task is reading this flow", hint="read it in one task")
        flow, self._read = self._flow, True
        try:
            effect = next(flow)
            while type(effect) is not Emit:
                try:
                    result = yield effect
                except BaseException as error:
                    if self._closed:
                        raise (_closed_meanwhile() if isinstance(error, Exception) else error) from None
                    self.over |= not isinstance(error, Exception)  # then it cleans up, which `close` is to let it do
                    effect = flow.throw(error)
                else:
                    if self._closed:
                        yield from closed(result)
                        raise _closed_meanwhile()
                    effect = flow.send(result)
        except StopIteration:
            self.over = True
            return END
        except BaseException:
            self.over = True
            raise
        finally:
            self._read = False
        self.over = self._closed
        return effect.item

    async def close(self) -> None:
        """Cancel the flow and release what it holds. A second call does nothing.

        Another task that waits for an item gets a StepError.
        """
        if not self.over:
            self._closed = True
            await self._run(self._cancelled(), clean_up)

    aclose = close

    async def _run(self, flow: Flow, run: Callable[..., Any] = adrive) -> Any:
        # Opened each time: an event loop has its own connections, and finds them in a microsecond.
        return await InContext(self._context, run(flow, await self._opening()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _closed_meanwhile() -> StepError:
    return StepError("another task has closed this flow", hint="what was read before is not all of it")


class InContext:
    """An awaitable that runs a coroutine in a context of its own, in the task that awaits it."""

    def __init__(self, context: Any, coroutine: Any) -> None:
        self._context = context
        self._coroutine = coroutine

    def __await__(self) -> Any:
        run, coroutine = self._context.run, self._coroutine
        try:
            waited_for = run(coroutine.send, None)
            while True:
                try:
                    value = yield waited_for
                except BaseException as error:
                    waited_for = run(coroutine.throw, error)
                else:
                    waited_for = run(coroutine.send, value)
        except StopIteration as stop:
            return stop.value


def unknown_effect(effect: object) -> StepError:
    """Make the error for what a flow yielded."""
    if isinstance(effect, CallModel | Send | Read | Close):
        return StepError(f"{type(effect).__name__} needs a client", hint="run the flow by client.run_workflow(flow)")
    if isinstance(effect, Generator):
        return StepError("a flow yielded another flow", hint="write `yield from` in the place of `yield`")
    if isinstance(effect, Coroutine):
        effect.close()  # else Python warns that it was never awaited
        return StepError("a step yielded a coroutine", hint="yield Run(sync_fn, async_fn), which awaits async_fn()")
    names = "Send, Read, Close, Sleep, Wait, Run, CallModel, Emit, StartTask or StopTasks"
    return StepError(f"a step yielded {type(effect).__name__}", hint=f"yield {names}")
