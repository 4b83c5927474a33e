"""Derive the JSON Schema of a Python type.

Understood: str, int, float, bool, None, bytes (base64), datetime, date, time, timedelta, UUID, Decimal, Path, enums,
literals, unions, lists, tuples, sets, dicts, Annotated, NewType, type aliases, attrs classes, dataclasses,
TypedDicts, NamedTuples, generic ones of these, and all that pydantic reads (through its own schemas).
"""

from __future__ import annotations

import collections
import collections.abc
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, Flag
from typing import Any, Final, NoReturn

from ..deps import type_of_deps
from ..errors import SchemaError
from ..json_types import JSONSchema, Schema
from .constraints import annotated
from .docstrings import docstring_of, read_docstring
from .fields import Field, aliased, fields_of, is_alias, is_qualifier
from .keywords import definition_name, leads_to_itself, objects_in, with_parts
from .kinds import class_key, simple_kind
from .own_types import is_adapter, own_schema, reads_itself

__all__ = ["Schemas", "reads_values", "schema_of", "standing_for", "trusting_schema"]


# By module and name, so that no module is imported for a type that is not used.
_SIMPLE: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("builtins", "str"): {"type": "string"},
    ("builtins", "int"): {"type": "integer"},
    ("builtins", "float"): {"type": "number"},
    ("builtins", "bool"): {"type": "boolean"},
    ("builtins", "NoneType"): {"type": "null"},
    ("builtins", "bytes"): {"type": "string", "contentEncoding": "base64"},
    ("builtins", "object"): {},
    ("typing", "Any"): {},
    ("datetime", "datetime"): {"type": "string", "format": "date-time"},
    ("datetime", "date"): {"type": "string", "format": "date"},
    ("datetime", "time"): {"type": "string", "format": "time"},
    ("datetime", "timedelta"): {"type": "string", "format": "duration"},
    ("uuid", "UUID"): {"type": "string", "format": "uuid"},
    # A string: a JSON number would pass through a float and lose digits.
    ("decimal", "Decimal"): {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
    ("pathlib", "Path"): {"type": "string"},
    ("pathlib._local", "Path"): {"type": "string"},  # where Python 3.13 keeps it
}
# What is not written as the schema says, but a class of Python's reads: a date alone as a date-time, a UUID without
# hyphens, a decimal number that is not a string.
_READ_BY_CLASS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    **{("datetime", name): {"type": "string"} for name in ("datetime", "date", "time")},
    ("uuid", "UUID"): {"type": "string"},
    ("decimal", "Decimal"): {},
}
_LISTS: Final = (
    list,
    collections.deque,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Collection,
    collections.abc.Iterable,
)
_SETS: Final = (set, frozenset, collections.abc.Set, collections.abc.MutableSet)
DICTS: Final = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def standing_for(variable: typing.TypeVar) -> Any:
    """Return the type that an unbound type variable stands for: its constraints, its bound, or Any."""
    if variable.__constraints__:
        return typing.Union[variable.__constraints__]  # noqa: UP007
    return Any if variable.__bound__ is None else variable.__bound__


def schema_of(tp: object) -> dict[str, Any]:
    """Return the JSON Schema that values of this type fit; a dict is a JSON Schema already and is returned unchanged.

    Fields with a default are not required. Classes allow no other properties. Docstrings and the strings in
    `Annotated[...]` become descriptions; a dict there is merged in as further keywords
    (`Annotated[int, {"minimum": 1}]`), as are the bounds of pydantic's Field, annotated-types and msgspec. A list of
    values is a choice of one of them. A pydantic TypeAdapter gives its own schema. A class that is used twice or
    contains itself goes to `$defs`. Raises SchemaError for a type that has no JSON form.
    """
    if isinstance(tp, dict):
        return tp
    if isinstance(tp, list):
        return _of_values(tp, "the list")
    return tp.json_schema() if is_adapter(tp) else Schemas().whole(tp)


