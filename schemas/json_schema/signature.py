"""The name, description and JSON Schema by which a model calls a Python function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from ..errors import SchemaError
from .docstrings import read_docstring
from .fields import Field, fields_of, type_hints
from .from_type import Schemas


def signature_schema(function: Callable[..., Any]) -> tuple[str, str, dict[str, Any]]:
    """The name, the description (from the docstring) and the schema of the parameters, all passed by name.

    Parameters without an annotation admit any value; those with a default are not required; descriptions come from
    `Annotated[..., "..."]` or from the docstring (Google, NumPy or Sphinx style). `**options` admits any further
    names. Plain functions, coroutine functions, bound methods, partials and callable objects all do; a leading
    `self` or `cls` is passed over. Raises SchemaError for parameters that cannot be passed by name.
    """
    inner = function
    while isinstance(inner, partial):
        inner = inner.func
    if not inspect.isroutine(inner) and not isinstance(inner, type):
        name, documented, annotated = type(inner).__name__, inner, type(inner).__call__
    else:
        name, documented, annotated = getattr(inner, "__name__", ""), inner, inspect.unwrap(inner)
    if not name.isidentifier():
        raise SchemaError("a tool needs a name, and a lambda has none", hint="define it with 'def', or name the Tool")
    about, described = read_docstring(getattr(documented, "__doc__", None))
    hints = _hints(annotated)
    fields: list[Field] = []
    extra: Any = False
    schemas = Schemas()
    for at, parameter in enumerate(inspect.signature(function).parameters.values()):
        if at == 0 and parameter.name in ("self", "cls"):
            continue
        hint = hints.get(parameter.name, Any)
        if parameter.kind is parameter.VAR_KEYWORD:
            extra = schemas.of(hint) or True
        elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise _unnamed(name, parameter)
        else:
            fields.append(_field(parameter, hint, described.get(parameter.name, "")))
    schema = schemas.object_of(fields, extra=extra)
    return name, about, schemas.closed(schema)


def _hints(annotated: Any) -> dict[str, Any]:
    if not isinstance(annotated, type):
        return type_hints(annotated)
    fields = fields_of(annotated)
    if fields is None:
        return type_hints(inspect.getattr_static(annotated, "__init__"))
    return {field.argument: field.type for field in fields}


def _field(parameter: inspect.Parameter, hint: Any, described: str) -> Field:
    default = parameter.default
    absent = default is parameter.empty
    return Field(parameter.name, hint, absent, None if absent else default, not absent, described)


def _unnamed(function: str, parameter: inspect.Parameter) -> SchemaError:
    if parameter.kind is parameter.VAR_POSITIONAL:
        return SchemaError(
            f"{function}() takes *{parameter.name}, and a model passes arguments by name only",
            hint=f"take one list instead: {parameter.name}: list[...]",
        )
    return SchemaError(
        f"{function}() takes {parameter.name!r} by position only, and a model passes arguments by name",
        hint="remove the '/' from its parameters",
    )
