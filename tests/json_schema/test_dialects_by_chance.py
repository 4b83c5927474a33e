"""Properties of every schema and every dialect, tested on random schemas."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

from dialect_laws import as_json_schema, filled, fits
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from stepwell.providers.local import grammar_dialect as llama_grammar
from stepwell.providers.wires.anthropic_messages import dialect as anthropic
from stepwell.providers.wires.bedrock_converse import dialect as bedrock
from stepwell.providers.wires.google_generate import dialect as gemini
from stepwell.providers.wires.google_generate import json_dialect as gemini_json
from stepwell.providers.wires.openai_chat import strict_dialect as openai_strict
from stepwell.schemas.errors import SchemaError
from stepwell.schemas.json_schema.dialects import plain
from stepwell.schemas.json_schema.root import in_object, without_nulls
from stepwell.schemas.json_schema.validate import errors_of

from chance import tries

NAMES = st.sampled_from(["a", "b", "kind", "default", "x/y"])
SCALARS = st.sampled_from([None, True, 0, 3, 2.5, "", "ab"])
LEAVES = st.sampled_from([True, False, {}, {"type": "string"}, {"type": "integer"}, {"type": "null"}])
FOR_TYPE = {
    "object": ["properties", "required", "patternProperties", "minProperties"],
    "array": ["prefixItems", "minItems", "maxItems", "uniqueItems"],
    "string": ["minLength", "pattern", "format", "enum"],
    "integer": ["maximum", "exclusiveMinimum", "enum"],
    "boolean": ["const"],
}
COMPOSED = ["anyOf", "oneOf", "allOf", "$ref", "not", "if", "then", "description", "default"]


def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    parts: dict[str, st.SearchStrategy[Any]] = {
        "properties": st.dictionaries(NAMES, inner, max_size=3),
        "required": st.lists(NAMES, max_size=2, unique=True),
        "patternProperties": st.dictionaries(st.just("^z"), inner, max_size=1),
        "minProperties": st.integers(0, 2),
        "prefixItems": st.lists(inner, min_size=1, max_size=2),
        "minItems": st.integers(0, 2),
        "maxItems": st.integers(0, 3),
        "uniqueItems": st.booleans(),
        "minLength": st.integers(0, 2),
        "pattern": st.sampled_from(["^a", "b+$"]),
        "format": st.sampled_from(["date", "uri"]),
        "maximum": st.integers(-1, 3),
        "exclusiveMinimum": st.integers(-1, 3),
        "enum": st.lists(SCALARS, min_size=1, max_size=3),
        "const": SCALARS,
        "anyOf": st.lists(inner, min_size=1, max_size=3),
        "oneOf": st.lists(inner, min_size=1, max_size=2),
        "allOf": st.lists(inner, min_size=1, max_size=2),
        "$ref": st.sampled_from(["#/$defs/A", "#/$defs/B", "#"]),
        "not": inner,
        "if": inner,
        "then": inner,
        "description": st.just("said"),
        "default": SCALARS,
    }

    def of_type(name: str) -> st.SearchStrategy[Any]:
        # Objects are closed and lists speak of their items: what is unsaid is taken for unwanted by every dialect.
        said = {"object": {"additionalProperties": st.just(False)}, "array": {"items": inner}}.get(name, {})
        words = st.lists(st.sampled_from(FOR_TYPE[name] + COMPOSED), max_size=4, unique=True)
        return words.flatmap(
            lambda chosen: st.fixed_dictionaries(
                {"type": st.just(name), **{word: parts[word] for word in chosen}, **said}
            )
        )

    alone = st.sampled_from(["anyOf", "oneOf", "allOf", "$ref", "enum", "const"])
    composed = alone.flatmap(lambda word: st.fixed_dictionaries({word: parts[word]}))
    return st.sampled_from(list(FOR_TYPE)).flatmap(of_type) | of_type("object") | composed


SCHEMAS = st.recursive(LEAVES, larger, max_leaves=8)
DOCUMENTS = st.builds(lambda root, a, b: {**root, "$defs": {"A": a, "B": b}}, larger(SCHEMAS), SCHEMAS, SCHEMAS)


def made_for(schema: Any, root: Any, chance: random.Random, depth: int = 0) -> Any:
    """Draw a value that may well fit the schema."""
    if not isinstance(schema, dict) or not schema or depth > 6:
        return chance.choice([None, 1, "a", {}, []])
    if "const" in schema or "enum" in schema:
        return chance.choice([schema["const"]] if "const" in schema else schema["enum"])
    if "$ref" in schema:
        target = root if schema["$ref"] == "#" else root["$defs"][schema["$ref"][-1]]
        return made_for(target, root, chance, depth + 1)
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    if branches and "properties" not in schema:
        return made_for(chance.choice(branches), root, chance, depth + 1)
    makers: dict[str, Callable[[], Any]] = {
        "object": lambda: {
            name: made_for(part, root, chance, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if name in schema.get("required", ()) or chance.random() < 0.6
        },
        "array": lambda: [
            made_for(part, root, chance, depth + 1)
            for part in [*schema.get("prefixItems", ()), *[schema.get("items", True)] * chance.randint(0, 2)]
        ],
        "string": lambda: chance.choice(["", "a", "bb", "abb", "2020-01-01", "x:y"]),
        "integer": lambda: chance.randint(-2, 4),
        "boolean": lambda: chance.random() < 0.5,
    }
    return makers.get(schema.get("type", ""), lambda: None)()


@tries(2, suppress_health_check=list(HealthCheck))
@given(DOCUMENTS, st.integers(0, 10**9))
def test_an_enforced_wire_schema_allows_all_that_the_schema_allows(schema: dict[str, Any], seed: int) -> None:
    chance = random.Random(seed)
    values = [made_for(schema, schema, chance) for _ in range(10)]
    before = copy.deepcopy(schema)
    try:
        good = [value for value in values if not errors_of(value, schema)]
    except SchemaError:
        return
    for module in (openai_strict, anthropic, gemini, gemini_json, llama_grammar, plain, bedrock):
        try:
            spoken = module.to_dialect(schema)
        except SchemaError:
            continue
        json.dumps(spoken.schema)
        wire = as_json_schema(spoken.schema) if module is gemini else spoken.schema
        for value in good:
            if module in (plain, bedrock) or spoken.strict:
                written = filled(value, wire, wire) if module is openai_strict else value
                assert fits(written, wire) or (module in (plain, bedrock) and not isinstance(value, dict))
            if module is openai_strict and spoken.strict:
                assert errors_of(without_nulls(written, schema), schema) == []
    assert schema == before


@tries(1, suppress_health_check=list(HealthCheck))
@given(DOCUMENTS, st.integers(0, 10**9))
def test_wrapping_in_an_object_changes_nothing_inside(schema: dict[str, Any], seed: int) -> None:
    chance = random.Random(seed)
    try:
        wrapped, is_wrapped = in_object(schema)
    except SchemaError:
        return
    for value in [made_for(schema, schema, chance) for _ in range(5)]:
        inside = {"value": value} if is_wrapped else value
        assert bool(errors_of(inside, wrapped)) == bool(errors_of(value, schema))
