"""Read one schema at a time in a normal form.

`allOf` and what is beside a `$ref` are merged, `const` becomes an `enum`, a list of types or keywords beside a union
become a plain union, and an implied type is made explicit. So a dialect has only five kinds of schemas to write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from attrs import field, frozen

from ...json_types import Schema
from ..keywords import ANNOTATIONS, ONE, resolve_ref, subschemas, tokens_of
from ..keywords import pointer as pointer_of
from .merging import common_values, merge

# The type of the values that a keyword applies to.
APPLIES_TO: Final[dict[str, str]] = {
    **dict.fromkeys(
        [
            "properties",
            "required",
            "additionalProperties",
            "patternProperties",
            "propertyNames",
            "minProperties",
            "maxProperties",
            "unevaluatedProperties",
            "dependentRequired",
            "dependentSchemas",
        ],
        "object",
    ),
    **dict.fromkeys(
        [
            "items",
            "prefixItems",
            "minItems",
            "maxItems",
            "uniqueItems",
            "contains",
            "minContains",
            "maxContains",
            "unevaluatedItems",
        ],
        "array",
    ),
    **dict.fromkeys(["minLength", "maxLength", "pattern"], "string"),
    **dict.fromkeys(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"], "number"),
}
_UNIONS: Final = ("anyOf", "oneOf")
# A union of alternatives with none of these only restricts the keywords beside it.
_SHAPES: Final = frozenset(
    ["type", "properties", "items", "prefixItems", "$ref", "enum", "const", "anyOf", "oneOf", "allOf"]
)

ReportDropped = Callable[[str, str, str], None]


@frozen(eq=False, repr=False)
class SchemaView:
    """A schema in normal form."""

    kind: Literal["any", "never", "ref", "union", "one"]
    place: str
    """Its JSON pointer in the document."""
    annotations: dict[str, Any] = field(factory=dict)
    """Its keywords that do not restrict values: title, description, default."""
    ref: str = ""
    """Of a "ref": the reference."""
    alternatives: tuple[Schema, ...] = ()
    """Of a "union": its alternatives."""
    type: str = ""
    """Of a "one": its type."""
    keywords: dict[str, Any] = field(factory=dict)
    """Of a "one" or "any": its other keywords."""
    within: frozenset[str] = frozenset()
    """The references that were replaced by their targets around this schema; replacing them again would never end."""


class Reader:
    """A reader of the schemas of one document."""

    def __init__(self, root: Schema, report: ReportDropped = lambda *_: None) -> None:
        """Prepare to read.

        root: the whole document.
        report: is called with a JSON pointer, a keyword and a reason for anything that cannot be merged; does nothing
            by default.
        """
        self.root = root
        self._report = report
        self._places: dict[int, str] = {}
        self._made: list[dict[str, Any]] = []
        waiting: list[tuple[str, Any]] = [("", root)]
        while waiting:
            place, node = waiting.pop()
            if isinstance(node, dict):
                self._places[id(node)] = place
                waiting += [(place + step, part) for _, step, part in subschemas(node)]

    def read(self, schema: Schema, place: str = "", within: frozenset[str] = frozenset()) -> SchemaView:
        """Return the normal form of a schema.

        schema: the schema.
        place: its JSON pointer, if it is not part of the document itself.
        within: the references that were replaced by their targets around it.
        """
        if isinstance(schema, bool):
            return SchemaView("any" if schema else "never", place)
        place = self._place_of(schema, place)
        flat, within = self._flat(schema, place, within)
        if isinstance(flat, bool):
            return SchemaView("any" if flat else "never", place)
        annotations = {keyword: value for keyword, value in flat.items() if keyword in ANNOTATIONS}
        keywords = {keyword: value for keyword, value in flat.items() if keyword not in ANNOTATIONS}
        if "$ref" in keywords:
            return SchemaView("ref", place, annotations, ref=keywords["$ref"], within=within)
        if any(union in keywords for union in _UNIONS):
            alternatives = self._alternatives(keywords, place)
            if alternatives is not None:
                return SchemaView("union", place, annotations, alternatives=tuple(alternatives), within=within)
            keywords = {keyword: value for keyword, value in keywords.items() if keyword not in _UNIONS}
        return self._typed_view(keywords, annotations, place, within)

    def followed(self, schema: Schema) -> SchemaView:
        """Return the normal form of a schema after following its references: its kind is never "ref"."""
        view = self.read(schema)
        while view.kind == "ref":
            view = self.read(self.target(view.ref))
        return view

    def alternatives(self, schema: Schema) -> list[SchemaView]:
        """Return the alternatives of a schema in their order, with references followed and unions flattened."""
        found: list[SchemaView] = []
        waiting = [self.read(schema)]
        while waiting:
            view = waiting.pop()
            if view.kind == "ref":
                waiting.append(self.read(self.target(view.ref)))
            elif view.kind == "union":
                waiting += [self.read(part, within=view.within) for part in reversed(view.alternatives)]
            else:
                found.append(view)
        return found

    def target(self, ref: str) -> Schema:
        """Return the schema that a reference names."""
        return resolve_ref(self.root, ref)

    def nearest(self, pointer: str, refs: Mapping[str, str]) -> str:
        """Return the JSON pointer in this document that corresponds to one in a document written from it.

        pointer: the pointer in the written document.
        refs: the reference that each of its definitions was written for, by the definition's name.
        """
        place, node = "", self.root
        tokens = tokens_of(pointer)
        while tokens:
            if tokens[0] == "$defs":
                place, node = refs[tokens[1]][1:], self.target(refs[tokens[1]])
                tokens = tokens[2:]
                continue
            size = 1 if tokens[0] in ONE else 2
            step = pointer_of(tokens[:size])
            inner = {part: schema for _, part, schema in subschemas(node)} if isinstance(node, dict) else {}
            if step in inner:
                place, node = place + step, inner[step]
            elif tokens[0] != "anyOf":
                break
            tokens = tokens[size:]
        return place

    def _flat(
        self, schema: dict[str, Any], place: str, within: frozenset[str]
    ) -> tuple[dict[str, Any] | bool, frozenset[str]]:
        """Return the schema without `allOf`, and without `$ref` unless it has no other keywords but annotations."""
        parts: list[Schema] = list(schema.get("allOf", ()))
        own = {keyword: value for keyword, value in schema.items() if keyword not in ("allOf", "$ref")}
        if "$ref" in schema:
            parts.insert(0, {"$ref": schema["$ref"]})
        if not parts:
            return schema, within
        if all(keyword in ANNOTATIONS for keyword in own) and len(parts) == 1:
            if not isinstance(parts[0], dict):
                return parts[0], within
            if "$ref" in parts[0] and len(parts[0]) == 1:
                return {**own, **parts[0]}, within
            inner, within = self._flat(parts[0], place, within)
            return ({**inner, **own} if isinstance(inner, dict) else inner), within
        merged: dict[str, Any] | bool = own
        for part in parts:
            flat: dict[str, Any] | bool = part
            if isinstance(part, dict):
                flat, within = self._flat(part, self._place_of(part, place), within)
            if isinstance(flat, dict) and "$ref" in flat:
                ref: str = flat["$ref"]
                flat, within, again = self._resolve(ref, within)
                if again:
                    self._report(place, "$ref", "what stands beside a recursive reference is checked locally only")
                    return {"$ref": ref}, within
            if flat is False or merged is False:
                return False, within
            if isinstance(flat, dict) and isinstance(merged, dict):
                merged = merge(
                    merged, flat, lambda keyword: self._report(place, keyword, "two of them cannot be merged")
                )
        return merged, within

    def _place_of(self, schema: dict[str, Any], default: str) -> str:
        """Return the JSON pointer of a schema; of a merged one, that of its first part."""
        if id(schema) in self._places:
            return self._places[id(schema)]
        first = next((part for part in schema.get("allOf", ()) if isinstance(part, dict)), None)
        return default if first is None else self._place_of(first, default)

    def _resolve(self, ref: str, within: frozenset[str]) -> tuple[dict[str, Any] | bool, frozenset[str], bool]:
        """Return the target of a reference, the references replaced so far, and whether this is one of them."""
        while ref not in within:
            within = within | {ref}
            target = self.target(ref)
            if isinstance(target, bool):
                return target, within, False
            flat, within = self._flat(target, "", within)
            if isinstance(flat, bool) or "$ref" not in flat:
                return flat, within, False
            ref = flat["$ref"]
        return True, within, True

    def _alternatives(self, keywords: dict[str, Any], place: str) -> list[Schema] | None:
        """Return the alternatives merged with the keywords beside the union; None if they only restrict these."""
        union = "anyOf" if "anyOf" in keywords else "oneOf"
        alternatives: list[Schema] = keywords[union]
        others = {keyword: value for keyword, value in keywords.items() if keyword not in _UNIONS}
        if "oneOf" in keywords:
            if union == "anyOf":
                self._report(place, "oneOf", "it cannot stand beside 'anyOf'; checked locally")
            elif len(alternatives) > 1:
                self._report(place, "oneOf", "sent as 'anyOf'; that only one alternative fits is checked locally")
        if not others:
            return alternatives
        if not any(isinstance(part, dict) and _SHAPES & part.keys() for part in alternatives):
            self._report(place, union, "its alternatives only restrict the properties beside it; checked locally")
            return None
        return [self._new({"allOf": [others, part]}, f"{place}/{union}/{at}") for at, part in enumerate(alternatives)]

    def _typed_view(
        self, keywords: dict[str, Any], annotations: dict[str, Any], place: str, within: frozenset[str]
    ) -> SchemaView:
        types = keywords.get("type")
        types = [types] if isinstance(types, str) else list(types or ())
        values: list[Any] | None = keywords.get("enum")
        if "const" in keywords:
            const = [keywords["const"]]
            values = const if values is None else common_values(const, values)
        if values is not None:
            values = [value for value in values if not types or any(_is(value, name) for name in types)]
            types = list(dict.fromkeys(_type_of(value, types) for value in values))
            if not values:
                return SchemaView("never", place)
        elif not types:
            types = list(dict.fromkeys(APPLIES_TO[keyword] for keyword in keywords if keyword in APPLIES_TO))
            if not types and "format" in keywords:
                types = ["string"]
        if "number" in types and "integer" in types:
            types.remove("integer")
        if not types:
            return SchemaView("any", place, annotations, keywords=keywords, within=within)
        parts = [_only(keywords, name, values) for name in types]
        if len(types) == 1:
            keywords = _with_max_items(parts[0])
            return SchemaView("one", place, annotations, type=types[0], keywords=keywords, within=within)
        made = tuple(self._new({"type": name, **part}, place) for name, part in zip(types, parts, strict=True))
        return SchemaView("union", place, annotations, alternatives=made, within=within)

    def _new(self, schema: dict[str, Any], place: str) -> dict[str, Any]:
        # Keep it, so that no other object can get its id.
        self._made.append(schema)
        self._places[id(schema)] = place
        return schema


def _with_max_items(keywords: dict[str, Any]) -> dict[str, Any]:
    """Add the `maxItems` that a list without further items has."""
    if keywords.get("items") is not False:
        return keywords
    size = len(keywords.get("prefixItems", ()))
    return {**keywords, "maxItems": min(size, keywords.get("maxItems", size))}


def _is(value: object, name: str) -> bool:
    kind = _type_of(value, ["number"])
    return kind == name or (name == "integer" and _type_of(value, []) == "integer")


_NAMES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def _type_of(value: object, types: Sequence[str]) -> str:
    if type(value) is int or (type(value) is float and value.is_integer()):
        return "number" if "number" in types else "integer"
    return _NAMES[type(value)]


def _only(keywords: dict[str, Any], name: str, values: list[Any] | None) -> dict[str, Any]:
    """Return the keywords that apply to values of this type."""
    kind = "number" if name == "integer" else name
    enum = {} if values is None or name == "null" else {"enum": [value for value in values if _is(value, name)]}
    return enum | {
        keyword: value
        for keyword, value in keywords.items()
        if keyword not in ("type", "enum", "const") and APPLIES_TO.get(keyword, kind) == kind
    }
