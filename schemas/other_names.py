"""Say what may be meant by a name that a module does not have, in attributes and in `from ... import`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from inspect import currentframe
from opcode import opmap
from typing import Never

_PACKAGE = __name__.partition(".")[0]


def suggesting(module: str) -> Callable[[str], Never]:
    """Return the `__getattr__` of a module whose names are all listed in its `__all__`."""

    def __getattr__(name: str) -> Never:
        refuse_name(module, name)

    return __getattr__


def refuse_name(module: str, name: str) -> Never:
    """Raise the error for a name that a module does not have, with what may be meant. Its `__getattr__` calls this.

    Where the name is looked up by `from module import name`, the error is an ImportError: Python would replace an
    AttributeError by one without a hint.
    """
    if name.startswith("_"):
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)
    hint = _place_of(module, name) or _meaning_of(module, name)
    frame = currentframe()
    asked_by = frame and frame.f_back and frame.f_back.f_back
    if asked_by is not None and asked_by.f_code.co_code[asked_by.f_lasti] == opmap["IMPORT_FROM"]:
        raise ImportError(f"cannot import name {name!r} from {module!r}{hint}", name=module)
    raise AttributeError(f"module {module!r} has no attribute {name!r}{hint}", name=name)


def _place_of(module: str, name: str) -> str:
    """Say which other module has a public name."""
    package = import_module(_PACKAGE)
    if name in package.__all__:
        return f"; it is in {_PACKAGE}"
    if module != _PACKAGE and hasattr(sys.modules.get(module), "__path__") and find_spec(f"{module}.{name}"):
        return f"; write import {module}.{name}"
    for each in package.MODULES:
        if name in getattr(import_module(f"{_PACKAGE}.{each}"), "__all__", ()):
            return f"; it is in {_PACKAGE}.{each}"
    return ""


def _meaning_of(module: str, name: str) -> str:
    """Say what a name of other libraries is called here, or which name is misspelt."""
    from .foreign_exports import ERRORS, PACKAGE, TIMEOUTS
    from .nearest import misspelt

    if name in ERRORS:
        more = f", {TIMEOUTS}" if "Timeout" in name else ""
        return f"; it is {_PACKAGE}.errors.{ERRORS[name]}{more}"
    if name in PACKAGE:
        return f"; {PACKAGE[name]}"
    meant = misspelt(name, getattr(sys.modules.get(module), "__all__", ()))
    return f"; did you mean {meant!r}?" if meant else ""
