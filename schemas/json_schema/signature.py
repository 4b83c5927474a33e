"""The name, description and JSON Schema by which a model calls a Python function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from attrs import evolve

from ..errors import ObjectInvalid, SchemaError
from ..tool import is_method
from .docstrings import docstring_of, read_docstring
from .fields import Field, fields_of, parameter_hints
from .from_type import Schemas, is_pydantic_model, schema_of
from .keywords import escape
from .structure_value import structure_value


def signature_schema(function: Callable[..., Any]) -> tuple[str, str, dict[str, Any]]:
    """The name, the description (from the docstring) and the schema of the parameters, all passed by name.

    Parameters without an annotation admit any value; those with a default are not required; descriptions come from
    `Annotated[..., "..."]` or from the docstring (Google, NumPy or Sphinx style). `**options` admits any further
    names. Plain functions, coroutine functions, bound methods, partials, classes and callable objects all do; the
    `self` or `cls` of a method in its class body is passed over. Raises SchemaError for parameters that cannot be
    passed by name, and for a callable that does not tell its parameters.
    """
    inner = function
    while isinstance(inner, partial):
        inner = inner.func
    if not inspect.isroutine(inner) and not isinstance(inner, type):
        name, annotated = type(inner).__name__, type(inner).__call__
    else:
        name, annotated = getattr(inner, "__name__", ""), inspect.unwrap(inner)
    if not name.isidentifier():
        raise SchemaError("a tool needs a name, and a lambda has none", hint="define it with 'def', or name the Tool")
    about, described = read_docstring(docstring_of(inner))
    if is_pydantic_model(inner):
        return name, about, _of_model(inner)
    hints = _hints(annotated)
    method = is_method(inner)
    fields: list[Field] = []
    extra: Any = False
    schemas = Schemas()
    for at, parameter in enumerate(_signature(function, name).parameters.values()):
        if at == 0 and method and parameter.name in ("self", "cls"):
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


def arguments_for(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON arguments as the types that the function's parameters ask for: classes, enums, dates.

    A parameter without an annotation, or with one that has no JSON form, gets its value as it came. Raises
    ObjectInvalid, with the JSON pointers, for a value that does not fit.
    """
    inner = function
    while isinstance(inner, partial):
        inner = inner.func
    if is_pydantic_model(inner):
        structure_value(values, inner)  # for its complaints; the call makes it again, from the same values
        return dict(values)
    called = inner if inspect.isroutine(inner) or isinstance(inner, type) else type(inner).__call__
    hints = _hints(inspect.unwrap(called))
    made = {}
    for name, value in values.items():
        try:
            made[name] = structure_value(value, hints.get(name, Any))
        except SchemaError:
            made[name] = value
        except ObjectInvalid as error:
            place = f"/{escape(name)}"
            error.violations = tuple(evolve(each, pointer=place + each.pointer) for each in error.violations)
            raise
    return made


def _signature(function: Callable[..., Any], name: str) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        raise SchemaError(
            f"{name}() does not tell its parameters, as some built-in functions do not",
            hint="wrap it in a function of your own, with annotations",
        ) from None


def _of_model(model: Any) -> dict[str, Any]:
    """The parameters of a pydantic model, as it tells them itself: its __init__ takes anything."""
    schema = {word: value for word, value in schema_of(model).items() if word not in ("title", "description")}
    if schema.get("type") != "object" and "$ref" not in schema:
        raise SchemaError(f"{model.__name__} is not made of named fields, and a model passes arguments by name")
    return schema


def _hints(annotated: Any) -> dict[str, Any]:
    if not isinstance(annotated, type):
        return parameter_hints(annotated)
    fields = fields_of(annotated)
    if fields is None:
        return parameter_hints(inspect.getattr_static(annotated, "__init__"))
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
