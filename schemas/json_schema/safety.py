"""Check that a schema is safe to use: its size, depth, references, cycles and patterns.

A schema may come from an untrusted source (an MCP server, a model, a request), so nothing here follows a reference out
of the document, recurses on its input, or runs a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite
from typing import Any, Final, NamedTuple, TypeGuard
from urllib.parse import unquote

from ..errors import SchemaError
from ..json_text import PASSTHROUGH_DATACLASS, PASSTHROUGH_DATETIME, PASSTHROUGH_SUBCLASS, dumps, loads, spaced
from ..json_types import Schema
from ..memo import Memos
from ..regex import backtracks_little, compile_pattern
from .depth import MAX_VALUE_DEPTH
from .keywords import AN_OBJECT, ANNOTATIONS, IN_PLACE, LISTS, MAPS, ONE, TYPES, escape, resolve_ref, subschemas

MAX_BYTES: Final = 2_000_000
MAX_NODES: Final = 100_000
MAX_DEPTH: Final = 64
MAX_EXPANDED: Final = 5_000
"""How many schemas may apply to one value, each counted as often as references lead to it."""

_NUMBERS = frozenset(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"])
_COUNTS = frozenset(
    ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains"]
)
_STRINGS = frozenset(
    ["$ref", "$anchor", "pattern", "format", "title", "description", "contentEncoding", "contentMediaType"]
)
# Up to draft 7, a reference stands for its whole schema: https://json-schema.org/draft-07/json-schema-core#section-8.3
_OLD_DRAFT = re.compile(r"draft-0[3-7]\b")
_BESIDE_REFERENCES = frozenset(["$ref", "$defs", "definitions", "title", "description", "default", "examples"])
_PLAIN = PASSTHROUGH_DATACLASS | PASSTHROUGH_DATETIME | PASSTHROUGH_SUBCLASS


def checked_schema(schema: object) -> Schema:
    """Check that a schema is well formed and safe to use, and return a copy of it in draft 2020-12.

    The copy is shared by all callers and must not be changed: `$id` and `$schema` are removed, anchors are replaced by
    pointers, and tuples, dependencies and exclusive bounds of older drafts are rewritten.

    Raises SchemaError, with the place, for schemas over 2 MB, 100,000 values or 64 levels; references to other
    documents (nothing is fetched) or to nothing; references that lead back to themselves for the same value, or that
    multiply until more than 5,000 schemas would have to be matched against one value; malformed keywords; patterns that
    cannot be matched in time linear in the text.
    """
    return schema_from_json[content_of(schema)]


SCHEMAS = Memos(4096)
"""What is known of schemas by their content. One call may have more tools than that: `SCHEMAS.hold`."""


def content_of(schema: object) -> bytes:
    """Return the schema as JSON, the key under which equal schemas are checked and compiled only once."""
    if not isinstance(schema, dict | bool):
        raise SchemaError(f"a JSON Schema is a dict or a bool, not {type(schema).__name__}")
    try:
        content = dumps(schema, option=_PLAIN)
    except (TypeError, ValueError):
        # Too deep, cyclic or not JSON.
        _require_json(schema)
        return spaced(schema, ascii=True).encode()
    if b"null" in content:  # NaN is written as null
        _require_json(schema)
    return memoryview(content).tobytes()  # as json_text.trimmed does


@SCHEMAS.memo
def schema_from_json(content: bytes) -> Schema:
    """Return the checked schema of JSON that `content_of` wrote; see `checked_schema`."""
    if len(content) > MAX_BYTES:
        raise SchemaError(f"the schema is {len(content):,} bytes long; the limit is {MAX_BYTES:,}")
    root: Schema = loads(content)
    if isinstance(root, bool):
        return root
    _require_json(root)
    alone = _OLD_DRAFT.search(str(root.get("$schema"))) is not None
    found = _modernise(root, "", alone)
    _resolve_references(root, found, alone)
    _bound_matching(root, found)
    return root


def _require_json(root: object) -> None:
    waiting: list[tuple[Any, int]] = [(root, 1)]
    count = 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if depth > MAX_VALUE_DEPTH:
            raise SchemaError(f"the schema is nested more than {MAX_VALUE_DEPTH} values deep")
        if count > MAX_NODES:
            raise SchemaError(f"the schema has more than {MAX_NODES:,} values")
        if isinstance(node, dict):
            if not all(isinstance(key, str) for key in node):
                raise SchemaError("the schema has a key that is not a string")
            waiting += [(part, depth + 1) for part in node.values()]
        elif isinstance(node, list | tuple):
            waiting += [(part, depth + 1) for part in node]
        elif isinstance(node, float):
            if not isfinite(node):
                raise SchemaError("the schema has a number that JSON cannot write (NaN or infinity)")
        elif node is not None and not isinstance(node, str | int):
            raise SchemaError(f"the schema has a value that JSON cannot write: a {type(node).__name__}", hint=AN_OBJECT)


class _Found(NamedTuple):
    pointer: str
    schema: dict[str, Any]


def _modernise(top: dict[str, Any], where: str, alone: bool) -> list[_Found]:
    """Rewrite older drafts in place, check the form of each keyword, and list every schema with its JSON pointer."""
    found: list[_Found] = []
    waiting: list[tuple[str, Schema, int]] = [(where, top, 1)]
    while waiting:
        place, node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise SchemaError(f"the schema is nested more than {MAX_DEPTH} schemas deep")
        if isinstance(node, bool):
            continue
        _rewrite_older_drafts(node)
        if alone and "$ref" in node:
            for keyword in node.keys() - _BESIDE_REFERENCES:
                del node[keyword]
        for keyword, value in node.items():
            is_right, complaint = FORMS.get(keyword, _ANYTHING)
            if not is_right(value):
                raise SchemaError(f"the schema is malformed at {place}/{escape(keyword)}: {complaint}")
        found.append(_Found(place, node))
        waiting += [(place + step, part, depth + 1) for _, step, part in subschemas(node)]
    return found


def _rewrite_older_drafts(node: dict[str, Any]) -> None:
    node.pop("$id", None)
    node.pop("$schema", None)
    if isinstance(node.get("items"), list):
        node["prefixItems"] = node.pop("items")
        if "additionalItems" in node:
            node["items"] = node.pop("additionalItems")
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(node.get(exclusive), bool) and node.pop(exclusive) and inclusive in node:
            node[exclusive] = node.pop(inclusive)
    if node.pop("nullable", None) is True:
        _allow_null(node)
    if isinstance(enum := node.get("enum"), list) and len(enum) > 1:
        node["enum"] = list({dumps(value): value for value in enum}.values())  # some vendors refuse a value twice
    for name, needs in (node.pop("dependencies") if isinstance(node.get("dependencies"), dict) else {}).items():
        kind = "dependentRequired" if isinstance(needs, list) else "dependentSchemas"
        node.setdefault(kind, {})[name] = needs


def _allow_null(node: dict[str, Any]) -> None:
    """Write OpenAPI's `nullable: true`, which Gemini's Schema has, too, as JSON Schema does."""
    if not {"$ref", *IN_PLACE}.isdisjoint(node):
        inner = {keyword: node.pop(keyword) for keyword in list(node) if keyword not in ANNOTATIONS}
        node["anyOf"] = [inner, {"type": "null"}]
    elif "type" in node:
        types = node["type"] if isinstance(node["type"], list) else [node["type"]]
        node["type"] = list(dict.fromkeys([*types, "null"]))
        if isinstance(node.get("enum"), list):
            node["enum"].append(None)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_schema(value: object) -> bool:
    return isinstance(value, dict | bool)


def _list_of(fits: Callable[[Any], bool], *, at_least: int = 0) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and len(value) >= at_least and all(map(fits, value))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_is_type = TYPES.__contains__
FORMS: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    **dict.fromkeys(
        MAPS,
        (lambda value: isinstance(value, dict) and all(map(_is_schema, value.values())), "must map names to schemas"),
    ),
    **dict.fromkeys(LISTS, (_list_of(_is_schema, at_least=1), "must be a list of at least one schema")),
    **dict.fromkeys(ONE, (_is_schema, "must be a schema")),
    **dict.fromkeys(_STRINGS, (_is_text, "must be a string")),
    **dict.fromkeys(_NUMBERS, (_is_number, "must be a number")),
    # 3.0 is a count, too: JSON has only one kind of number.
    **dict.fromkeys(
        _COUNTS,
        (
            lambda value: _is_number(value) and value >= 0 and value == int(value),
            "must be a whole number, 0 or more",
        ),
    ),
    **dict.fromkeys(["$dynamicRef", "$recursiveRef"], (lambda value: False, "is not supported; use '$ref'")),
    "type": (
        lambda value: _is_type(value) if _is_text(value) else _list_of(_is_type, at_least=1)(value),
        f"must be one of {', '.join(TYPES)}, or a list of them",
    ),
    "enum": (lambda value: isinstance(value, list) and bool(value), "must be a list with at least one value"),
    "required": (_list_of(_is_text), "must be a list of property names"),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "must be a number above 0"),
    "dependentRequired": (
        lambda value: isinstance(value, dict) and all(isinstance(needs, list) for needs in value.values()),
        "must map names to lists of names",
    ),
}
"""The form of each keyword's value: the test for it, and the complaint."""
_ANYTHING: Final = (lambda value: True, "")


