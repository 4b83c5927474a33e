"""Properties of every vendor's schema dialect."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from jsonschema import Draft202012Validator
from schema_table import Case

from stepwell.schemas.json_schema.dialects import Dialected

Dialect = Callable[[Any], Dialected]

# Cases whose respelling from an older draft moves what a pointer names.
RESPELLED = {"draft 7"}


def leaves_its_input_alone(dialect: Dialect, case: Case) -> Dialected:
    before = copy.deepcopy(case.schema)
    spoken = dialect(case.schema)
    assert case.schema == before
    return spoken


def names_real_places(spoken: Dialected, case: Case) -> None:
    """Assert that each pointer in `dropped` names something in the given schema."""
    for dropped in spoken.dropped:
        assert dropped.why
        if case.name not in RESPELLED:
            at(case.schema, dropped.pointer)


def at(document: Any, pointer: str) -> Any:
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        document = document[int(token)] if isinstance(document, list) else document[token]
    return document


def fits(value: Any, schema: Any) -> bool:
    """Validate by the reference validator, not by ours."""
    return bool(Draft202012Validator(schema).is_valid(value))


def each_schema(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every schema inside a written one, found without the library; `properties` and `$defs` hold names."""
    yield path, schema
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        if keyword in ("properties", "$defs", "patternProperties"):
            for name, part in value.items():
                yield from each_schema(part, f"{path}/{keyword}/{name}")
        elif keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
            for index, part in enumerate(value):
                yield from each_schema(part, f"{path}/{keyword}/{index}")
        elif keyword in ("items", "additionalProperties", "not", "if", "then", "else") and isinstance(value, dict):
            yield from each_schema(value, f"{path}/{keyword}")


def filled(value: Any, wire: dict[str, Any], root: dict[str, Any]) -> Any:
    """Write the value as strict mode does: null for each absent property."""
    if "$ref" in wire:
        return filled(value, at(root, wire["$ref"][1:]), root)
    for branch in wire.get("anyOf", ()):
        written = filled(value, branch, root)
        if fits(written, {**branch, "$defs": root.get("$defs", {})}):
            return written
    if isinstance(value, dict):
        return {
            name: filled(value[name], part, root) if name in value else None
            for name, part in wire.get("properties", {}).items()
        }
    if isinstance(value, list):
        return [filled(item, wire.get("items", {}), root) for item in value]
    return value


def as_json_schema(part: Any) -> Any:
    """Convert OpenAPI's `nullable` to JSON Schema, for the reference validator."""
    if not isinstance(part, dict):
        return part
    copy = {word: value for word, value in part.items() if word != "nullable"}
    if "properties" in part:
        copy["properties"] = {name: as_json_schema(value) for name, value in part["properties"].items()}
    if "items" in part:
        copy["items"] = as_json_schema(part["items"])
    if "anyOf" in part:
        copy["anyOf"] = [as_json_schema(branch) for branch in part["anyOf"]]
    return {"anyOf": [copy, {"type": "null"}]} if part.get("nullable") else copy
