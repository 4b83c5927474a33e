"""Derive from a Python function the name, description and JSON Schema by which a model calls it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..errors import ObjectInvalid, SchemaError
from ..json_types import Schema
from ..tool import is_method
from .docstrings import docstring_of, read_docstring
from .fields import Field, fields_of, parameter_hints
from .from_type import Schemas, is_pydantic_model, schema_of
from .structure_value import structure_value, violations_at


def signature_schema(function: Callable[..., Any]) -> tuple[str, str, dict[str, Any]]:
    """Return the function's name, its description (from the docstring) and the schema of its parameters.

    All parameters are passed by name. Those without an annotation accept any value; those with a default are not
    required; descriptions come from `Annotated[..., "..."]` or from the docstring (in the style of Google, NumPy or
    Sphinx). `**options` accepts any further names. Functions, coroutine functions, bound methods, partials, classes and
    callable objects can be passed; the `self` or `cls` of a method in its class body is skipped. Raises SchemaError for
    parameters that cannot be passed by name, and for a callable whose parameters cannot be inspected.
    """
    inner = _inner(function)
    name = getattr(inner if _is_code(inner) else type(inner), "__name__", "")
    if not name.isidentifier():
        raise SchemaError("a tool needs a name, and a lambda has none", hint="define it with 'def', or name the Tool")
    about, described = read_docstring(docstring_of(inner))
    if is_pydantic_model(inner):
        return name, about, _of_model(inner)
    hints = _hints(inner)
    method = is_method(inner)
    fields: list[Field] = []
    extra: Schema = False
    schemas = Schemas()
    for at, parameter in enumerate(_signature(function, name).parameters.values()):
        if at == 0 and method and parameter.name in ("self", "cls"):
            continue
        hint = hints.get(parameter.name, Any)
        if parameter.kind is parameter.VAR_KEYWORD:
            extra = schemas.of(hint) or True
        elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise _unnamed_parameter(name, parameter)
        else:
            absent = parameter.default is parameter.empty
            about_it = described.get(parameter.name, "")
            fields.append(Field(parameter.name, hint, absent, parameter.default, not absent, about_it))
    return name, about, schemas.closed(schemas.object_of(fields, extra=extra))


def arguments_for(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert JSON arguments to the types that the function's parameters are annotated with: classes, enums, dates.

    function: the function, as in `signature_schema`.
    values: the arguments by name. A parameter without an annotation, or with one that has no JSON form, gets its value
        unchanged.

    Raises ObjectInvalid, with JSON pointers, for a value that does not fit.
    """
    inner = _inner(function)
    if is_pydantic_model(inner):
        structure_value(values, inner)  # only for its errors: the call itself makes the model from the same values
        return dict(values)
    hints = _hints(inner)
    arguments = {}
    for name, value in values.items():
        try:
            arguments[name] = structure_value(value, hints.get(name, Any))
        except SchemaError:
            arguments[name] = value
        except ObjectInvalid as error:
            error.violations = tuple(violations_at(name, error.violations))
            raise
    return arguments


def _inner(function: Callable[..., Any]) -> Callable[..., Any]:
    return _inner(function.func) if isinstance(function, partial) else function


def _is_code(function: object) -> bool:
    return inspect.isroutine(function) or isinstance(function, type)


def _signature(function: Callable[..., Any], name: str) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        raise SchemaError(
            f"the parameters of {name}() cannot be inspected, as of some built-in functions",
            hint="wrap it in a function of your own, with annotations",
        ) from None


def _of_model(model: type[Any]) -> dict[str, Any]:
    """Return the parameters of a pydantic model from its own schema: its __init__ accepts anything."""
    schema = {word: value for word, value in schema_of(model).items() if word not in ("title", "description")}
    if schema.get("type") != "object" and "$ref" not in schema:
        raise SchemaError(f"{model.__name__} is not made of named fields, and a model passes arguments by name")
    return schema


def _hints(function: object) -> dict[str, Any]:
    annotated = inspect.unwrap(function if _is_code(function) else type(function).__call__)  # type: ignore[arg-type]
    if not isinstance(annotated, type):
        return parameter_hints(annotated)
    fields = fields_of(annotated)
    if fields is None:
        return parameter_hints(inspect.getattr_static(annotated, "__init__"))
    return {field.argument: field.type for field in fields}


def _unnamed_parameter(function: str, parameter: inspect.Parameter) -> SchemaError:
    if parameter.kind is parameter.VAR_POSITIONAL:
        return SchemaError(
            f"{function}() takes *{parameter.name}, and a model passes arguments by name only",
            hint=f"take one list instead: {parameter.name}: list[...]",
        )
    return SchemaError(
        f"{function}() takes {parameter.name!r} by position only, and a model passes arguments by name",
        hint="remove the '/' from its parameters",
    )
