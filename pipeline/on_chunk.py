"""on_chunk: the short form of a step that changes the chunks of answers, streamed or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, get_args, overload

from ..schemas.chunks import StreamChunk
from ..schemas.errors import InvalidOption, StepError
from ..schemas.functions import takes
from .effects import CallNext, StepGenerator
from .http.request import Request
from .http.response import HoldsBack, Stage
from .step import Step, check_function, name_and_value, place_in_code, wrong_result
from .stream.rewrite_text import pass_through

_CHUNKS = frozenset(get_args(StreamChunk))
EachChunk = Callable[[StreamChunk], StreamChunk | Sequence[StreamChunk] | None]


@overload
def on_chunk(name: str, fn: EachChunk | type[Stage], /) -> Step: ...
@overload
def on_chunk(fn: EachChunk | type[Stage], /) -> Step: ...
@overload
def on_chunk(name: str = ..., /, *, make: Callable[[Request], EachChunk | Stage]) -> Step: ...
def on_chunk(name_or_fn: object = None, fn: Any = None, /, *, make: object = None) -> Step:
    """Make a step of `fn(chunk)`, which returns a chunk or a list of chunks to put in its place ([] drops it), or None
    to leave it as it is.

    `on_chunk("name", fn)`, or `on_chunk(fn)` and `@on_chunk` for the function's own name.

    make: for a function with state, in place of `fn`: `make(request)` is called once for each answer, and returns the
        function of its chunks, or an object with `feed(chunks)` and `flush()`, which can add chunks at the end; see
        Stage.

    In place of the function, a class of such objects can be passed. It gets the request if it takes an argument of the
    name `request`. An unstreamed reply passes as chunks, too.
    """
    if make is not None:
        name, fn = _named_factory(name_or_fn, fn, make)
        begin = _stage_factory(name, fn) if isinstance(fn, type) else partial(_make_stage, name, fn)
    else:
        name, fn = name_and_value(name_or_fn, fn, 1)
        begin = _stage_factory(name, fn) if isinstance(fn, type) else lambda request: _EachChunk(fn, name)

    def wrap(inner: CallNext) -> CallNext:
        def run(request: Request) -> StepGenerator:
            response = yield from inner(request)
            return pass_through(response, begin(request))

        return run

    return Step(name, lambda call, halted: (wrap(call), wrap(halted)), "chunk", place_in_code(fn))


def _named_factory(name: object, fn: object, make: object) -> tuple[str, Any]:
    """Return the name and the factory of an on_chunk step. Raises InvalidOption if a function is given, too."""
    if fn is not None or not isinstance(name, str | None):
        raise InvalidOption("on_chunk takes a function or make=, not both", hint="on_chunk('name', make=factory)")
    return name_and_value(getattr(make, "__name__", type(make).__name__) if name is None else name, make, 1)


def _make_stage(name: str, make: Callable[[Request], Any], request: Request) -> Stage:
    """Make the stage of one answer. Raises StepError for a factory that returns neither a function nor a Stage."""
    made = make(request)
    if hasattr(made, "feed") and hasattr(made, "flush"):
        return _CheckedStage(made, name)
    if not callable(made):
        raise StepError(
            f"make= of step {name!r} returned {type(made).__name__} instead of a function of a chunk",
            hint="it gets the request; a function of a chunk is passed without make=",
        )
    check_function(name, made, 1)
    return _EachChunk(made, name)


def _stage_factory(name: str, stage: Callable[..., Stage]) -> Callable[[Request], Stage]:
    """Return a function that makes a stage for a request. Raises InvalidOption for a class that is no Stage."""
    missing = [method for method in ("feed", "flush") if not callable(getattr(stage, method, None))]
    if missing:
        raise InvalidOption(
            f"the class of step {name!r} has no {missing[0]}", hint="make it a subclass of stepwell.steps.Stage"
        )
    if takes(stage, "request"):
        return lambda request: _CheckedStage(stage(request=request), name)
    return lambda request: _CheckedStage(stage(), name)


class _CheckedStage:
    """A user's Stage, whose results are checked; the error names its step."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        self._name = name

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        return self._checked_chunks(self._stage.feed(chunks), "feed")

    def flush(self) -> list[StreamChunk]:
        return self._checked_chunks(self._stage.flush(), "flush")

    def held(self) -> list[StreamChunk]:
        return self._checked_chunks(self._stage.held() if isinstance(self._stage, HoldsBack) else [], "held")

    def _checked_chunks(self, chunks: object, method: str) -> list[StreamChunk]:
        if isinstance(chunks, list):
            return chunks
        if isinstance(chunks, Iterable) and not isinstance(chunks, str):
            return list(chunks)
        raise wrong_result(f"{self._name}.{method}", chunks, "a list of chunks")


class _EachChunk(Stage):
    """A Stage that calls a function for each chunk."""

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
                hint = "a function that makes one for each answer is passed as make=" if callable(result) else None
                wanted = "a chunk, a list of chunks or None"
                raise StepError(f"step {self._name!r} returned {what} instead of {wanted}", hint=hint)
        return out
