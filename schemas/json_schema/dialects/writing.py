"""Write a schema in a dialect, by the rules of that dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from math import ceil, floor
from typing import Any, Final, Literal

from attrs import evolve, frozen

from ...errors import SchemaError
from ...json_text import short_json
from ...json_types import JSONSchema, Schema
from ..keywords import definition_name, escape
from ..safety import SCHEMAS, content_of, schema_from_json
from . import Dialected, Dropped
from .reading import Reader, SchemaView

MAX_WRITTEN: Final = 30_000

# Keywords that the writer itself writes or reports.
_STRUCTURE: Final = frozenset(
    [
        "properties",
        "required",
        "additionalProperties",
        "unevaluatedProperties",
        "patternProperties",
        "items",
        "prefixItems",
        "enum",
    ]
)
_ANNOTATIONS: Final = ("title", "description")
_INCLUSIVE: Final = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_MENTIONED: Final = ("default", "contentEncoding")


@frozen(eq=False, repr=False)
class Dialect:
    """What a dialect of JSON Schema can express. Called with a schema, it writes that schema in the dialect."""

    name: str
    """How messages name the dialect."""
    keywords: Mapping[str, frozenset[str]]
    """The keywords that it accepts for each type, beside the structural ones."""
    formats: Mapping[str, frozenset[str]]
    """The values of `format` that it accepts for each type."""
    admit: Callable[[str, Any, str], str | None] = lambda keyword, value, type: None
    """Returns why an accepted keyword cannot be sent with this value for this type, or None."""
    enums: frozenset[str] = frozenset({"string", "number", "integer", "boolean"})
    """The types whose values may be listed in an `enum`."""
    anything: JSONSchema | None = None
    """The schema that comes closest to allowing any value."""
    any_value: bool = False
    """Whether `anything` really allows any value."""
    closed: bool = False
    """Objects must have `additionalProperties: false`."""
    all_required: bool = False
    """All properties must be required; optional ones may be null."""
    maps: bool = False
    """Objects may have a schema for properties of any name."""
    tuples: Literal["none", "any", "exact"] = "none"
    """Which `prefixItems` it accepts: none, any, or only those of lists of exactly that length."""
    references: bool = True
    """It accepts `$ref` and `$defs`."""
    recursion: bool = True
    """It accepts recursive references."""
    annotations_beside_references: bool = False
    """Write the title and description of a `$ref` beside an `anyOf` around it; otherwise leave them out."""
    annotations_beside_unions: bool = True
    """It accepts a title and description beside `anyOf`."""
    alone: tuple[str, ...] = ()
    """Keywords beside which it ignores all others; the first that is sent counts."""
    nullable: Literal["union", "flag"] = "union"
    """How null is allowed: as one more alternative, or by `nullable: true`."""
    object_root: bool = False
    """The root must be an object."""
    ordering: str = ""
    """The keyword, if any, that lists the names of an object's properties in their order."""
    hints: bool = True
    """Mention in descriptions what cannot be expressed."""
    fall_back: Callable[[Schema], Dialected] | None = None
    """Writes what is sent instead if the dialect cannot be enforced."""
    limits: Callable[[dict[str, Any]], list[Dropped]] = lambda schema: []
    """Returns what of a written schema exceeds the dialect's limits of size."""

    def __call__(self, schema: object) -> Dialected:
        """Return the schema in this dialect. Raises SchemaError for a schema that cannot be used at all."""
        return _written[content_of(schema), self]


@SCHEMAS.memo
def _written(key: tuple[bytes, Dialect]) -> Dialected:
    content, dialect = key
    root = schema_from_json[content]
    writer = _Writer(root, dialect)
    try:
        written = writer.document()
    except RecursionError:
        raise SchemaError(f"the schema is nested too deeply for {dialect.name}") from None
    strict = not writer.broken
    if not strict and dialect.fall_back is not None:
        instead = dialect.fall_back(root)
        return Dialected(instead.schema, tuple(dict.fromkeys((*writer.broken, *instead.dropped))), strict=False)
    return Dialected(written, tuple(dict.fromkeys(writer.dropped)), strict)


