"""`extending(fn)`: a step that is wrapped around the one in force instead of replacing it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from inspect import Parameter
from operator import attrgetter
from types import FunctionType
from typing import Any, Concatenate, Self

from attrs import frozen

from ...pipeline.effects import CallNext, StepGenerator
from ...pipeline.http.request import Request
from ...schemas.errors import ConfigError, InvalidOption
from ...schemas.functions import taken, takes
from ..auth.auth import HeaderKey


@frozen
class Extending:
    """A step that gets the step in force as its first argument. Make one with `extending`."""

    function: Callable[..., Any]


def extending(function: Callable[Concatenate[Any, ...], Any]) -> Any:
    """Make a step that extends the one in force: `function(inherited, *arguments)`.

        def with_seed(inherited, request):
            return {**inherited(request), "seed": 1}

        override("openai:*", wire="*", build_body=extending(with_seed))

    function: gets the step that the wire, the provider or a more general override has, and then the arguments of that
        step. Where the step is a value (a policy, object_support, thinking_constraints), it gets that value alone, when
        the plan of a call is made, and returns the new one. Where there is no step, `inherited` changes nothing. For
        translate_options, `inherited(options, model)` returns the options and the losses. An authenticate that is a
        generator is extended by one: `function(inherited, request, call)`. What a step gets by name (`response`,
        `model`, `operation`) reaches the one in force, whether or not the function has it, too.

    Raises InvalidOption for anything but a function.
    """
    if not callable(function):
        raise InvalidOption(f"extending cannot take a {type(function).__name__}", hint="pass a function")
    return Extending(function)


class Extended(partial[Any]):
    """A function with the step that it extends as its first argument."""


class _ByName(Extended):
    """An Extended for arguments by name, such as `response`: the function and the step in force each get those that
    they have a parameter for."""

    def __init__(self, function: Callable[..., Any], inherited: Callable[..., Any], names: Iterable[str]) -> None:
        own = inspect.signature(function).parameters
        more = [Parameter(name, Parameter.KEYWORD_ONLY) for name in names if name not in own]
        self.__signature__ = inspect.Signature(sorted([*[*own.values()][1:], *more], key=attrgetter("kind")))

    def __new__(cls, function: Callable[..., Any], inherited: Callable[..., Any], names: Iterable[str]) -> Self:
        return super().__new__(cls, function, inherited)

    def __call__(self, /, *given: object, **named: object) -> Any:
        function, (inherited,) = self.func, self.args

        def in_force(*given: object, **more: object) -> Any:
            return inherited(*given, **taken(inherited, {**named, **more}))

        return function(in_force, *given, **taken(function, named))


def base_of(step: object) -> object:
    """Return the step at the bottom of a chain of extending ones."""
    while isinstance(step, Extended):
        step = step.args[0]
    return step


VALUES = frozenset(("tool_call_id_policy", "tool_name_policy", "object_support", "thinking_constraints"))
"""Steps that are values, not functions."""

_ABSENT: Mapping[str, Callable[..., Any]] = {
    "prepare_request": lambda request: request,
    "attach": lambda pipeline, provider: pipeline,
    "begins_stream": lambda start, content_type: True,
}
"""What a step that is None does."""


def extended(
    name: str,
    function: Callable[..., Any],
    inherited: Any,
    steps: Mapping[str, Any],
    scope: str,
    by_name: Iterable[str] = (),
) -> Any:
    """Return the function wrapped around the step in force; for a step that is a value, the value that it returns.

    name: the step.
    function: the function that extends it.
    inherited: the step in force, if there is one.
    steps: all steps. Without an attach_stream, `function` extends the attach that is in `steps` when it is called.
    scope: the level that declared the function, for the error.
    by_name: the names of the arguments that such a step gets where it has them.

    Raises ConfigError for a plain function over an authenticate that is a generator.
    """
    if name in VALUES:
        return function({} if inherited is None else inherited)
    if isinstance(inherited, str):
        return Extended(function, lambda: inherited)
    if inherited is None and name == "attach_stream":
        inherited = partial(_attach, steps)
    elif inherited is None:
        if name not in _ABSENT:
            return None  # a wire that does not stream has nothing to extend
        inherited = _ABSENT[name]
    if name == "authenticate":
        inherited = _authenticate(function, inherited, scope)
    names = [each for each in by_name if takes(function, each) or takes(inherited, each)]
    return _ByName(function, inherited, names) if names else Extended(function, inherited)


def _attach(
    steps: Mapping[str, Any], pipeline: object, provider: object, *, model: object = None, operation: object = None
) -> Any:
    attach = steps.get("attach") or _ABSENT["attach"]
    return attach(pipeline, provider, **taken(attach, {"model": model, "operation": operation}))


def _authenticate(function: Callable[..., Any], inherited: Callable[..., Any], scope: str) -> Callable[..., Any]:
    """Return the inherited authenticate in the form that the function takes: `(request)` or `(request, call)`."""
    plain, is_plain = required_arguments(function) <= 2, not takes_call(inherited)
    if plain and not is_plain:
        raise ConfigError(
            f"{scope}: this provider's authenticate is a generator, and cannot be extended by a plain function",
            hint="write function(inherited, request, call): return (yield from inherited(request, call))",
        )
    return Extended(_and_call, inherited) if is_plain and not plain else inherited


def _and_call(inherited: Callable[[Request], Request], request: Request, call: CallNext) -> StepGenerator:
    return call(inherited(request))


def takes_call(authenticate: Callable[..., Any]) -> bool:
    """Check whether an authenticate is of the form `(request, call)`: it may yield effects, and sees the response."""
    return type(authenticate) is not HeaderKey and required_arguments(authenticate) > 1


def required_arguments(function: Callable[..., Any]) -> int:
    """Return how many positional arguments a function needs."""
    if isinstance(function, partial):
        return required_arguments(function.func) - len(function.args)
    if type(function) is FunctionType:  # the usual case, without the 10 µs of a signature
        return function.__code__.co_argcount - len(function.__defaults__ or ())
    parameters = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(each.kind in kinds and each.default is each.empty for each in parameters)
