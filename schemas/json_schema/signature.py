"""Derive from a Python function the name, description and JSON Schema by which a model calls it."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

from attrs import evolve, frozen

from ..deps import type_of_deps
from ..errors import SchemaError
from ..json_types import JSONSchema, Schema
from ..tool import is_method
from .docstrings import docstring_of, read_docstring
from .fields import Field, described_by_pydantic, fields_of, parameter_hints
from .from_type import Schemas, schema_of
from .own_types import reads_itself
from .read_value import read_checked, read_value
from .structure_value import read_fields


@frozen
class Parameters:
    """What a function is called with."""

    fields: Mapping[str, Field]
    """what the model passes, by name"""
    extra: Any
    """the type of further names; None if there can be none"""
    deps: Mapping[str, Field]
    """the parameters annotated with Deps, which the caller fills"""


def signature_schema(function: Callable[..., Any]) -> tuple[str, str, dict[str, Any]]:
    """Return the function's name, its description (from the docstring) and the schema of its parameters.

    All parameters are passed by name. Those without an annotation accept any value; those with a default are not
    required; those annotated with Deps are left out. Descriptions come from `Annotated[..., "..."]` or from the
    docstring (in the style of Google, NumPy or Sphinx). `**options` accepts any further names. Functions, coroutine
    functions, bound methods, partials, classes and callable objects can be passed; the `self` or `cls` of a method in
    its class body is skipped. Raises SchemaError for parameters that cannot be passed by name, and for a callable whose
    parameters cannot be inspected.
    """
    inner = _inner(function)
    name = getattr(inner if _is_code(inner) else type(inner), "__name__", "")
    if not name.isidentifier():
        raise SchemaError("a tool needs a name, and a lambda has none", hint="define it with 'def', or name the Tool")
    about, _ = read_docstring(docstring_of(inner))
    known = _parameters(function)
    if reads_itself(inner) or known is None:
        return name, about, _of_model(inner)
    try:
        return name, about, _schema(known, Schemas())
    except SchemaError as error:
        raise SchemaError(f"{error.message}, in {name}()", hint=error.hint) from None


def arguments_for(
    function: Callable[..., Any], values: Mapping[str, Any], schema: JSONSchema
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return a function to call and its arguments, in the types that its parameters are annotated with.

    function: the function, as in `signature_schema`. A class that reads its values itself has then made its instance,
        and what is returned gives that.
    values: the arguments by name. A parameter without an annotation, or with one that has no JSON form, gets its value
        unchanged.
    schema: the schema of the arguments. See `read_value` for values that do not fit it.

    Raises ObjectInvalid, with JSON pointers, for a value that does not fit.
    """
    known = _parameters(function)
    if known is None:
        made = read_value(values, function, schema)
        return (lambda: made), {}
    fields, extra = known.fields, known.extra
    if not values.keys() <= fields.keys():
        more = {name: Field(name, extra or Any, argument=name) for name in values if name not in fields}
        fields = {**fields, **more}

    def trusting() -> JSONSchema:
        try:
            derived = _schema(known, Schemas()) == schema
        except SchemaError:
            derived = False
        return _schema(known, Schemas(trusting=True)) if derived else schema

    return function, read_checked(values, schema, trusting, partial(read_fields, fields=fields, unknown=True))


_NONE: Final[Mapping[str, Field]] = {}
# Reading annotations takes longer than a call.
_KNOWN: Final[WeakKeyDictionary[Callable[..., Any], Parameters | None]] = WeakKeyDictionary()


def _parameters(function: Callable[..., Any]) -> Parameters | None:
    """Return what a function is called with; None for a class that reads itself."""
    try:
        return _KNOWN[function]
    except KeyError:
        found = _KNOWN[function] = _read_parameters(function)
        return found
    except TypeError:  # an object that cannot be hashed, or not be referred to weakly
        return _read_parameters(function)


def _read_parameters(function: Callable[..., Any]) -> Parameters | None:
    if reads_itself(function):
        return None
    inner = _inner(function)
    name = getattr(inner, "__name__", type(inner).__name__)
    _, described = read_docstring(docstring_of(inner))
    method = is_method(inner)
    hints = _hints(inner)
    fields: list[Field] = []
    deps: dict[str, Field] = {}
    extra = None
    for at, parameter in enumerate(_signature(function, name).parameters.values()):
        if at == 0 and method and parameter.name in ("self", "cls"):
            continue
        hint = hints.get(parameter.name, Field(parameter.name, Any))
        if parameter.kind is parameter.VAR_KEYWORD:
            if typing.get_origin(hint.type) is typing.Unpack:
                options = typing.get_args(hint.type)[0]
                fields += fields_of(typing.get_origin(options) or options, typing.get_args(options)) or []
            else:
                extra = hint.type
        elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise _unnamed_parameter(name, parameter)
        else:
            absent = parameter.default is parameter.empty
            field = evolve(
                hint,
                name=parameter.name,
                required=absent,
                default=parameter.default,
                has_default=not absent,
                description=described.get(parameter.name, ""),
                argument=parameter.name,
            )
            if type_of_deps(hint.type) is None:
                fields.append(described_by_pydantic(field))
            else:
                deps[parameter.name] = field
    return Parameters({field.name: field for field in fields}, extra, deps)


def _schema(known: Parameters, schemas: Schemas) -> dict[str, Any]:
    more: Schema = False if known.extra is None else schemas.of(known.extra) or True
    return schemas.closed(schemas.object_of(list(known.fields.values()), extra=more))


def deps_of(function: Callable[..., Any]) -> Mapping[str, Field]:
    """Return the parameters of a function that are annotated with Deps, by name; see `schemas/deps.py`."""
    try:
        known = _KNOWN[function] if function in _KNOWN else _parameters(function)
    except TypeError:
        known = _read_parameters(function)
    except SchemaError:  # nobody knows its parameters: its schema was written by hand
        return _NONE
    return _NONE if known is None else known.deps


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


def _of_model(model: Callable[..., Any]) -> dict[str, Any]:
    """Return the parameters of a pydantic model from its own schema: its __init__ accepts anything."""
    schema = {word: value for word, value in schema_of(model).items() if word not in ("title", "description")}
    if schema.get("type") != "object" and "$ref" not in schema:
        raise SchemaError(
            f"{getattr(model, '__name__', model)} has no named fields, by which arguments are passed",
            hint="make the tool of a function, or of a class with fields",
        )
    return schema


def _hints(function: object) -> dict[str, Field]:
    """Return the annotations of a function's parameters, as fields by the names of the parameters."""
    annotated = inspect.unwrap(function if _is_code(function) else type(function).__call__)  # type: ignore[arg-type]
    if isinstance(annotated, type):
        if (fields := fields_of(annotated)) is not None:
            return {field.argument: field for field in fields}
        annotated = inspect.getattr_static(annotated, "__init__")
    return {name: Field(name, hint) for name, hint in parameter_hints(annotated).items()}


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
