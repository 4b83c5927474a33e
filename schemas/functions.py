"""Check functions that users write, at the time they are given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, Parameter, isasyncgenfunction, iscoroutinefunction, signature
from types import FunctionType, MethodType, ModuleType
from typing import Any, TypeVar

from .errors import InvalidOption

Function = TypeVar("Function")


def checked_function(
    value: Function, what: str, count: int | None = None, optional: Iterable[str] = (), *, hint: str | None = None
) -> Function:
    """Return a function of the user's, unchanged, after checking that it can be called as it will be.

    value: what was given.
    what: what it is for, named in errors.
    count: how many positional arguments it is called with (None: unknown).
    optional: the names of further arguments that it is called with where its signature has them; see `takes`.
    hint: what to pass in place of something that cannot be called so.

    Raises InvalidOption for anything that cannot be called, for an async function, and for one with other parameters.
    """
    function, given = (value, 0) if type(value) is FunctionType else _written(value)
    if type(function) is FunctionType:  # nearly always: a few comparisons are enough, and no frame of ours
        code = function.__code__
        if not code.co_flags & _ASYNC and count in (None, code.co_argcount - given) and not code.co_kwonlyargcount:
            return value
    if isinstance(value, ModuleType):
        functions = [name for name, each in vars(value).items() if _is_own_function(each, value, name)]
        name = value.__name__.rpartition(".")[2]
        parts = f": {' or '.join(f'{name}.{each}' for each in functions)}" if functions else ""
        raise InvalidOption(f"{what} cannot be a module, {value.__name__}", hint=f"pass a function of it{parts}")
    if not callable(value):
        raise InvalidOption(f"{what} cannot be a {type(value).__name__}", hint=hint or "pass a function")
    if any(is_async(each) for each in (value, type(value).__call__)):
        raise InvalidOption(
            f"{what} cannot be an async function",
            hint=hint or "write a plain function; a step that has to await something yields Run(sync_fn, async_fn)",
        )
    if count is not None:
        _check_parameters(value, what, count, tuple(optional), hint)
    return value


def is_async(function: object) -> bool:
    """Check whether a call of the function gives a coroutine or an async generator."""
    return iscoroutinefunction(function) or isasyncgenfunction(function)


def read_whole(result: Any) -> Any:
    """Return what a generator yields as a list, and anything else as it is: the code of a generator is a part of the
    function that returned it.

    Called where the function is: in a thread, for async code, and in the time that the function has.
    """
    return list(result) if isinstance(result, Iterator) else result


def parameters_of(function: object) -> tuple[str, ...]:
    """Return the names of the parameters of a function in Python; of anything else, none."""
    code = getattr(function, "__code__", None)
    return () if code is None else code.co_varnames[: code.co_argcount]


def taken(function: object, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the arguments that the function has a parameter for, by name."""
    try:
        parameters = signature(function).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):  # some functions written in C have no signature
        return {}
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return {name: each for name, each in arguments.items() if name in parameters and parameters[name].kind in kinds}


def takes(function: object, name: str) -> bool:
    """Check whether a function has a parameter of this name, which it can be given by keyword."""
    if type(function) is FunctionType:  # nearly always, and much faster than a signature
        code = function.__code__
        return name in code.co_varnames[code.co_posonlyargcount : code.co_argcount + code.co_kwonlyargcount]
    return name in taken(function, {name: None})


def _written(value: object) -> tuple[object, int]:
    """Return the function of a method or a partial, and how many of its arguments it is given by that."""
    given = 0
    while True:
        if type(value) is MethodType:
            given, value = given + 1, value.__func__
        elif type(value) is partial and not value.keywords:
            given, value = given + len(value.args), value.func
        else:
            return value, given


_ASYNC = CO_COROUTINE | CO_ASYNC_GENERATOR


def _is_own_function(value: object, module: ModuleType, name: str) -> bool:
    return type(value) is FunctionType and value.__module__ == module.__name__ and not name.startswith("_")


def _check_parameters(function: object, what: str, count: int, optional: tuple[str, ...], hint: str | None) -> None:
    try:
        found = signature(function)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return
    try:
        found.bind(*[None] * count, **taken(function, dict.fromkeys(optional)))
    except TypeError as error:
        more = f", and by name {' and '.join(optional)} where it has them" if optional else ""
        raise InvalidOption(
            f"{what} does not fit: {error}, in {found}",
            hint=hint or f"it is called with {count} argument{'s'[: count != 1]}{more}",
        ) from None
