"""Steps. Each wraps the rest of the pipeline. The general form is in around.py, the others are short forms of it.

Order: requests pass the steps from the first to the last, and responses come back from the last to the first. A step
sees the responses and errors of the steps inside it, which are those after it in the list.

Halting: when an on_request step returns a Reply, the remaining request steps and the network are skipped, and all
response steps run on that reply, those inside the step as well. `Halt(...)` ends the call at once: no other step runs.
Recovery: when an on_error step returns a Reply or Response, the error has ended and the response steps outside run.
When an on_response step returns or raises an exception, the error steps outside it run. So it is for streams, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from inspect import iscoroutine, isgeneratorfunction
from itertools import groupby
from typing import Any, overload

from attrs import field, frozen

from ..schemas.errors import ConfigError, InvalidOption, StepError, StepwellError
from ..schemas.functions import checked_function
from ..schemas.json_text import well_formed
from ..schemas.model import Model
from ..schemas.reply import Reply, check_message, joined_warnings
from .effects import CallNext, Send, StepGenerator
from .http.request import Request, StateKey
from .http.response import Response


class Halt(BaseException):
    """The end of a call with this Reply or exception: return it from a short form, or raise it from an around step.

    It is a BaseException, so that no step's `except Exception` catches it; `finally` blocks run.
    """

    def __init__(self, outcome: Reply | Response | Exception) -> None:
        super().__init__("halted")
        self.outcome = outcome


Bind = Callable[[CallNext, CallNext], tuple[CallNext, CallNext]]
OnRequest = Callable[[Request], Request | Reply[Any] | Halt]
OnResponse = Callable[[Response], Response | Exception | Halt]
OnError = Callable[[Request, Exception], Reply[Any] | Response | Exception | Halt | None]


@frozen
class Step:
    """A step with a name, which is unique in a pipeline."""

    name: str
    bind: Bind = field(repr=False)
    """`bind(call, halted)` wraps both paths inwards: `call` leads to the network, and `halted` takes a halted reply
    through the response steps inside"""
    kind: str = "around"
    """around, request, response, error or chunk; network for the innermost one, where the transport takes over"""
    source: str = field(default="", repr=False)
    """file and line of its function, for `describe()`"""
    origin: str = field(default="", repr=False)
    """who added it, for `describe()`"""
    details: tuple[str, ...] = field(default=(), repr=False)
    """further lines for `describe()`"""
    of_provider: bool = field(default=False, repr=False)
    """True if every call to the provider needs it, also one from another model's pipeline; see `Pipeline.inside`"""
    owner: object = field(default=None, repr=False)
    """what it keeps its state in, such as the Ledger of a Budget"""
    counts: bool = field(default=False, repr=False)
    """True for a step that counts or keeps something of each call: a preview of a call leaves it out"""
    in_batches: bool = field(default=False, repr=False)
    """True for a step that the calls of a batch pass, too, though nothing is sent for them alone"""
    calls: tuple[tuple[str | Model, Mapping[str, Any]], ...] = field(default=(), repr=False)
    """the other models that it may call, each with the options that differ; a client checks them before its own call"""
    on_way_in: Callable[[Request], Any] | None = field(default=None, repr=False)
    """of an on_request step: its function. Neighbours of this kind are bound as one, as are those of the next."""
    on_way_out: Callable[[Response, Request], None] | None = field(default=None, repr=False)
    """of a step made by `after`: its function"""
    on_failure: Callable[[StepwellError, Request], None] | None = field(default=None, repr=False)
    """of a step made by `after`: what it does with an error of the steps inside it"""


def check_steps(steps: Iterable[object]) -> None:
    """Raise ConfigError for what is no step."""
    for each in steps:
        if isinstance(each, Step):
            continue
        hint = "make one of a function by around(function), on_request(function) and the like"
        if isinstance(each, list | tuple):
            hint = "pass each step as an argument of its own: append(*steps)"
        elif callable(each) and not hasattr(each, "__name__"):  # an object that changes a pipeline, as a Budget does
            hint = "it finds its own place: put it into the list of pipeline=[...], or call it with the pipeline"
        raise ConfigError(f"a {type(each).__name__} is no step", hint=hint)


def around_unchecked(name: str, run: Callable[..., StepGenerator]) -> Step:
    """Make a step of `run(request, call)` as `around` does, without a check of its result.

    A partial is called without a Python frame, which saves 0.3 µs for each step of every call.
    """
    return Step(name, lambda call, halted: (partial(run, call=call), halted), "around", place_in_code(run))


def after(
    name: str,
    fn: Callable[[Response, Request], None],
    on_failure: Callable[[StepwellError, Request], None] | None = None,
) -> Step:
    """Make a step of `fn(response, request)`, which changes the response in place, for the steps of every call.

    `on_failure(error, request)` adds details to an error of the inner steps, which is then raised again.
    """

    step = Step(
        name,
        lambda call, halted: (_ways_out((step,), call), halted),
        "around",
        place_in_code(fn),
        on_way_out=fn,
        on_failure=on_failure,
    )
    return step


def _ways_out(steps: Sequence[Step], call: CallNext) -> CallNext:
    """Bind several steps as one generator, where each of its own would cost 0.5 µs; the innermost comes first."""
    fns = [step.on_way_out for step in steps if step.on_way_out]
    failed = [step.on_failure for step in steps if step.on_failure]

    def run(request: Request) -> StepGenerator:
        try:
            response = yield from call(request)
        except StepwellError as error:
            for note in failed:
                note(error, request)
            raise
        for fn in fns:
            fn(response, request)
        return response

    return run


