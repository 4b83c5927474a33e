"""The general form of a step: a generator around the rest of the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Generator
from types import GeneratorType
from typing import Any, overload

from ..schemas.errors import StepError
from ..schemas.reply import Reply
from .effects import CallNext, Effect, Emit, Flow, StepGenerator, checked_flow
from .http.request import Request
from .http.response import Response
from .inner_calls import noting_calls, noting_once_begun
from .step import Halt, Step, checked_outcome, halt_with, name_and_value, place_in_code
from .stream.chunk_reader import ChunkReader, collected

Answer = Response | Reply[Any]
Run = Callable[[Request, CallNext], Generator[Effect, Any, Answer] | Answer]


@overload
def around(name: str, run: Run, /, *, counts: bool = False, limits: bool = False) -> Step: ...
@overload
def around(run: Run, /, *, counts: bool = False, limits: bool = False) -> Step: ...
def around(name_or_run: Any, run: Any = None, /, *, counts: bool = False, limits: bool = False) -> Step:
    """Make a step of `run(request, call)`, a generator that gets its response by `yield from call(request)`.

        around("name", run)     # or around(run), and @around above the function, for the function's own name

    It may call several times (retry), never (cache) or with another request (fallback), and yield effects. It returns
    a Response, or a Reply. Before the call, `request.warn(subject, why)` returns the request to call with, for the
    caller to be warned; after it, `response.warn(subject, why)` warns about the answer.

    counts: True for a step that counts or keeps something of each call. The preview of a call leaves it out.
    limits: True for a step that counts, too, and only decides whether and when a call is made. It does not run for
        calls that a journal has answered.

    Raises InvalidOption for an async function and for anything that cannot be called with these
    two, and StepError, with the step's name, if `run` returns anything else.
    """
    name, run = name_and_value(name_or_run, run, 2, generator=True)
    written_at = place_in_code(run)
    if limits:
        run = _limited(name, run)

    def bind(call: CallNext, halted: CallNext) -> tuple[CallNext, CallNext]:
        def enter(request: Request) -> StepGenerator:
            flow = run(request, call)
            if type(flow) is not GeneratorType:
                flow = _plain(flow, name)
            result = yield from flow
            if isinstance(result, Reply):
                return halt_with(request, result)
            response = checked_outcome(result, name)
            return response if response.flow is None else (yield from of_flow(response, request))

        return enter, halted

    return Step(name, bind, "around", written_at, counts=counts or limits)


def of_flow(response: Response, request: Request) -> StepGenerator:
    """Return a response whose chunks a step makes by a flow: with its reply if the call is not streamed.

    The whole calls that the flow makes are noted. One that is halted ends in the chunks of its outcome, or its error.
    """
    flow: Any = response.flow
    response.flow = None  # what is no flow cannot be closed
    checked_flow(flow, "Response(flow=...)")
    if not request.stream:
        response.flow = noting_calls(flow, request)
        return (yield from collected(response))
    response.flow = _until_halted(flow, request)
    next(response.flow)  # an error thrown into a generator that has not begun would not reach the flow
    return response


def _until_halted(flow: Flow, request: Request) -> Flow:
    """Run a flow, and emit the chunks of the outcome where it is halted. To be begun by `next`, which returns None."""
    try:
        return (yield from noting_once_begun(flow, request))
    except Halt as halt:
        outcome = halt.outcome
    if isinstance(outcome, Exception):
        raise outcome
    reader = ChunkReader(halt_with(request, outcome) if isinstance(outcome, Reply) else outcome)
    while (chunks := (yield from reader.next())) is not None:
        yield Emit(chunks)


def _limited(name: str, run: Callable[[Request, CallNext], StepGenerator]) -> Callable[..., StepGenerator]:
    """Return the function of a step that a recorded call of a job does not run."""

    def enter(request: Request, call: CallNext) -> StepGenerator:
        place = request.world.job()
        return run(request, call) if place is None else place.limited(name, run, request, call)

    return enter


def _plain(result: object, name: str) -> Generator[Any, Any, Any]:
    """Return the result of a function without a yield. Raises StepError if it is not a Response or Reply."""
    if isinstance(result, Reply | Response):
        return result
    raise StepError(
        f"step {name!r} is a plain function that returned {type(result).__name__}",
        hint="write response = yield from call(request), and return the response",
    )
    yield  # makes this a generator
