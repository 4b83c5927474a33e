"""on_response and on_error: the short forms of steps that see what came of a call."""

from __future__ import annotations

from typing import Any, overload

from ..schemas.reply import Reply
from .around import of_flow
from .effects import CallNext, StepGenerator
from .http.request import Request
from .step import OnError, OnResponse, Step, checked_outcome, halt_with, name_and_value, place_in_code


@overload
def on_response(name: str, fn: OnResponse, /) -> Step: ...
@overload
def on_response(fn: OnResponse, /) -> Step: ...
def on_response(name_or_fn: Any, fn: Any = None, /) -> Step:
    """Make a step of `fn(response)`, which returns the response to go on with, or an exception, or Halt(...).

    `on_response("name", fn)`, or `on_response(fn)` and `@on_response` for the function's own name.

    The `response.reply` of a stream is still None; use on_chunk, or `response.on_end(fn)`.
    """
    name, fn = name_and_value(name_or_fn, fn, 1)

    def wrap(inner: CallNext) -> CallNext:
        def run(request: Request) -> StepGenerator:
            response = checked_outcome(fn((yield from inner(request))), name)
            return response if response.flow is None else (yield from of_flow(response, request))

        return run

    return Step(name, lambda call, halted: (wrap(call), wrap(halted)), "response", place_in_code(fn))


@overload
def on_error(name: str, fn: OnError, /) -> Step: ...
@overload
def on_error(fn: OnError, /) -> Step: ...
def on_error(name_or_fn: Any, fn: Any = None, /) -> Step:
    """Make a step of `fn(request, error)`, which returns a Reply or Response to recover, another exception, or None to
    let the error pass.

    `on_error("name", fn)`, or `on_error(fn)` and `@on_error` for the function's own name.

    It sees those errors of a stream that come before its first chunk.
    """
    name, fn = name_and_value(name_or_fn, fn, 2)

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
            response = checked_outcome(result, name)
            return response if response.flow is None else (yield from of_flow(response, request))

        return run

    return Step(name, lambda call, halted: (wrap(call), wrap(halted)), "error", place_in_code(fn))
