"""A step wraps the rest of the pipeline. `around` is the whole idea; the other four are sugar for common shapes.

Order: requests pass the steps from the first to the last, responses come back from the last to the first, and a step
sees the responses and errors of the steps inside it, which are those after it in the list.

Halting: an on_request step that returns a Reply skips the remaining request steps and the network; the response
steps, those further in included, then run on that reply. `Halt(...)` ends the call at once: nothing else runs.
Recovery: an on_error step that returns a Reply or Response ends the error, and the response steps outside it run.
An on_response step that returns or raises an exception starts one, and the error steps outside it run.
All of this holds for streams as well.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from types import GeneratorType
from typing import Any, get_args, overload

from attrs import evolve, field, frozen

from ..schemas.chunks import StreamChunk
from ..schemas.errors import StepError
from ..schemas.fold import chunks_of, fold
from ..schemas.json_text import well_formed
from ..schemas.reply import Reply
from .effects import CallNext, Send, StepGenerator
from .http.request import Request, of_one_provider
from .http.response import Response, Stage


class Halt(BaseException):
    """Return it from any sugar step, or raise it from an around step: the call ends with this Reply or exception.

    A BaseException, so that no step's `except Exception` catches it on its way out; `finally` blocks do run.
    """

    def __init__(self, outcome: Reply | Response | Exception) -> None:
        super().__init__("halted")
        self.outcome = outcome


_CHUNKS = frozenset(get_args(StreamChunk))
Bind = Callable[[CallNext, CallNext], tuple[CallNext, CallNext]]


@frozen
class Step:
    """A named place in a pipeline. `bind(call, halted)` wraps the two ways inwards: `call` goes on to the network,
    `halted` carries a halted reply through the response steps further in. `source` is where its function stands,
    `origin` who put it there and `details` what else there is to say of it, for `describe()`. `of_provider` says that a
    call to the provider needs it, wherever the call comes from; see `Pipeline.inside`."""

    name: str
    bind: Bind = field(repr=False)
    kind: str = "around"
    source: str = field(default="", repr=False)
    origin: str = field(default="", repr=False)
    details: tuple[str, ...] = field(default=(), repr=False)
    of_provider: bool = field(default=False, repr=False)


def around(name: str, run: Callable[[Request, CallNext], StepGenerator]) -> Step:
    """The core shape: `run(request, call)` is a generator that gets its response by `yield from call(request)`.

    It may call more than once (retry), never (cache), or for something else (fallback), and yield effects. It returns
    a Response, or a Reply of its own. Raises StepError, with the step's name, when it returns anything else.
    """

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
    """`around` without a look at what is returned, for the steps that every call has: it saves 0.25 µs a step."""

    def bind(call: CallNext, halted: CallNext) -> tuple[CallNext, CallNext]:
        return (lambda request: run(request, call)), halted

    return Step(name, bind, "around", _place(run))


def _plain(result: Any, name: str) -> Generator[Any, Any, Any]:
    """What a function without a yield has returned, at its place in the flow."""
    if isinstance(result, Reply | Response):
        return result
    raise StepError(
        f"step {name!r} is a plain function that returned {type(result).__name__}",
        hint="write response = yield from call(request), and return the response",
    )
    yield  # a generator, like every Flow


@overload
def on_request(name: str, fn: Callable[[Request], Any], /) -> Step: ...
@overload
def on_request(fn: Callable[[Request], Any], /) -> Step: ...
def on_request(first: Any, second: Any = None, /) -> Step:
    """`fn(request)` gives the request to go on with, a Reply to halt with, or Halt(...)."""
    name, fn = _named(first, second)

    def bind(call: CallNext, halted: CallNext) -> tuple[CallNext, CallNext]:
        # No generator of its own: a request step costs one function call, not 0.5 µs on every effect.
        def enter(request: Request) -> StepGenerator:
            result = fn(request)
            if type(result) is Request:
                return call(result)
            if isinstance(result, Reply):
                return halted(request.replace(step_state={**request.step_state, _HALT: result}))
            if isinstance(result, Halt):
                raise result
            raise _broken(name, result, "a Request, a Reply or Halt(...)")

        return enter, halted

    return Step(name, bind, "request", _place(fn))


@overload
def on_response(name: str, fn: Callable[[Response], Any], /) -> Step: ...
@overload
def on_response(fn: Callable[[Response], Any], /) -> Step: ...
def on_response(first: Any, second: Any = None, /) -> Step:
    """`fn(response)` gives the response to go on with, or an exception, or Halt(...).

    Streamed, `response.reply` is still None; use on_chunk, or `response.on_end(fn)`.
    """
    name, fn = _named(first, second)

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
    """`fn(request, error)` gives a Reply or Response to recover, another exception to go on with, or None to let
    the error pass. For a stream it sees what fails before the first chunk."""
    name, fn = _named(first, second)

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
    """`fn(chunk)` gives a chunk to put in its place, a list of them (empty: dropped), or None to leave it as it is.

    For state and a last word pass a class instead: one object is made for each answer, with `feed(chunks)` and
    `flush()`, see Stage. An unstreamed reply passes through as the chunks it is made of.
    """
    name, fn = _named(first, second)
    make: Callable[[], Stage] = (lambda: _Named(fn(), name)) if isinstance(fn, type) else (lambda: _EachChunk(fn, name))

    def wrap(inner: CallNext) -> CallNext:
        def run(request: Request) -> StepGenerator:
            response = yield from inner(request)
            stage = make()
            if response.reply is None:
                return response.through(stage)
            response.reply = _through(stage, response.reply)
            return response

        return run

    return Step(name, lambda call, halted: (wrap(call), wrap(halted)), "chunk", _place(fn))


class _Named:
    """A Stage of the user's own, by the name of its step when it gives no list."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        self._name = name

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        return self._listed(self._stage.feed(chunks), "feed")

    def flush(self) -> list[StreamChunk]:
        return self._listed(self._stage.flush(), "flush")

    def _listed(self, given: Any, method: str) -> list[StreamChunk]:
        if isinstance(given, list):
            return given
        if isinstance(given, Iterable) and not isinstance(given, str):
            return list(given)
        raise _broken(f"{self._name}.{method}", given, "a list of chunks")


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
                given = {type(each).__name__ for each in result} if isinstance(result, list) else None
                what = f"a list of {', '.join(sorted(given))}" if given else type(result).__name__
                raise StepError(f"step {self._name!r} returned {what} instead of a chunk, a list of chunks or None")
        return out

    def flush(self) -> list[StreamChunk]:
        return []


