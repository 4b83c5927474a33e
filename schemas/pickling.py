"""Functions as pickle can hold them: by the module and name under which another process finds them.

A function that was made a tool has its name no longer: there stands its Tool, by which it is found all the same.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from inspect import isroutine
from types import BuiltinFunctionType, MethodType
from typing import Any


class NotPicklable(Exception):
    """A function that another process could not find; the text says why."""


def reference_to(function: Any) -> tuple[str, Any]:
    """Give what `function_of` makes the function of again, which pickle can hold. Raises NotPicklable."""
    if isinstance(function, partial):
        return "partial", (reference_to(function.func), function.args, function.keywords)
    if isinstance(function, MethodType):
        return "method", (reference_to(function.__func__), _held(function.__self__))
    if not isroutine(function) and not isinstance(function, type):
        return "object", _held(function)
    if isinstance(function, BuiltinFunctionType):
        return "object", _held(function)
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if "<locals>" in name or "<lambda>" in name:
        raise NotPicklable(f"{name} is not defined at the top of a module")
    try:
        found = any(each is function for each in _behind(_looked_up(module, name)))
    except (ImportError, AttributeError):
        found = False
    if not found:
        raise NotPicklable(f"{module}.{name} is not that function")
    return "function", (module, name)


def function_of(reference: tuple[str, Any]) -> Any:
    """The function that a reference names."""
    kind, what = reference
    if kind == "partial":
        function, args, keywords = what
        return partial(function_of(function), *args, **keywords)
    if kind == "method":
        function, owner = what
        return MethodType(function_of(function), owner)
    if kind == "object":
        return what
    *_, function = _behind(_looked_up(*what))
    return function


def pickles(value: Any) -> bool:
    """Whether the value can be pickled and read again."""
    try:
        pickle.loads(pickle.dumps(value))
    except Exception:  # whatever its class raises
        return False
    return True


def _held(value: Any) -> Any:
    if not pickles(value):
        raise NotPicklable(f"a {type(value).__name__} cannot be pickled")
    return value


def _looked_up(module: str | None, name: str) -> Any:
    found: Any = sys.modules.get(module or "") or import_module(module or "")
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _behind(found: Any) -> Iterator[Any]:
    """What stands under a name, and the functions inside: of a Tool its callback, of a method the plain function."""
    yield found
    for attribute in ("__func__", "callback"):
        if (inner := getattr(found, attribute, None)) is not None:
            yield from _behind(inner)
            return
