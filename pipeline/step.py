"""Steps. Each wraps the rest of the pipeline: `around` is the general form, the others are short forms of it.

Order: requests pass the steps from the first to the last, and responses come back from the last to the first. A step
sees the responses and errors of the steps inside it, which are those after it in the list.

Halting: when an on_request step returns a Reply, the remaining request steps and the network are skipped, and all
response steps run on that reply, those inside the step as well. `Halt(...)` ends the call at once: no other step runs.
Recovery: when an on_error step returns a Reply or Response, the error has ended and the response steps outside run.
When an on_response step returns or raises an exception, the error steps outside it run.
All of this holds for streams, too.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from inspect import iscoroutine, isgeneratorfunction
from types import GeneratorType
from typing import Any, get_args, overload

from attrs import evolve, field, frozen

from ..schemas.chunks import StreamChunk
from ..schemas.errors import InvalidOption, StepError
from ..schemas.fold import chunks_of, fold
from ..schemas.functions import checked_function, takes
from ..schemas.json_text import well_formed
from ..schemas.model import Model
from ..schemas.reply import Reply
from .effects import CallNext, Send, StepGenerator
from .http.request import Request, of_one_provider
from .http.response import Response, Stage


class Halt(BaseException):
    """The end of a call with this Reply or exception: return it from a short form, or raise it from an around step.

    It is a BaseException, so that no step's `except Exception` catches it; `finally` blocks run.
    """

    def __init__(self, outcome: Reply | Response | Exception) -> None:
        super().__init__("halted")
        self.outcome = outcome


_CHUNKS = frozenset(get_args(StreamChunk))
Bind = Callable[[CallNext, CallNext], tuple[CallNext, CallNext]]


@frozen
class Step:
    """A step with a name, which is unique in a pipeline."""

    name: str
    bind: Bind = field(repr=False)
    """`bind(call, halted)` wraps both paths inwards: `call` leads to the network, and `halted` takes a halted reply
    through the response steps inside"""
    kind: str = "around"
    """around, request, response, error or chunk"""
    source: str = field(default="", repr=False)
    """file and line of its function, for `describe()`"""
    origin: str = field(default="", repr=False)
    """who added it, for `describe()`"""
    details: tuple[str, ...] = field(default=(), repr=False)
    """further lines for `describe()`"""
    of_provider: bool = field(default=False, repr=False)
    """True if every call to the provider needs it, also one from another model's pipeline; see `Pipeline.inside`"""
    calls: tuple[tuple[str | Model, Mapping[str, Any]], ...] = field(default=(), repr=False)
    """the other models that it may call, each with the options that differ; a client checks them before its own call"""


def around(name: str, run: Callable[[Request, CallNext], StepGenerator]) -> Step:
    """Make a step of `run(request, call)`, a generator that gets its response by `yield from call(request)`.

    It may call several times (retry), never (cache) or with another request (fallback), and yield effects. It returns
    a Response, or a Reply. Raises InvalidOption for an async function and for anything that cannot be called with these
    two, and StepError, with the step's name, if `run` returns anything else.
    """
    _check(name, run, 2)

    def bind(call: CallNext, halted: CallNext) -> tuple[CallNext, CallNext]:
        def enter(request: Request) -> StepGenerator:
            flow = run(request, call)
            if type(flow) is not GeneratorType:
                flow = _plain(flow, name)
            result = yield from flow
            return halt_with(request, result) if isinstance(result, Reply) else _outcome(result, name)

        return enter, halted

    return Step(name, bind, "around", _place(run))


def around_unchecked(name: str, run: Callable[[Request, CallNext], StepGenerator]) -> Step:
    """Make a step as `around` does, without a check of its result: 0.25 µs less, for the steps of every call."""

    def bind(call: CallNext, halted: CallNext) -> tuple[CallNext, CallNext]:
        return (lambda request: run(request, call)), halted

    return Step(name, bind, "around", _place(run))


def _plain(result: object, name: str) -> Generator[Any, Any, Any]:
    """Return the result of a function without a yield. Raises StepError if it is not a Response or Reply."""
    if isinstance(result, Reply | Response):
        return result
    raise StepError(
        f"step {name!r} is a plain function that returned {type(result).__name__}",
        hint="write response = yield from call(request), and return the response",
    )
    yield  # makes this a generator