@overload
def on_request(name: str, fn: OnRequest, /) -> Step: ...
@overload
def on_request(fn: OnRequest, /) -> Step: ...
def on_request(name_or_fn: Any, fn: Any = None, /) -> Step:
    """Make a step of `fn(request)`, which returns the request to go on with, a Reply to halt with, or Halt(...).

    `on_request("name", fn)`, or `on_request(fn)` and `@on_request` for the function's own name.
    """
    name, fn = name_and_value(name_or_fn, fn, 1)

    return Step(
        name,
        lambda call, halted: (_ways_in(((name, fn),), call, halted), halted),
        "request",
        place_in_code(fn),
        on_way_in=fn,
    )


def _ways_in(fns: Sequence[tuple[str, Callable[[Request], Any]]], call: CallNext, halted: CallNext) -> CallNext:
    """Bind several on_request steps as one function, the outermost first."""

    # Not a generator, which would cost 0.5 µs on every effect.
    def enter(request: Request) -> StepGenerator:
        for name, fn in fns:
            result = fn(request)
            if type(result) is Request:
                request = result
            elif isinstance(result, Reply):
                return halted(request.with_state(_HALT, result))
            elif isinstance(result, Halt):
                raise result
            else:
                raise wrong_result(name, result, "a Request, a Reply or Halt(...)")
        return call(request)

    return enter


def innermost(request: Request) -> StepGenerator:
    """Send the request: the innermost callable of every pipeline."""
    response: Response = yield Send(request)
    return response


_HALT = StateKey("halt", Reply())


def halt_path(request: Request) -> StepGenerator:
    """Return the reply of a halted request: the innermost callable of the path without a network."""
    return halt_with(request, request.get(_HALT))
    yield  # makes this a generator


def halt_with(request: Request, reply: Reply) -> Response:
    """Make a response of a reply that no provider sent. A streamed one has the chunks of the reply.

    Its text has whole characters only, like the text of a wire's decoder.
    """
    check_message(reply)
    reply = well_formed(reply)
    warnings = joined_warnings(request.warnings, reply.warnings)
    reply = reply.replace(prompt=reply.prompt or request.context, warnings=warnings)
    if request.stream:
        from ..schemas.reply_chunks import chunks_of  # only for an answer that did not come as a stream

        return Response(request, headers=reply.headers, ready=chunks_of(reply))
    return Response(request, headers=reply.headers, reply=reply)


def checked_outcome(result: object, name: str) -> Response:
    """Return the response that a step returned, or raise what it returned. Raises StepError for anything else."""
    if isinstance(result, Response):
        return result
    if isinstance(result, Exception | Halt):
        raise result
    raise wrong_result(name, result, "a Response, an exception or Halt(...)")


def wrong_result(name: str, result: object, expected: str) -> StepError:
    """Return the error for a step that returned something else than is expected, with a hint where one is known."""
    hint = None
    if iscoroutine(result):
        result.close()  # else Python warns that it was never awaited
        hint = "a step cannot be async: write an around step that yields Run(...)"
    elif isinstance(result, Reply):
        hint = "an around step may return a Reply; an on_chunk step changes what an answer says"
    elif isinstance(result, str) and "Response" in expected:
        hint = "an answer of your own is streamed_response(request, [text])"
    elif result is None and (given := next((each for each in ("Request", "Response") if each in expected), None)):
        hint = f"end it with `return {given.lower()}`"
    return StepError(f"step {name!r} returned {type(result).__name__} instead of {expected}", hint=hint)


def name_and_value(first: Any, second: Any, count: int, *, generator: bool = False) -> tuple[str, Any]:
    """Return the name and the function of a step. Raises InvalidOption unless it takes `count` arguments, and for a
    generator function where it may be none."""
    if second is None and isinstance(first, str):
        hint = "pass it after the name, or pass it alone, also by the decorator: the step then has its name"
        raise InvalidOption(f"step {first!r} has no function", hint=hint)
    name, fn = (getattr(first, "__name__", type(first).__name__), first) if second is None else (first, second)
    if generator or not isinstance(fn, type):
        check_function(name, fn, count)
        if not generator and isgeneratorfunction(fn):
            raise InvalidOption(f"step {name!r} cannot be a generator function", hint=f"pass it to around({name!r}, …)")
    return name, fn


def check_function(name: object, fn: object, count: int) -> None:
    """Raise InvalidOption for a step whose name is not a string or whose function does not take `count` arguments."""
    if not isinstance(name, str):
        raise InvalidOption(f"a step cannot be named by a {type(name).__name__}", hint="around('name', function)")
    checked_function(fn, f"step {name!r}", count)


def place_in_code(fn: object) -> str:
    """Return the file and line of a step's function."""
    code = getattr(fn, "__code__", None) or getattr(getattr(fn, "__init__", None), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else getattr(fn, "__module__", "")


def stages_of(steps: Iterable[Step]) -> tuple[CallNext, CallNext]:
    """Bind the steps, outermost first, and return the path to the network and the path of a halted reply."""
    call: CallNext = innermost
    halted: CallNext = halt_path
    for kind, group in groupby(reversed(tuple(steps)), _neighbours):
        each = list(group)
        if kind == "in":
            call = _ways_in([(step.name, step.on_way_in) for step in reversed(each) if step.on_way_in], call, halted)
        elif kind == "out":
            call = _ways_out(each, call)
        else:
            for step in each:
                call, halted = step.bind(call, halted)
    return call, halted


def _neighbours(step: Step) -> str:
    return "in" if step.on_way_in else "out" if step.on_way_out else ""
