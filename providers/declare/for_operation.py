"""Give the operation to those rules of options that take one."""

from __future__ import annotations

from functools import partial
from typing import Any


def for_operation(rule: Any, operation: str) -> Any:
    """Return a rule, or a function in its place, that takes no `operation`, since it has this one."""
    return partial(rule, operation=operation) if takes_operation(rule) else rule


def takes_operation(rule: Any) -> bool:
    """Check whether a rule is a function with an argument that is called `operation`."""
    code = getattr(rule, "__code__", None)
    return code is not None and "operation" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