def trusting_schema(tp: object) -> dict[str, Any]:
    """Return the schema of what no class of the program reads itself; see `Schemas`."""
    return schema_of(tp) if isinstance(tp, dict | list) else Schemas(trusting=True).whole(tp)


class Schemas:
    """Schemas that share definitions: call `of` for each type, then `closed` for the complete schema.

    trusting: accept any value where a class decides what it can read: for a type that reads itself (see `own_types`), a
        field with a converter, an enum that finds its members itself, and those of Python's classes that read more
        than their schema describes. A set reads an item that is repeated.
    """

    def __init__(self, *, trusting: bool = False) -> None:
        self._trusting = trusting
        self._definitions: dict[str, dict[str, Any]] = {}
        self._names: dict[Any, str] = {}

    def of(self, tp: object) -> dict[str, Any]:
        """Return the schema of one type; it may refer to definitions, which `closed` adds."""
        if reads_itself(tp):
            return {} if self._trusting else self._of_own(tp)
        if (simple := _SIMPLE.get(class_key(type(None) if tp is None else tp))) is not None:
            return dict(self._trusted(tp, simple))
        if isinstance(tp, dict):
            return tp
        origin, args = typing.get_origin(tp), typing.get_args(tp)
        if is_alias(tp):
            return self._define(tp, "_".join([_name(origin or tp), *map(_name, args)]), lambda: self.of(aliased(tp)))
        if origin is not None:
            # typing.List and the like without the types of their items have no __args__.
            return self._of_generic(tp, origin, args) if hasattr(tp, "__args__") else self._of_class(origin, ())
        if hasattr(tp, "__supertype__"):
            return self.of(tp.__supertype__)
        if isinstance(tp, typing.TypeVar):
            return self.of(standing_for(tp))
        return self._of_class(tp, ()) if isinstance(tp, type) else _refuse(tp)

    def _trusted(self, tp: object, simple: dict[str, Any]) -> dict[str, Any]:
        return _READ_BY_CLASS.get(class_key(tp), simple) if self._trusting else simple

    def whole(self, tp: object) -> dict[str, Any]:
        """Return the complete schema of one type."""
        return self.closed(self.of(tp))

    def closed(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema with the definitions that it refers to; those used only once are inlined."""
        own = self._definitions
        uses = collections.Counter(name for each in (schema, *own.values()) for name in _used_in(each))
        recursive = [name for name in own if leads_to_itself(name, lambda used: _used_in(own.get(used, {})))]
        shared = {*recursive, *(name for name in own if uses[name] > 1)}
        closed: dict[str, Any] = self._inline(schema, shared)
        if shared:
            closed["$defs"] = {name: self._inline(part, shared) for name, part in own.items() if name in shared}
        return closed

    def object_of(self, fields: Sequence[Field], description: str = "", *, extra: Schema = False) -> dict[str, Any]:
        """Return the schema of an object.

        fields: its fields.
        description: its description.
        extra: the schema of its other properties, or whether there may be any.
        """
        properties = {}
        for field in fields:
            trusted = self._trusting and field.converter is not None
            properties[field.name] = part = {} if trusted else self._of_field(field)
            if field.description and not (typing.get_origin(field.type) is typing.Annotated and "description" in part):
                part["description"] = field.description
            if field.has_default and not field.required and (written := _as_json(field.default)) is not _NO_JSON:
                part["default"] = written
        required = [field.name for field in fields if field.required]
        return {
            "type": "object",
            **({"description": description} if description else {}),
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": extra,
        }

    def _of_field(self, field: Field) -> dict[str, Any]:
        try:
            return dict(self.of(field.type))
        except SchemaError as error:
            raise SchemaError(f"{error.message}, in {field.name}", hint=error.hint) from None

    def _of_generic(self, tp: object, origin: object, args: tuple[Any, ...]) -> dict[str, Any]:
        if origin is typing.Annotated:
            if type_of_deps(tp) is not None:
                raise SchemaError(
                    "Deps is part of another type, where the model would fill it",
                    hint="annotate the whole parameter of the tool: db: Deps[Database]",
                )
            return {} if self._trusting and reads_itself(args[0]) else annotated(self.of(args[0]), args[1:])
        if is_qualifier(origin):
            return self.of(args[0])
        if origin is typing.Union or origin is types.UnionType:
            return {"anyOf": [self.of(arg) for arg in args]}
        if origin is typing.Literal:
            return _of_values(list(args), tp)
        if origin in _LISTS or origin in _SETS:
            unique = {"uniqueItems": True} if origin in _SETS and not self._trusting else {}
            return {"type": "array", "items": self.of(args[0]), **unique}
        if origin is tuple:
            return self._of_tuple(args)
        if origin in DICTS:
            return self._of_mapping(args[0], args[1])
        if isinstance(origin, type):
            # Node[T] inside Node[T] itself is Node.
            return self._of_class(origin, () if args == getattr(origin, "__parameters__", None) else args)
        return _refuse(tp)

    def _of_tuple(self, args: tuple[Any, ...]) -> dict[str, Any]:
        if len(args) == 2 and args[1] is Ellipsis:
            return {"type": "array", "items": self.of(args[0])}
        size = {"minItems": len(args), "maxItems": len(args)}
        return {"type": "array", "prefixItems": [self.of(arg) for arg in args], **size} if args else size

    def _of_mapping(self, key: object, value: object) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "object", "additionalProperties": self.of(value)}
        names = self.of(key)
        if names.get("type") == "integer":
            schema["propertyNames"] = {"pattern": r"^-?\d+$"}
        elif names.get("type") != "string" and names:
            raise SchemaError(
                f"{_name(key)} cannot be a key of a JSON object", hint="use str, int or an enum of strings"
            )
        elif len(names) > 1:
            schema["propertyNames"] = {keyword: part for keyword, part in names.items() if keyword != "type"}
        return schema

    def _of_class(self, cls: type[Any], args: tuple[Any, ...]) -> dict[str, Any]:
        if cls in _LISTS or cls in _SETS or cls is tuple:
            return {"type": "array", "items": {}}
        if cls in DICTS:
            return {"type": "object"}
        if issubclass(cls, Enum):
            return {} if self._trusting and reads_values(cls) else _of_enum(cls)
        fields = fields_of(cls, args)
        if fields is None:
            simple = simple_kind(cls, _SIMPLE)
            return _refuse(cls) if simple is None else dict(simple)
        name = "_".join([cls.__name__, *map(_name, args)])
        about, _ = read_docstring(docstring_of(cls))
        return self._define((cls, args), name, lambda: self.object_of(fields, about))

    def _of_own(self, tp: object) -> dict[str, Any]:
        """Return pydantic's schema of a type that it reads, and add its definitions to ours."""
        schema = own_schema(tp)
        renamed = {
            name: name if self._definitions.get(name) == definition else definition_name(name, self._definitions)
            for name, definition in schema.get("$defs", {}).items()
        }
        schema = _rename_refs(schema, {f"#/$defs/{old}": f"#/$defs/{new}" for old, new in renamed.items()})
        for old, definition in schema.pop("$defs", {}).items():
            self._definitions[renamed[old]] = definition
        if typing.get_origin(tp) is typing.Annotated:
            return annotated(schema, [note for note in typing.get_args(tp) if isinstance(note, str | Mapping)])
        named = isinstance(tp, type) and "$ref" not in schema
        return self._define((tp, ()), _name(tp), lambda: schema) if named else schema

    def _define(self, key: object, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a reference to a definition, which is made on first use.

        key: what the definition is of.
        name: its name, made unique if it is taken.
        make: makes the definition; a class that it meets again while it runs is referred to.
        """
        if key not in self._names:
            self._names[key] = name = definition_name(name, self._definitions)
            self._definitions[name] = {}
            self._definitions[name] = make()
        return {"$ref": f"#/$defs/{self._names[key]}"}

    def _inline(self, schema: object, shared: set[str]) -> Any:
        """Return a copy with each reference replaced by its definition, unless that is in `shared`."""
        if not isinstance(schema, dict):
            return schema
        name = _definition_name(schema)
        if name is not None and name in self._definitions and name not in shared:
            siblings = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
            return {**self._inline(self._definitions[name], shared), **siblings}
        return with_parts(schema, lambda part: self._inline(part, shared))


_NO_JSON: Final = object()
_FORMS_OF_TYPES = ("typing", "typing_extensions", "types", "collections.abc")
"""The modules whose objects stand for types without being classes."""


def _name(tp: object) -> str:
    return str(getattr(tp, "__name__", tp))


def _refuse(tp: object) -> NoReturn:
    cls = type(tp)
    if cls is not type and cls.__module__ not in _FORMS_OF_TYPES and not isinstance(tp, type):
        hint = f"pass the class: {cls.__name__}" if cls.__module__ != "builtins" else "pass a type, or a JSON Schema"
        raise SchemaError(f"a schema cannot be an object of the class {cls.__name__}", hint=hint)
    raise SchemaError(
        f"{_name(tp)} has no JSON form",
        hint="use str, int, float, bool, None, list, dict, an enum, a dataclass, an attrs class, a TypedDict or a "
        "pydantic model, or pass a JSON Schema",
    )


def reads_values(cls: type[Enum]) -> bool:
    """Return whether an enum finds members itself for values that no member has."""
    return any("_missing_" in vars(base) for base in cls.__mro__ if base.__module__ != "enum")


def _of_enum(cls: type[Enum]) -> dict[str, Any]:
    about, _ = read_docstring(docstring_of(cls))
    if issubclass(cls, Flag):
        names = ", ".join(f"{member.value} is {name}" for name, member in cls.__members__.items())
        highest = sum({member.value for member in cls})
        values = {"type": "integer", "minimum": 0, "maximum": highest}
        return {**values, "description": f"{about}{about and ' '}The sum of any of these: {names}."}
    values = _of_values([member.value for member in cls], cls)
    return {**values, "description": about} if about else values


def _of_values(values: list[Any], tp: object) -> dict[str, Any]:
    plain = [value.value if isinstance(value, Enum) else value for value in values]
    kinds = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}
    if not all(type(value) in kinds for value in plain):
        raise SchemaError(f"{_name(tp)} has values without a JSON form", hint="give its members strings or numbers")
    names = list(dict.fromkeys(kinds[type(value)] for value in plain))
    schema: dict[str, Any] = {"type": names[0] if len(names) == 1 else names} if names else {}
    return {**schema, "const": plain[0]} if len(plain) == 1 else {**schema, "enum": plain}


def _as_json(value: object) -> Any:
    """Return a default as JSON, or _NO_JSON."""
    if isinstance(value, Enum):
        return _as_json(value.value)
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and abs(value) < float("inf")):
        return value
    if isinstance(value, list | tuple):
        parts = [_as_json(part) for part in value]
        return _NO_JSON if _NO_JSON in parts else parts
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        named = {key: _as_json(part) for key, part in value.items()}
        return _NO_JSON if any(part is _NO_JSON for part in named.values()) else named
    return _NO_JSON


def _definition_name(schema: JSONSchema) -> str | None:
    ref = schema.get("$ref")
    return ref.removeprefix("#/$defs/") if isinstance(ref, str) and ref.startswith("#/$defs/") else None


def _used_in(schema: Schema) -> list[str]:
    """Return the names of the definitions that a schema refers to, once for each reference."""
    return [name for node in objects_in(schema) if (name := _definition_name(node)) is not None]


def _rename_refs(schema: object, names: Mapping[str, str]) -> Any:
    if not isinstance(schema, dict):
        return schema
    copy = with_parts(schema, lambda part: _rename_refs(part, names))
    if copy.get("$ref") in names:
        copy["$ref"] = names[copy["$ref"]]
    mapping = copy.get("discriminator", {}).get("mapping") if isinstance(copy.get("discriminator"), dict) else None
    if mapping:
        copy["discriminator"] = {**copy["discriminator"], "mapping": {k: names.get(v, v) for k, v in mapping.items()}}
    return copy