class _Writer:
    """A writer of one document, which collects what the dialect cannot express."""

    def __init__(self, root: Schema, dialect: Dialect) -> None:
        self.dialect = dialect
        self.dropped: list[Dropped] = []
        self.broken: list[Dropped] = []
        self._reader = Reader(root, self.drop)
        self._root = root
        self._names: dict[str, str] = {}
        self._definitions: dict[str, Any] = {}
        self._open: set[str] = set()
        self._written = 0

    def drop(self, pointer: str, keyword: str, why: str) -> None:
        """Note a requirement that is not sent: answers may violate it, and are checked locally."""
        self.dropped.append(Dropped(pointer, keyword, why))

    def loosen(self, pointer: str, keyword: str, why: str) -> None:
        """Note that the written schema forbids answers that the original allows, so that it must not be enforced."""
        self.drop(pointer, keyword, why)
        self.broken.append(self.dropped[-1])

    def document(self) -> dict[str, Any]:
        """Write the document."""
        view = self._reader.read(self._root)
        if view.kind == "ref" and (self.dialect.object_root or not self.dialect.references):
            view = self._resolve(view)
        if self.dialect.object_root and view.type != "object":
            self.loosen("", next(iter(view.keywords), "type"), "the root must be one plain object")
        written = self._view(view)
        if self._definitions:
            written["$defs"] = self._definitions
        if not self.broken:
            refs = {name: ref for ref, name in self._names.items()}
            for place, keyword, why in self.dialect.limits(written):
                self.loosen(self._reader.nearest(place, refs), keyword, why)
        return written

    def _resolve(self, view: SchemaView) -> SchemaView:
        """Return the target of a reference in its place, with the annotations beside the reference, if any."""
        while view.kind == "ref" and view.ref not in view.within:
            inner = self._reader.read(self._reader.target(view.ref), within=view.within | {view.ref})
            view = evolve(inner, annotations={**inner.annotations, **view.annotations})
        return view

    def _schema(self, schema: Schema, view: SchemaView, step: str) -> dict[str, Any]:
        return self._view(self._reader.read(schema, view.place + step, view.within))

    def _view(self, view: SchemaView) -> dict[str, Any]:
        self._written += 1
        if self._written > MAX_WRITTEN:
            raise SchemaError(f"the schema is too large for {self.dialect.name} once its references are written out")
        if view.kind == "ref":
            return self._reference(view)
        if view.kind == "union":
            return self._union(view)
        if view.kind == "never":
            self.loosen(view.place, "not", "no value is allowed here")
            return {"type": "string"}
        if view.kind == "any":
            return self._anything(view)
        if view.type == "null" and self.dialect.nullable == "flag":
            return self._add_annotations(view, self._null(view), [])
        hints: list[str] = []
        written: dict[str, Any] = {"type": view.type}
        if view.type == "object":
            self._object(view, written)
        elif view.type == "array":
            self._array(view, written)
        self._enum(view, written, hints)
        self._keywords(view, written, hints)
        self._drop_ignored(view, written)
        return self._add_annotations(view, written, hints)

    def _anything(self, view: SchemaView) -> dict[str, Any]:
        if not self.dialect.any_value:
            self.loosen(view.place, "type", f"{self.dialect.name} cannot say that any value is allowed")
        for keyword in view.keywords:
            self.drop(view.place, keyword, "checked locally")
        return self._add_annotations(view, dict(self.dialect.anything or {}), [])

    def _reference(self, view: SchemaView) -> dict[str, Any]:
        if self.dialect.references:
            if not self.dialect.recursion and view.ref in self._open:
                self.loosen(view.place, "$ref", f"{self.dialect.name} does not take recursive schemas")
            return self._add_annotations(view, {"$ref": f"#/$defs/{self._define(view.ref)}"}, [])
        if view.ref in view.within:
            self.loosen(view.place, "$ref", f"{self.dialect.name} does not take recursive schemas")
            return self._add_annotations(view, {"type": "object"}, [])
        return self._view(self._resolve(view))

    def _define(self, ref: str) -> str:
        if ref not in self._names:
            self._names[ref] = name = definition_name(ref.rpartition("/")[2].lstrip("#") or "root", self._definitions)
            self._definitions[name] = {}
            self._open.add(ref)
            self._definitions[name] = self._view(self._reader.read(self._reader.target(ref)))
            self._open.discard(ref)
        return self._names[ref]

    def _union(self, view: SchemaView) -> dict[str, Any]:
        branches: list[dict[str, Any]] = []
        null = False
        for at, alternative in enumerate(view.alternatives):
            inner = self._reader.read(alternative, f"{view.place}/anyOf/{at}", view.within)
            if inner.kind == "never":
                continue
            if inner.type == "null" and self.dialect.nullable == "flag":
                null = True
                continue
            written = self._view(inner)
            nested = written.get("anyOf") if written.keys() == {"anyOf"} else None
            branches += [branch for branch in nested or [written] if branch not in branches]
        if null:
            branches = [{**branch, "nullable": True} for branch in branches] or [self._null(view)]
        if not branches:
            return self._view(SchemaView("never", view.place))
        return self._add_annotations(view, branches[0] if len(branches) == 1 else {"anyOf": branches}, [])

    def _null(self, view: SchemaView) -> dict[str, Any]:
        self.drop(view.place, "type", f"{self.dialect.name} has no null by itself; sent as a string that may be null")
        return {"type": "string", "nullable": True}

    def _object(self, view: SchemaView, written: dict[str, Any]) -> None:
        dialect = self.dialect
        required = list(dict.fromkeys(view.keywords.get("required", ())))
        views = {
            name: self._reader.read(part, f"{view.place}/properties/{escape(name)}", view.within)
            for name, part in view.keywords.get("properties", {}).items()
        }
        parts = {name: self._view(part) for name, part in views.items() if part.kind != "never"}
        self._unnamed_properties(view, written, parts.keys(), required)
        if parts or dialect.closed:
            written["properties"] = parts
        if dialect.all_required:
            written["properties"] = {n: part if n in required else _or_null(part) for n, part in parts.items()}
            required = list(parts)
        elif set(required) - parts.keys():
            self.drop(view.place, "required", "it names properties that 'properties' does not; checked locally")
            required = [name for name in required if name in parts]
        if required or dialect.all_required:
            written["required"] = required
        if dialect.closed:
            written["additionalProperties"] = False
        if dialect.ordering and len(parts) > 1:
            written[dialect.ordering] = list(parts)

    def _unnamed_properties(
        self, view: SchemaView, written: dict[str, Any], named: Set[str], required: Iterable[str]
    ) -> None:
        """Express that an object may have further properties, or report that the dialect cannot."""
        keywords, dialect = view.keywords, self.dialect
        keyword = "patternProperties" if "patternProperties" in keywords else "additionalProperties"
        extra = keywords.get("additionalProperties", keywords.get("unevaluatedProperties"))
        if keyword == "patternProperties" or (extra is None and "properties" not in keywords):
            extra = True
        if dialect.maps:
            if keyword == "patternProperties":
                self.drop(view.place, keyword, "sent as properties of any name; checked locally")
            if isinstance(extra, dict):
                written["additionalProperties"] = self._schema(extra, view, "/additionalProperties")
            elif extra is not None:
                written["additionalProperties"] = extra
            return
        if extra is not None and extra is not False:
            self.loosen(view.place, keyword, f"{dialect.name} cannot say that properties of any name are allowed")
        conditional = [keywords.get("then"), keywords.get("else"), *keywords.get("dependentSchemas", {}).values()]
        if set(required).union(*map(_names_in, conditional)) - named:
            self.loosen(view.place, "properties", "properties are required that 'properties' does not name")

    def _array(self, view: SchemaView, written: dict[str, Any]) -> None:
        prefix: list[Schema] = view.keywords.get("prefixItems", [])
        rest: Schema = view.keywords.get("items", not prefix)
        parts = [self._schema(part, view, f"/prefixItems/{at}") for at, part in enumerate(prefix)]
        size = view.keywords.get("minItems"), view.keywords.get("maxItems")
        if prefix and (self.dialect.tuples == "any" or (self.dialect.tuples == "exact" and size == (len(prefix),) * 2)):
            written["prefixItems"] = parts
            if isinstance(rest, dict) and self.dialect.tuples == "any":
                written["items"] = self._schema(rest, view, "/items")
            return
        if prefix:
            self.drop(view.place, "prefixItems", "sent as a list of any of its items; checked locally")
        if rest is True and not self.dialect.any_value:
            self.loosen(view.place, "items", f"{self.dialect.name} cannot say that any item is allowed")
            parts.append(dict(self.dialect.anything or {}))
        elif rest is not False:
            parts.append(self._schema(rest, view, "/items"))
        if not parts:
            # The list may have no items at all, but every dialect requires their type.
            parts = [{"type": "string"}]
        unique = [part for at, part in enumerate(parts) if part not in parts[:at]]
        written["items"] = unique[0] if len(unique) == 1 else {"anyOf": unique}

    def _enum(self, view: SchemaView, written: dict[str, Any], hints: list[str]) -> None:
        values = view.keywords.get("enum")
        if values is None:
            return
        why: str | None = f"{self.dialect.name} takes no list of {view.type} values; checked locally"
        if view.type in self.dialect.enums and (why := self.dialect.admit("enum", values, view.type)) is None:
            written["enum"] = values
            return
        self.drop(view.place, "enum", why or "")
        hints.append(f"one of {', '.join(map(short_json, values))}")
        if view.type in ("integer", "number") and "minimum" in self.dialect.keywords[view.type]:
            written["minimum"], written["maximum"] = min(values), max(values)

    def _keywords(self, view: SchemaView, written: dict[str, Any], hints: list[str]) -> None:
        """Write the keywords that the dialect accepts, and report the others."""
        dialect = self.dialect
        allowed = dialect.keywords.get(view.type, frozenset())
        for keyword, value in view.keywords.items():
            if keyword in _STRUCTURE:
                continue
            if (inclusive := _INCLUSIVE.get(keyword)) and keyword not in allowed and inclusive in allowed:
                keyword, value = inclusive, self._inclusive_bound(view, keyword, value)
                tighter = max if keyword == "minimum" else min
                value = tighter(value, view.keywords.get(keyword, value))
            if keyword == "format":
                known = value in dialect.formats.get(view.type, ())
                why = None if known else f"{dialect.name} does not know this format; checked locally"
            elif keyword in allowed:
                why = dialect.admit(keyword, value, view.type)
            else:
                why = f"{dialect.name} has no such keyword; checked locally"
            if why is None:
                written[keyword] = value
            else:
                self.drop(view.place, keyword, why)
                if not isinstance(value, dict | list):
                    hints.append(f"{keyword}: {short_json(value)}")

    def _drop_ignored(self, view: SchemaView, written: dict[str, Any]) -> None:
        """Drop the keywords that the dialect ignores next to a stronger one."""
        strongest = next((keyword for keyword in self.dialect.alone if keyword in written), None)
        for keyword in list(written) if strongest else ():
            if keyword not in ("type", strongest):
                del written[keyword]
                self.drop(view.place, keyword, f"{self.dialect.name} ignores it beside '{strongest}'; checked locally")

    def _inclusive_bound(self, view: SchemaView, keyword: str, bound: float) -> float:
        """Return the inclusive bound for an exclusive one, which is exact for integers only."""
        if view.type == "integer":
            return floor(bound) + 1 if keyword == "exclusiveMinimum" else ceil(bound) - 1
        self.drop(view.place, keyword, f"{self.dialect.name} has only inclusive bounds; checked locally")
        return bound

    def _annotations(self, view: SchemaView, hints: list[str]) -> dict[str, Any]:
        """Return title and description; the latter mentions to the model what the dialect cannot express."""
        known = view.annotations
        annotations: dict[str, Any] = {keyword: known[keyword] for keyword in _ANNOTATIONS if keyword in known}
        notes = [f"{word}: {short_json(known[word])}" for word in _MENTIONED if known.get(word) is not None]
        if self.dialect.hints and (hints or notes):
            annotations["description"] = f"{known.get('description', '')} ({'; '.join([*hints, *notes])})".lstrip()
        return annotations

    def _add_annotations(self, view: SchemaView, written: dict[str, Any], hints: list[str]) -> dict[str, Any]:
        """Add title and description: beside what is written, or where the dialect takes them."""
        annotations = self._annotations(view, hints)
        if "$ref" in written and (not annotations or not self.dialect.annotations_beside_references):
            return written
        if "$ref" in written:
            return {"anyOf": [written], **annotations}
        if "anyOf" in written and not self.dialect.annotations_beside_unions:
            return {**written, "anyOf": [{**annotations, **branch} for branch in written["anyOf"]]}
        if written.get("description", "").startswith("(") and "description" in annotations:
            annotations["description"] += f" {written['description']}"
        return {**written, **annotations}


def _or_null(written: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that allows null, too."""
    if written.get("type") == "null" or {"type": "null"} in written.get("anyOf", ()):
        return written
    annotations: dict[str, Any] = {keyword: written[keyword] for keyword in _ANNOTATIONS if keyword in written}
    bare = {keyword: value for keyword, value in written.items() if keyword not in annotations}
    branches = bare["anyOf"] if bare.keys() == {"anyOf"} else [bare]
    return {"anyOf": [*branches, {"type": "null"}], **annotations}


def _names_in(schema: object) -> set[str]:
    """Return the properties that a conditional schema names."""
    return {*schema.get("properties", {}), *schema.get("required", ())} if isinstance(schema, dict) else set()
