"""Pickle functions by reference: the module and name under which another process finds them.

The decorator `@tool` puts a Tool under the function's name; the function is then found through that Tool.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from inspect import isroutine
from types import BuiltinFunctionType, MethodType
from typing import Any, TypeVar

_Value = TypeVar("_Value")


class NotPicklable(Exception):
    """A function that another process could not find; the text says why."""


def reference_to(function: object) -> tuple[str, Any]:
    """Return a picklable reference from which `function_of` gets the function back.

    Raises NotPicklable, with the reason, for a function that another process could not find.
    """
    if isinstance(function, partial):
        return "partial", (reference_to(function.func), function.args, function.keywords)
    if isinstance(function, MethodType):
        return "method", (reference_to(function.__func__), _checked_picklable(function.__self__))
    if isinstance(function, BuiltinFunctionType) or not (isroutine(function) or isinstance(function, type)):
        return "object", _checked_picklable(function)
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if "<locals>" in name or "<lambda>" in name:
        raise NotPicklable(f"{name} is not defined at the top of a module")
    with suppress(ImportError, AttributeError):
        if any(each is function for each in _with_inner_functions(_look_up(module, name))):
            return "function", (module, name)
    raise NotPicklable(f"{module}.{name} is not that function")


def function_of(reference: tuple[str, Any]) -> Any:
    """Return the function that a reference of `reference_to` names."""
    kind, what = reference
    if kind == "partial":
        function, args, keywords = what
        return partial(function_of(function), *args, **keywords)
    if kind == "method":
        function, owner = what
        return MethodType(function_of(function), owner)
    if kind == "object":
        return what
    *_, function = _with_inner_functions(_look_up(*what))
    return function


def pickles(value: object) -> bool:
    """Return whether the value can be pickled and read again."""
    try:
        pickle.loads(pickle.dumps(value))
    except Exception:  # a class may raise anything here
        return False
    return True


def _checked_picklable(value: _Value) -> _Value:
    if not pickles(value):
        raise NotPicklable(f"a {type(value).__name__} cannot be pickled")
    return value


def _look_up(module: str | None, name: str) -> Any:
    found: Any = sys.modules.get(module or "") or import_module(module or "")
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _with_inner_functions(function: object) -> Iterator[Any]:
    """Yield the object, then the functions inside it: a Tool's callback, a method's plain function."""
    yield function
    for attribute in ("__func__", "callback"):
        if (inner := getattr(function, attribute, None)) is not None:
            yield from _with_inner_functions(inner)
            return
