"""The effects: a flow yields one of these, and the driver, sync or async, sends back the result.

A flow is a generator. A step is a flow that calls the rest of its pipeline; a workflow is a flow that makes whole calls
by `CallModel`. There is one list of effects for both, and one pair of drivers (drivers.py). Nothing compares
effects, and attrs would compile a method for it for each class (eq=False).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from inspect import iscoroutine
from typing import Any, TypeAlias, TypeVar

from attrs import define, field

from ..schemas.errors import InvalidOption, StepError
from ..schemas.functions import checked_function
from .http.request import Request
from .http.response import Response
from .signal import Signal, Task


@define(eq=False)
class Send:
    """Send the request. The result is a Response: with its body, or with the open source of a stream."""

    request: Request


@define(eq=False)
class Read:
    """Read the next bytes of an open stream. The result is b"" at its end."""

    source: Any


@define(eq=False)
class Close:
    """Close an open stream and return its connection."""

    source: Any


def _not_below_0(seconds: float) -> float:
    try:
        return max(seconds, 0)
    except TypeError:
        raise InvalidOption(f"Sleep cannot take a {type(seconds).__name__}", hint="Sleep(seconds), a number") from None


@define(eq=False)
class Sleep:
    """Wait that many seconds; not at all if they are below 0, since that time has passed."""

    seconds: float = field(converter=_not_below_0)


@define(eq=False)
class Wait:
    """Wait until the signal is set, at most `timeout` seconds. The result is whether it is set."""

    signal: Signal
    timeout: float | None = None


@define(eq=False)
class Run:
    """Run a function that does I/O, such as a look-up in a cache or the fetch of a token. The result is its own.

    sync_fn: called by a sync client.
    async_fn: awaited by an async client (default: `sync_fn`).
    blocks: have an async client without `async_fn` call `sync_fn` in a thread, so that the event loop goes on.
    seconds: the most that an `async_fn`, or a `sync_fn` which blocks, may take; what comes later is dropped. None for
        no limit.
    late: what gives the result in its place then; None raises TimeoutError.
    recorded: whether a job's journal keeps the result, which then must be plain data, and gives it again in place of
        running the function; None is True in flows and False in the steps of a call. A function makes the data of the
        result, and the flow gets what it returns.
    name: what the journal calls it.

    Raises InvalidOption for a `sync_fn` that is async or takes arguments.
    """

    sync_fn: Callable[[], Any]
    async_fn: Callable[[], Awaitable[Any]] | None = None
    blocks: bool = False
    seconds: float | None = None
    late: Callable[[], Any] | None = None
    recorded: bool | Callable[[Any], Any] | None = None
    name: str = ""

    def __attrs_post_init__(self) -> None:
        checked_function(self.sync_fn, "the sync_fn of Run", 0, hint="pass both: Run(sync_fn, async_fn)")


@define(eq=False)
class CallModel:
    """Make a whole call. The result is its Reply; of a streamed call it is a ChunkReader, which is open.

    A step that asks another model in place of its own uses `other_pipeline` instead, which goes on from where the step
    stands: a whole call passes the steps outside it once more.

    model: `provider:model-id`, a Model, or None for the default model.
    input: the prompt of a chat, or the input of another operation.
    options: those of the call.
    operation: chat, embed, rerank, ...
    stream: True for a stream.
    """

    model: Any
    input: Any
    options: Mapping[str, Any] = field(factory=dict)
    operation: str = "chat"
    stream: bool = False
    noted: bool = field(default=False, init=False, repr=False)
    """whether its reply is noted as an inner call already"""
    depth: int = field(default=0, init=False, repr=False)
    """how many whole calls it is made within"""


@define(eq=False)
class Emit:
    """Hand an item to the reader: a list of chunks in the flow of a stream, anything in a workflow."""

    item: Any


@define(eq=False)
class StartTask:
    """Run a flow beside this one. `race` and `gather` (tasks.py) are made of this, StopTasks and Wait.

    flow: what to run.
    task: its handle. The flow notes its outcome there: run it by `follow(task, flow)` (tasks.py), as those two do.
    """

    flow: Flow
    task: Task


@define(eq=False)
class StopTasks:
    """Cancel these tasks and wait until they have ended, for a moment at most (drivers.STOP_SECONDS)."""

    tasks: Sequence[Task]


Effect = Send | Read | Close | Sleep | Wait | Run | CallModel | Emit | StartTask | StopTasks
Flow: TypeAlias = Generator[Any, Any, Any]
AnyFlow = TypeVar("AnyFlow")
StepGenerator: TypeAlias = Generator[Effect, Any, Response]
CallNext = Callable[[Request], StepGenerator]


def too_late(effect: Run) -> Any:
    """Return what a Run has in place of a result that did not come in time. Raises TimeoutError if that is nothing."""
    if effect.late is None:
        raise TimeoutError(f"it took longer than {effect.seconds:.3g} s")
    return effect.late()


def in_thread(
    work: Callable[[], Any], seconds: float | None = None, *, recorded: bool | Callable[[Any], Any] | None = None
) -> Run:
    """Make a Run of a function that blocks: called in a thread by an async client, and where its time is limited.

    seconds: the most that it may take, see Run.
    recorded: whether a job's journal keeps the result, see Run.
    """
    return Run(work, blocks=True, seconds=seconds, recorded=recorded)


def checked_flow(flow: AnyFlow, taker: str) -> AnyFlow:
    """Return the flow that was passed to `taker`. Raises StepError for what is no flow, and for one that has ended."""
    kind = type(flow).__name__
    if not isinstance(flow, Generator):
        hint = "a flow is what a function with `yield` in it returns"
        if isinstance(flow, Effect):
            hint = f"write performing({kind}(...)); several flows are passed as one list"
        elif iscoroutine(flow):
            flow.close()  # else Python warns that it was never awaited
            hint = "write `def` for `async def`, and `yield` an effect for `await`"
        elif callable(flow):
            hint = f"call it: {getattr(flow, '__name__', kind)}(...)"
        raise StepError(f"{taker} takes flows, and got a {kind}", hint=hint)
    if getattr(flow, "gi_frame", flow) is None:
        raise StepError(f"{taker} got a flow that has ended", hint="a flow runs once: call its function again")
    return flow


class Cancelled(BaseException):
    """Raised in a flow that is stopped, once, at the effect that it waits for. It may still yield effects to clean up.

    Not a GeneratorExit: Python raises that in a `yield from` by closing the inner flow, which may then yield nothing.
    """


END = object()
"""What a flow that has ended emits."""


def cancel_flow(flow: Flow) -> Flow:
    """Cancel another flow: pass on the effects by which it cleans up, and drop what it still emits."""
    try:
        effect = flow.throw(Cancelled())
        while True:
            try:
                result = None if type(effect) is Emit else (yield effect)
            except BaseException as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except (StopIteration, Cancelled):
        return


def response_in(result: object) -> Response | None:
    """Return a result that is a response, or the response that it reads; None for any other result."""
    response = getattr(result, "response", result)
    return response if isinstance(response, Response) else None


def closed(result: object) -> Flow:
    """Close a result that nobody will read, if it is a response or a reader of one."""
    if (response := response_in(result)) is not None:
        source, flow, response.flow = response.source, response.flow, None
        try:
            yield from released(source, flow)
        finally:
            response.ended(None, None)


def released(source: Any, flow: Flow | None) -> Flow:
    """Cancel the flow of a response and close its source."""
    if flow is not None:
        yield from cancel_flow(flow)
    if source is not None:
        yield Close(source)


def emitted(flow: Flow) -> Flow:
    """Return the next item that another flow emits, or END; pass its other effects on."""
    try:
        effect = next(flow)
        while type(effect) is not Emit:
            try:
                result = yield effect
            except BaseException as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration:
        return END
    return effect.item