def _resolve_references(root: dict[str, Any], found: list[_Found], alone: bool) -> None:
    """Replace anchors by pointers, refuse references to other documents or to nothing, and compile the patterns."""
    anchors = {anchor: one.pointer for one in found if (anchor := one.schema.pop("$anchor", None)) is not None}
    places = {id(one.schema) for one in found}
    # `found` grows during the loop: a reference may point to a schema under an unknown keyword.
    for one in found:
        _compile_patterns(one)
        if "$ref" not in one.schema:
            continue
        ref: str = one.schema["$ref"]
        if not ref.startswith("#"):
            raise SchemaError(
                f"the schema refers to another document at {one.pointer}/$ref; nothing was fetched",
                hint="copy that schema under '$defs' and refer to it as '#/$defs/...'",
            )
        name = unquote(ref[1:])
        if name and not name.startswith("/"):
            if name not in anchors:
                raise SchemaError(f"the reference {ref[:80]!r} names an anchor that the schema does not have")
            name = anchors[name]
        one.schema["$ref"] = f"#{name}"
        target = resolve_ref(root, one.schema["$ref"])
        if isinstance(target, dict) and id(target) not in places:
            more = _modernise(target, name, alone)
            places.update(id(each.schema) for each in more)
            found += more


def _compile_patterns(one: _Found) -> None:
    if "pattern" in one.schema:
        compile_pattern(one.schema["pattern"], f"{one.pointer}/pattern")
    for pattern in one.schema.get("patternProperties", ()):
        compile_pattern(pattern, f"{one.pointer}/patternProperties")
        if "unevaluatedProperties" in one.schema and not backtracks_little(pattern):
            # jsonschema searches these names with `re`, which cannot be changed.
            raise SchemaError(
                f"the pattern at {one.pointer}/patternProperties cannot be matched in bounded time beside "
                "'unevaluatedProperties'",
                hint="use 'additionalProperties' instead",
            )


