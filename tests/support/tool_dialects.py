"""What each vendor takes of a tool's schema: written down a second time, from the vendors' own words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dialect_laws import each_schema
from jsonschema import Draft202012Validator

Schema = dict[str, Any]
TYPES = {"object", "array", "string", "number", "integer", "boolean", "null"}
COMPOSED = {"$ref", "anyOf", "oneOf", "allOf", "not", "enum", "const", "if"}


def common_rules(schema: Schema) -> None:
    """OpenAI, Mistral, Cohere and servers that speak their format; Anthropic adds to it.

    "schema must be a JSON Schema of 'type: \"object\"'", "object schema missing properties", "array schema missing
    items", "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level".
    """
    assert schema["type"] == "object" and isinstance(schema["properties"], dict)
    assert not COMPOSED & schema.keys()
    each_part_is_json_schema(schema)


def each_part_is_json_schema(schema: Schema, *, tuples: bool = False) -> None:
    Draft202012Validator.check_schema(schema)
    for path, part in each_schema(schema):
        assert isinstance(part, dict), f"{path}: true and false are no schemas to many servers"
        types = part.get("type", [])
        types = [types] if isinstance(types, str) else types
        assert set(types) <= TYPES and len(set(types)) == len(types)
        is_bare = "array" in types and len(types) < len(TYPES) and "items" not in part
        assert not is_bare or (tuples and "prefixItems" in part)
        if "enum" in part:
            assert part["enum"] and len(part["enum"]) == len({repr(value) for value in part["enum"]})
        assert part.get("required", ["a"]) and "nullable" not in part
        if "$ref" in part:
            assert part["$ref"].startswith("#"), "nobody fetches schemas"


def anthropic_rules(schema: Schema) -> None:
    """ "Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'"."""
    common_rules(schema)
    assert all(re.fullmatch("[a-zA-Z0-9_.-]{1,64}", name) for name in schema["properties"])


def google_rules(schema: Schema) -> None:
    """https://ai.google.dev/api/generate-content: the keywords of `parametersJsonSchema`."""
    known = "type title description enum properties required additionalProperties items prefixItems minItems maxItems "
    known += "minimum maximum anyOf format $ref $defs propertyOrdering"
    assert schema["type"] == "object"
    for path, part in each_schema(schema):
        assert part.keys() <= set(known.split()), f"{path}: {part.keys()}"
        assert isinstance(part.get("type", ""), str), "one type each"
        assert "$ref" not in part or part.keys() <= {"$ref", "$defs"}, "nothing beside a reference"
        assert all(type(value) in (str, int, float) and value != "" for value in part.get("enum", ()))
        assert set(part.get("required", ())) <= part.get("properties", {}).keys()


def bedrock_rules(schema: Schema) -> None:
    """Of Amazon's own models: only these three words at the root, and no references."""
    common_rules(schema)
    assert schema.keys() <= {"type", "properties", "required"}
    assert not any("$ref" in part or "$defs" in part for _, part in each_schema(schema))


def ollama_rules(schema: Schema) -> None:
    """Of llama.cpp, too, to whose grammar an object with no properties is one that is empty."""
    assert schema["type"] == "object" and not COMPOSED & schema.keys()
    each_part_is_json_schema(schema, tuples=True)


RULES: dict[str, Callable[[Schema], None]] = {
    "anthropic_messages": anthropic_rules,
    "google_generate": google_rules,
    "bedrock_converse": bedrock_rules,
    "ollama_chat": ollama_rules,
}


def declared_tools(body: dict[str, Any]) -> dict[str, Schema | None]:
    """Return the schemas of a body's tools by name; None for a tool that is declared without one."""
    body = body.get("generateContentRequest") or body  # where tokens are counted
    body = body["input"]["converse"] if "converse" in body.get("input", ()) else body
    found: dict[str, Schema | None] = {}
    for tool in body.get("tools") or body["toolConfig"]["tools"]:
        for facts in tool.get("functionDeclarations") or [tool.get("function") or tool.get("toolSpec") or tool]:
            schema = facts.get("parameters") or facts.get("parametersJsonSchema") or facts.get("input_schema")
            found[facts["name"]] = schema or facts.get("inputSchema", {}).get("json")
    return found