@overload
def on_request(name: str, fn: Callable[[Request], Any], /) -> Step: ...
@overload
def on_request(fn: Callable[[Request], Any], /) -> Step: ...
def on_request(first: Any, second: Any = None, /) -> Step:
    """Make a step of `fn(request)`, which returns the request to go on with, a Reply to halt with, or Halt(...)."""
    name, fn = _name_and_value(first, second, 1)

    def bind(call: CallNext, halted: CallNext) -> tuple[CallNext, CallNext]:
        # A function, not a generator: it costs one call, not 0.5 µs on every effect.
        def enter(request: Request) -> StepGenerator:
            result = fn(request)
            if type(result) is Request:
                return call(result)
            if isinstance(result, Reply):
                return halted(request.replace(step_state={**request.step_state, _HALT: result}))
            if isinstance(result, Halt):
                raise result
            raise _wrong_result(name, result, "a Request, a Reply or Halt(...)")

        return enter, halted

    return Step(name, bind, "request", _place(fn))


@overload
def on_response(name: str, fn: Callable[[Response], Any], /) -> Step: ...
@overload
def on_response(fn: Callable[[Response], Any], /) -> Step: ...
def on_response(first: Any, second: Any = None, /) -> Step:
    """Make a step of `fn(response)`, which returns the response to go on with, or an exception, or Halt(...).

    The `response.reply` of a stream is still None; use on_chunk, or `response.on_end(fn)`.
    """
    name, fn = _name_and_value(first, second, 1)

    def wrap(inner: CallNext) -> CallNext:
        def run(request: Request) -> StepGenerator:
            return _outcome(fn((yield from inner(request))), name)

        return run

    return Step(name, lambda call, halted: (wrap(call), wrap(halted)), "response", _place(fn))


@overload
def on_error(name: str, fn: Callable[[Request, Exception], Any], /) -> Step: ...
@overload
def on_error(fn: Callable[[Request, Exception], Any], /) -> Step: ...
def on_error(first: Any, second: Any = None, /) -> Step:
    """Make a step of `fn(request, error)`, which returns a Reply or Response to recover, another exception, or None to
    let the error pass.

    It sees those errors of a stream that come before its first chunk.
    """
    name, fn = _name_and_value(first, second, 2)

    def wrap(inner: CallNext) -> CallNext:
        def run(request: Request) -> StepGenerator:
            try:
                return (yield from inner(request))
            except Exception as error:
                result = fn(request, error)
                if result is None or result is error:
                    raise
            if isinstance(result, Reply):
                return halt_with(request, result)
            return _outcome(result, name)

        return run

    return Step(name, lambda call, halted: (wrap(call), wrap(halted)), "error", _place(fn))


@overload
def on_chunk(name: str, fn: Callable[[StreamChunk], Any], /) -> Step: ...
@overload
def on_chunk(fn: Callable[[StreamChunk], Any], /) -> Step: ...
def on_chunk(first: Any, second: Any = None, /) -> Step:
    """Make a step of `fn(chunk)`, which returns a chunk or a list of chunks to put in its place ([] drops it), or None
    to leave it as it is.

    For a step with state, or with chunks to add at the end, pass a class in place of the function: one object is made
    for each answer, with `feed(chunks)` and `flush()`; see Stage. It gets the request if it takes an argument of the
    name `request`. An unstreamed reply passes as chunks, too.
    """
    name, fn = _name_and_value(first, second, 1)
    make = _stage_class(name, fn) if isinstance(fn, type) else lambda request: _EachChunk(fn, name)

    def wrap(inner: CallNext) -> CallNext:
        def run(request: Request) -> StepGenerator:
            response = yield from inner(request)
            stage = make(request)
            if response.reply is None:
                return response.through(stage)
            response.reply = _through(stage, response.reply)
            return response

        return run

    return Step(name, lambda call, halted: (wrap(call), wrap(halted)), "chunk", _place(fn))


def _stage_class(name: str, stage: Callable[..., Stage]) -> Callable[[Request], Stage]:
    """Return what makes a stage for a request. Raises InvalidOption for a class that is no Stage."""
    missing = [method for method in ("feed", "flush") if not callable(getattr(stage, method, None))]
    if missing:
        raise InvalidOption(
            f"step {name!r} cannot be of this class: it has no {missing[0]}", hint="see stepwell.steps.Stage"
        )
    if takes(stage, "request"):
        return lambda request: _Named(stage(request=request), name)
    return lambda request: _Named(stage(), name)