def _bound_matching(root: dict[str, Any], places: list[_Found]) -> None:
    """Refuse references that lead back to the same schema for the same value, and those that multiply.

    With the former, matching would never end; with the latter, it would take too long.
    """
    counts: dict[int, int] = {}  # by schema: how many are matched against its value, this one and all that it leads to
    for start in places:
        open_now: set[int] = set()
        waiting: list[tuple[dict[str, Any], list[dict[str, Any]] | None]] = [(start.schema, None)]
        while waiting:
            node, led_to = waiting.pop()
            if led_to is not None:
                open_now.discard(id(node))
                counts[id(node)] = count = 1 + sum(counts[id(target)] for target in led_to)
                if count > MAX_EXPANDED:
                    raise SchemaError(
                        f"the schema at '#{_place(node, places)}' leads to more than {MAX_EXPANDED:,} others to be "
                        "matched against the same value",
                        hint="refer to each alternative once",
                    )
            elif id(node) in open_now:
                raise SchemaError(f"the schema at '#{_place(node, places)}' refers back to itself without end")
            elif id(node) not in counts:
                open_now.add(id(node))
                targets = _same_value(root, node)
                waiting.append((node, targets))
                waiting += [(target, None) for target in targets]


def _place(node: dict[str, Any], places: list[_Found]) -> str:
    return next(one.pointer for one in places if one.schema is node)


def _same_value(root: dict[str, Any], node: dict[str, Any]) -> list[dict[str, Any]]:
    targets = [part for keyword, _, part in subschemas(node) if keyword in IN_PLACE]
    if "$ref" in node:
        targets.append(resolve_ref(root, node["$ref"]))
    return [target for target in targets if isinstance(target, dict)]
