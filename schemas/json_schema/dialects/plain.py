"""The whole of JSON Schema, for wires that take it but do not enforce it: only the root is bent into one object."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

from ...errors import SchemaError
from ..check import content_of, prepare
from ..keywords import Schema, subschemas
from . import Dialected, Dropped
from .reading import Reader, View


def to_dialect(schema: Any) -> Dialected:
    """The schema as draft 2020-12 with an object at the root; `strict` is always False.

    A union at the root, which OpenAI and Anthropic refuse for a tool, becomes one object with the properties of all
    alternatives. Raises SchemaError when the root cannot be an object; `root.in_object` wraps such a schema.
    """
    return _spoken(content_of(schema))


@lru_cache(maxsize=256)
def _spoken(content: bytes) -> Dialected:
    return as_plain(prepare(content))


def as_plain(root: Schema) -> Dialected:
    """As `to_dialect`, of a schema that has been prepared."""
    dropped: list[Dropped] = []
    reader = Reader(root, lambda *what: dropped.append(Dropped(*what)))
    view = reader.read(root)
    while view.kind == "ref":
        view = reader.read(reader.target(view.ref))
    if view.kind == "any":
        written: dict[str, Any] = {**view.remarks, "type": "object", **view.words}
    elif view.kind == "union":
        dropped.append(
            Dropped("", "anyOf", "the root must be one object: sent with the properties of each alternative")
        )
        written = {"type": "object", **view.remarks, **_joined(reader, view)}
    elif view.type == "object":
        written = {"type": "object", **view.remarks, **view.words}
    else:
        raise SchemaError("the root of the schema must be an object", hint="wrap it with json_schema.root.in_object")
    if isinstance(root, dict):
        written |= {word: root[word] for word in ("$defs", "definitions") if word in root}
    written = copy.deepcopy(written)
    _give_items(written)
    return Dialected(written, tuple(dict.fromkeys(dropped)), strict=False)


def _joined(reader: Reader, union: View) -> dict[str, Any]:
    """One object that admits each of the alternatives."""
    properties: dict[str, list[Any]] = {}
    required: list[set[str]] = []
    waiting = list(union.alternatives)
    while waiting:
        view = reader.read(waiting.pop(0))
        while view.kind == "ref":
            view = reader.read(reader.target(view.ref))
        if view.kind == "union":
            waiting = [*view.alternatives, *waiting]
        elif view.kind == "any":
            return {}
        elif view.type == "object":
            required.append(set(view.words.get("required", ())))
            for name, part in view.words.get("properties", {}).items():
                if part is not False:
                    known = properties.setdefault(name, [])
                    known += [part] if part not in known else []
    if not required:
        raise SchemaError("the root of the schema must be an object", hint="wrap it with json_schema.root.in_object")
    everywhere = set.intersection(*required)
    joined: dict[str, Any] = {
        "properties": {name: parts[0] if len(parts) == 1 else {"anyOf": parts} for name, parts in properties.items()}
    }
    return joined | ({"required": [name for name in properties if name in everywhere]} if everywhere else {})


def _give_items(written: dict[str, Any]) -> None:
    """OpenAI refuses an array that does not speak of its items, even unenforced."""
    waiting: list[Any] = [written]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            types = node.get("type")
            if (types == "array" or (isinstance(types, list) and "array" in types)) and "prefixItems" not in node:
                node.setdefault("items", {})
            waiting += [part for _, _, part in subschemas(node)]