class _Named:
    """A user's Stage, with the name of its step for the error when it returns no list."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        self._name = name

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        return self._checked_chunks(self._stage.feed(chunks), "feed")

    def flush(self) -> list[StreamChunk]:
        return self._checked_chunks(self._stage.flush(), "flush")

    def _checked_chunks(self, chunks: object, method: str) -> list[StreamChunk]:
        if isinstance(chunks, list):
            return chunks
        if isinstance(chunks, Iterable) and not isinstance(chunks, str):
            return list(chunks)
        raise _wrong_result(f"{self._name}.{method}", chunks, "a list of chunks")


class _EachChunk:
    """A Stage from a plain function."""

    def __init__(self, fn: Callable[[StreamChunk], Any], name: str) -> None:
        self._fn = fn
        self._name = name

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        out: list[StreamChunk] = []
        for chunk in chunks:
            result = self._fn(chunk)
            if result is None:
                out.append(chunk)
            elif type(result) in _CHUNKS:
                out.append(result)
            elif isinstance(result, list) and all(type(each) in _CHUNKS for each in result):
                out.extend(result)
            else:
                kinds = {type(each).__name__ for each in result} if isinstance(result, list) else None
                what = f"a list of {', '.join(sorted(kinds))}" if kinds else type(result).__name__
                raise StepError(f"step {self._name!r} returned {what} instead of a chunk, a list of chunks or None")
        return out

    def flush(self) -> list[StreamChunk]:
        return []


def _through(stage: Stage, reply: Reply) -> Reply:
    """Pass the chunks of an unstreamed reply through the stage."""
    folded = fold([*stage.feed(chunks_of(reply)), *stage.flush()])
    return reply.replace(
        message=evolve(folded.message, model=reply.message.model),
        finish_reason=folded.finish_reason,
        finish_reason_raw=folded.finish_reason_raw,
        usage=folded.usage,
        metadata=folded.metadata,
        alternatives=folded.alternatives,
    )


def innermost(request: Request) -> StepGenerator:
    """Send the request: the innermost callable of every pipeline."""
    response: Response = yield Send(request)
    return response


_HALT = of_one_provider("halt")


def halt_path(request: Request) -> StepGenerator:
    """Return the reply of a halted request: the innermost callable of the path without a network."""
    return halt_with(request, request.step_state[_HALT])
    yield  # makes this a generator


def halt_with(request: Request, reply: Reply) -> Response:
    """Make a response of a reply that no provider sent. A streamed one has the chunks of the reply.

    Its text has whole characters only, like the text of a wire's decoder.
    """
    reply = well_formed(reply)
    reply = reply.replace(prompt=reply.prompt or request.context, warnings=(*request.warnings, *reply.warnings))
    if request.stream:
        return Response(request, ready=chunks_of(reply))
    return Response(request, reply=reply)


def _outcome(result: object, name: str) -> Response:
    if isinstance(result, Response):
        return result
    if isinstance(result, Exception | Halt):
        raise result
    raise _wrong_result(name, result, "a Response, an exception or Halt(...)")


def _wrong_result(name: str, result: object, expected: str) -> StepError:
    hint = None
    if iscoroutine(result):
        result.close()  # else Python warns that it was never awaited
        hint = "a step awaits nothing itself: write an around step that yields Run(...)"
    return StepError(f"step {name!r} returned {type(result).__name__} instead of {expected}", hint=hint)


def _name_and_value(first: Any, second: Any, count: int) -> tuple[str, Any]:
    """Return the name and the function of a step. Raises InvalidOption for one that cannot be called with `count`."""
    name, fn = (getattr(first, "__name__", type(first).__name__), first) if second is None else (first, second)
    if not isinstance(fn, type):
        _check(name, fn, count)
        if isgeneratorfunction(fn):
            raise InvalidOption(f"step {name!r} cannot be a generator function", hint=f"pass it to around({name!r}, …)")
    return name, fn


def _check(name: object, fn: object, count: int) -> None:
    if not isinstance(name, str):
        raise InvalidOption(f"a step cannot be named by a {type(name).__name__}", hint="around('name', function)")
    checked_function(fn, f"step {name!r}", count)


def _place(fn: object) -> str:
    code = getattr(fn, "__code__", None) or getattr(getattr(fn, "__init__", None), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else getattr(fn, "__module__", "")


def stages_of(steps: Iterable[Step]) -> tuple[CallNext, CallNext]:
    """Bind the steps, outermost first, and return the path to the network and the path of a halted reply."""
    call: CallNext = innermost
    halted: CallNext = halt_path
    for step in reversed(tuple(steps)):
        call, halted = step.bind(call, halted)
    return call, halted