def _through(stage: Stage, reply: Reply) -> Reply:
    whole = fold([*stage.feed(chunks_of(reply)), *stage.flush()])
    return reply.replace(
        message=evolve(whole.message, model=reply.message.model),
        finish_reason=whole.finish_reason,
        finish_reason_raw=whole.finish_reason_raw,
        usage=whole.usage,
        metadata=whole.metadata,
        alternatives=whole.alternatives,
    )


def innermost(request: Request) -> StepGenerator:
    """The end of every pipeline: hand the request to the driver and wait for the answer."""
    response: Response = yield Send(request)
    return response


_HALT = of_one_provider("halt")


def halt_path(request: Request) -> StepGenerator:
    """The end of the way that a halted reply takes: no network, just the reply."""
    return halt_with(request, request.step_state[_HALT])
    yield  # a generator, like every Flow


def halt_with(request: Request, reply: Reply) -> Response:
    """Make a response of a reply that no provider sent; streamed, it is the reply's own chunks.

    Its text has whole characters only, as that of a wire's decoder.
    """
    reply = well_formed(reply)
    reply = reply.replace(prompt=reply.prompt or request.context, warnings=(*request.warnings, *reply.warnings))
    if request.stream:
        return Response(request, ready=chunks_of(reply))
    return Response(request, reply=reply)


def _outcome(result: Any, name: str) -> Response:
    if isinstance(result, Response):
        return result
    if isinstance(result, Exception | Halt):
        raise result
    raise _broken(name, result, "a Response, an exception or Halt(...)")


def _broken(name: str, result: Any, wanted: str) -> StepError:
    return StepError(f"step {name!r} returned {type(result).__name__} instead of {wanted}")


def _named(first: Any, second: Any) -> tuple[str, Any]:
    if second is None:
        return getattr(first, "__name__", type(first).__name__), first
    return first, second


def _place(fn: Any) -> str:
    code = getattr(fn, "__code__", None) or getattr(getattr(fn, "__init__", None), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else getattr(fn, "__module__", "")


def stages_of(steps: Iterable[Step]) -> tuple[CallNext, CallNext]:
    """Both ways inwards through all these steps, outermost first."""
    call: CallNext = innermost
    halted: CallNext = halt_path
    for step in reversed(tuple(steps)):
        call, halted = step.bind(call, halted)
    return call, halted
