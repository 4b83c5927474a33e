"""Tools and response schemas on every wire: what goes out is in the vendor's dialect, wherever the schema came from."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from schema_table import BY_NAME, CASES, TEXT, TREE, WHOLE, an_object
from tool_dialects import RULES, common_rules, declared_tools
from vendor_rules import WIRES

from stepwell import Client, Tool, user
from stepwell.declare import Wire, declare_provider
from stepwell.errors import InvalidRequest, SchemaError, ToolFailed
from stepwell.messages import ToolCall
from stepwell.providers.declare.registry import Registry
from stepwell.providers.wires.anthropic_messages import anthropic_count_tokens, anthropic_messages
from stepwell.providers.wires.bedrock_converse import bedrock_converse, bedrock_count_tokens
from stepwell.providers.wires.google_generate import google_count_tokens, google_generate
from stepwell.providers.wires.openai_responses import openai_count_tokens, openai_responses
from stepwell.testing.conformance import samples_of
from stepwell.workflows.tools.call import prepare_call

from chance import tries

ALL = [wire for wire, _ in WIRES]
GOOD = Tool("good", "d", an_object({"a": TEXT}, required=["a"]))

LOOP = an_object({"n": {"$ref": "#/$defs/N"}}, required=["n"])
FOREIGN: dict[str, dict[str, Any]] = {
    "Gemini's names of types": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}},
    "Python's names of types": an_object({"a": {"type": "str"}, "b": {"type": "dict"}, "c": {"type": "list[int]"}}),
    "any": an_object({"a": {"type": "any"}, "b": {"type": ["any", "null"]}, "c": {"type": None}}),
    "a type in the place of a schema": {"type": "object", "properties": {"a": "string", "b": "int"}},
    "required in the property": an_object({"a": {"type": "string", "required": True}, "b": {"required": False}}),
    "nulls for what there is not": {"type": "object", "properties": {"a": TEXT}, "required": None, "enum": None},
    "nullable": an_object({"a": {"type": "string", "nullable": True, "enum": ["x"]}, "b": {"nullable": True, **TREE}}),
    "a value twice": an_object({"a": {"enum": ["x", "x", 1, True]}}, required=["a", "a"]),
    "empty text in an enum": an_object({"a": {"enum": ["", "x"]}}),
    "nothing required": an_object({"a": TEXT}, required=[]),
    "true and false": an_object({"a": True, "b": False, "c": {"anyOf": [True, TEXT]}, "d": {"items": True}}),
    "a tuple": an_object({"a": {"type": "array", "items": [TEXT, WHOLE], "additionalItems": False}}),
    "a tuple of 2020": an_object({"a": {"type": "array", "prefixItems": [TEXT, WHOLE], "items": False}}),
    "numbers as text": an_object({"a": {"type": "array", "minItems": "1"}}),
    "draft 4": {
        "definitions": {"x": {"type": "integer", "minimum": 1, "exclusiveMinimum": True}},
        "properties": {"a": {"$ref": "#/definitions/x"}},
    },
    "all at the root": {"allOf": [an_object({"a": TEXT}), an_object({"b": WHOLE})], "not": {"required": ["c"]}},
    "conditions at the root": an_object({"a": TEXT}, **{"if": {"required": ["a"]}, "then": {"required": ["b"]}}),
    "objects listed at the root": {"enum": [{"a": 1}]},
    "null or an object": {"type": ["object", "null"], "properties": {"a": TEXT}},
    "a map": {"type": "object", "additionalProperties": WHOLE},
    "only $schema": {"$schema": "http://json-schema.org/draft-07/schema#"},
    "required recursion": {"$ref": "#/$defs/N", "$defs": {"N": LOOP}},
}
"""Schemas of other programs that lose nothing of what they allow."""

LOOSENED: dict[str, dict[str, Any]] = {
    "an empty enum": an_object({"a": {"type": "string", "enum": []}}),
    "a reference to another document": an_object({"a": {"$ref": "https://example.com/a.json"}}),
    "a reference to nothing": an_object({"a": {"$ref": "#/$defs/Gone"}}),
    "a type that nobody knows": an_object({"a": {"type": "Wobble"}}),
    "a pattern that is none": an_object({"a": {"type": "string", "pattern": "(a"}}),
    "a union at the root": {"anyOf": [an_object({"a": TEXT}), an_object({"b": WHOLE})]},
}
HOPELESS: dict[str, dict[str, Any]] = {
    "a list": {"type": "array", "items": TEXT},
    "another document": {"$ref": "https://example.com/all.json"},
    "itself": {"$ref": "#"},
    "no JSON": an_object({"a": {"default": {1, 2}}}),
}


COUNTING = (anthropic_count_tokens, bedrock_count_tokens, google_count_tokens, openai_count_tokens)
CHATS = dict(
    zip(
        [wire.name for wire in COUNTING],
        [anthropic_messages, bedrock_converse, google_generate, openai_responses],
        strict=True,
    )
)
CLIENTS: dict[str, tuple[Client, list[dict[str, Any]]]] = {}


def client_of(wire: Wire) -> tuple[Client, list[dict[str, Any]]]:
    """Return the one client of a wire, and the list of what it sent last."""
    if wire.name not in CLIENTS:
        bodies: list[dict[str, Any]] = []
        answer = samples_of(wire).text.body if wire.operation == "chat" else COUNTED

        def handler(request: httpx.Request) -> httpx.Response:
            bodies[:] = [orjson.loads(request.content)]
            return httpx.Response(200, content=answer)

        registry = Registry()
        wires = [wire] if wire.operation == "chat" else [CHATS[wire.name], wire]
        registry.register(declare_provider("target", wire=wires, base_url="https://target.test", key_optional=True))
        CLIENTS[wire.name] = Client(transport=httpx.MockTransport(handler), registry=registry, retries=0), bodies
    return CLIENTS[wire.name]


COUNTED = b'{"inputTokens": 1, "input_tokens": 1, "totalTokens": 1}'


def sent(wire: Wire, **options: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the body that was sent, and the warnings."""
    client, bodies = client_of(wire)
    bodies.clear()
    reply = client.generate_text("target:m", "hi", **options)
    return bodies[0], [str(each) for each in reply.warnings]


def rules_of(wire: Wire) -> Callable[[dict[str, Any]], None]:
    return RULES.get(wire.name, common_rules)


def tools_of(schemas: dict[str, dict[str, Any]]) -> list[Tool]:
    return [Tool(f"tool_{at}", name, schema) for at, (name, schema) in enumerate(schemas.items())]


@pytest.mark.parametrize("wire", ALL, ids=lambda wire: wire.name)
def test_every_tool_goes_out_in_the_vendors_dialect(wire: Wire) -> None:
    tools = tools_of({case.name: case.schema for case in CASES} | FOREIGN | LOOSENED)
    body, _ = sent(wire, tools=[*tools, GOOD])
    declared = declared_tools(body)
    assert list(declared) == [*(tool.name for tool in tools), "good"]
    for tool in tools:
        if (schema := declared[tool.name]) is not None:
            rules_of(wire)(schema)
        else:
            assert not tool.parameters.get("properties"), f"{tool.description} lost its parameters"


@pytest.mark.parametrize("wire", ALL, ids=lambda wire: wire.name)
def test_what_the_model_does_not_see_as_it_was_is_a_warning_that_names_the_tool(wire: Wire) -> None:
    warned = sent(wire, tools=[*tools_of(LOOSENED), GOOD])[1]
    for at in range(len(LOOSENED)):
        assert any(f"'tool_{at}'" in text for text in warned)
    assert not any("'good'" in text for text in warned)
    quiet = {name: FOREIGN[name] for name in ("Gemini's names of types", "nulls for what there is not", "draft 4")}
    assert sent(wire, tools=tools_of(quiet))[1] == [], "what means the same is none"


@pytest.mark.parametrize("schema", HOPELESS.values(), ids=HOPELESS)
def test_a_tool_that_no_vendor_takes_is_named_before_anything_is_sent(schema: dict[str, Any]) -> None:
    for wire in ALL:
        client, bodies = client_of(wire)
        bodies.clear()
        with pytest.raises(SchemaError, match="'odd'"):
            client.generate_text("target:m", "hi", tools=[GOOD, Tool("odd", "d", schema)])
        assert not bodies


def test_the_property_that_anthropic_refuses_is_in_the_description() -> None:
    odd = Tool("f", "d", an_object({"$top": WHOLE, "a": TEXT}, required=["$top", "a"], additionalProperties=False))
    for wire in ALL:
        body, warned = sent(wire, tools=[odd])
        schema = declared_tools(body)["f"]
        assert schema is not None and "$top" in orjson.dumps(schema).decode()
        assert ("$top" in schema["properties"]) == (wire.name != "anthropic_messages") == (not warned)
    assert prepare_call(ToolCall("1", "f", '{"$top": 3, "a": "x"}'), [Tool("f", "d", odd.parameters, lambda **_: 1)])


def test_calls_are_checked_by_the_repaired_schema() -> None:
    tool = Tool("f", "d", FOREIGN["Gemini's names of types"], lambda a: a)
    assert prepare_call(ToolCall("1", "f", '{"a": null}'), [tool])[1] == {"a": None}
    with pytest.raises(ToolFailed, match="do not fit"):
        prepare_call(ToolCall("1", "f", '{"a": 3}'), [tool])


SIMPLE = an_object({"a": TEXT}, required=["a"])
OPENAPI = {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "required": ["a"]}
NAMED = {"name": "f", "description": "d"}
SHAPES: dict[str, object] = {
    "chat completions": {"type": "function", "function": {**NAMED, "parameters": SIMPLE}},
    "responses": {"type": "function", **NAMED, "parameters": SIMPLE},
    "Anthropic": {**NAMED, "input_schema": SIMPLE},
    "Anthropic, typed": {"type": "custom", **NAMED, "input_schema": SIMPLE},
    "Gemini": {"functionDeclarations": [{**NAMED, "parameters": OPENAPI}]},
    "Gemini's JSON Schema": {"function_declarations": [{**NAMED, "parametersJsonSchema": SIMPLE}]},
    "Converse": {"toolSpec": {**NAMED, "inputSchema": {"json": SIMPLE}}},
    "MCP": {**NAMED, "inputSchema": SIMPLE},
    "MCP's class": SimpleNamespace(**NAMED, inputSchema=SIMPLE),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_forms_of_other_programs_are_tools_on_every_wire(shape: object) -> None:
    for wire in ALL:
        schema = declared_tools(sent(wire, tools=[shape, GOOD])[0])["f"]
        assert schema is not None and schema["properties"] == {"a": TEXT} and schema["required"] == ["a"]


TYPES = ["STRING", "integer", "any", "object", "array", "bool", "null"]
SEVERAL = ["object", "array", "string", "dict", ["string", "null"], ["OBJECT", "null"], None]
PARTS = st.recursive(
    st.sampled_from([True, "str", None, {}, *({"type": name} for name in TYPES)]),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(SEVERAL),
            "properties": st.dictionaries(st.sampled_from(["a", "b", "$c", "x y"]), inner, max_size=3) | st.none(),
            "required": st.sampled_from([[], ["a"], ["a", "a"], ["z"], True, None]),
            "items": inner | st.lists(inner, max_size=2),
            "anyOf": st.lists(inner, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "enum": st.sampled_from([[], ["", "x", "x"], [1, 2.5], [None], [{"a": 1}]]),
            "const": st.sampled_from([None, "x", 1]),
            "additionalProperties": inner,
            "nullable": st.booleans(),
            "$ref": st.sampled_from(["#/$defs/A", "#/$defs/Gone", "https://example.com/x"]),
            "default": st.sampled_from([None, 1]),
            "format": st.sampled_from(["date", "uri", None]),
            "pattern": st.sampled_from(["^a", "(a"]),
            "not": inner,
        },
    ),
    max_leaves=6,
)


@tries(0.4, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from("abc"), PARTS, max_size=3), PARTS, PARTS)
def test_whatever_a_schema_looks_like_the_body_is_lawful(properties: dict[str, Any], extra: Any, shared: Any) -> None:
    root = {**(extra if isinstance(extra, dict) else {}), "properties": properties, "$defs": {"A": shared}}
    for wire in ALL:
        try:
            body, _ = sent(wire, tools=[GOOD, Tool("odd", "d", root)])
        except SchemaError as error:
            assert "'odd'" in str(error)
            continue
        if (schema := declared_tools(body)["odd"]) is not None:
            rules_of(wire)(schema)


def format_of(body: dict[str, Any]) -> object:
    """Return the schema of the answer that the body demands."""
    text = body.get("outputConfig", {}).get("textFormat")
    places = (body.get("response_format"), body.get("text"), body.get("output_config"), body.get("generationConfig"))
    return text or body.get("format") or next((place for place in places if place), None)


@pytest.mark.parametrize("wire", ALL, ids=lambda wire: wire.name)
def test_a_schema_for_the_answer_is_enforced_or_in_the_prompt(wire: Wire) -> None:
    support = wire.object_support
    assert support.answers is not None
    for name in ("one optional", "map of numbers", "recursive root", "no properties", "all required", "any value"):
        schema = BY_NAME[name].schema
        json_schema = {"name": "x", "schema": schema, "strict": True}
        body, warned = sent(wire, response_format={"type": "json_schema", "json_schema": json_schema})
        asked = orjson.dumps(format_of(body)).decode()
        spoken = support.answers(schema)
        enforced = spoken.strict or not support.always_enforced
        written = orjson.dumps(spoken.schema).decode()
        assert (written in asked or written.replace('"', '\\"') in asked) == enforced, name
        prompted = "It must fit this JSON Schema" in orjson.dumps(body).decode()
        assert prompted != enforced and (enforced or any("response_format" in text for text in warned))


@pytest.mark.parametrize("wire", COUNTING, ids=lambda wire: wire.name)
def test_tools_are_counted_as_they_are_sent(wire: Wire) -> None:
    tools = tools_of(FOREIGN | LOOSENED)
    client, bodies = client_of(wire)
    client.count_tokens("target:m", "hi", tools=tools)
    assert declared_tools(bodies[0]) == declared_tools(sent(CHATS[wire.name], tools=tools)[0])


def body_at(model: str, **options: Any) -> dict[str, Any]:
    """Return the body that a packaged provider would send."""
    bodies: list[dict[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(orjson.loads(request.content))
        return httpx.Response(400)

    login = {"access_key": "a", "secret_key": "s", "region": "us-east-1"}
    keys: dict[str, Any] = {"amazon_bedrock": login, "google": "k", "deepseek": "k"}
    with Client(transport=httpx.MockTransport(handler), api_keys=keys, retries=0) as client:
        with pytest.raises(InvalidRequest):
            client.generate_text(model, **{"prompt": "hi", **options})
    return bodies[0]


def test_models_of_one_wire_that_take_less_get_less() -> None:
    tree, mapped = Tool("f", "d", TREE), Tool("f", "d", an_object({"a": TEXT, "m": FOREIGN["a map"]}))
    nova = declared_tools(body_at("amazon_bedrock:amazon.nova-lite-v1:0", tools=[tree]))["f"]
    claude = declared_tools(body_at("amazon_bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0", tools=[tree]))["f"]
    odd = Tool("f", "d", an_object({"$top": WHOLE}))
    named = declared_tools(body_at("amazon_bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0", tools=[odd]))["f"]
    assert named is not None and named["properties"] == {} and "$top" in named["description"]
    assert b"$ref" not in orjson.dumps(nova) and b"$ref" in orjson.dumps(claude)
    old = body_at("google:gemini-2.0-flash", tools=[mapped])["tools"][0]["functionDeclarations"][0]
    new = body_at("google:gemini-2.5-flash", tools=[mapped])["tools"][0]["functionDeclarations"][0]
    assert old["parameters"]["properties"]["m"] == {"type": "object"}
    assert new["parametersJsonSchema"]["properties"]["m"] == {"type": "object", "additionalProperties": WHOLE}


def test_deepseek_gets_the_text_of_a_message_as_a_string() -> None:
    body = body_at("deepseek:deepseek-chat", prompt=[user(["one", "two"])])
    assert body["messages"] == [{"role": "user", "content": "one\ntwo"}]
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": GOOD.parameters}}
    body = body_at("deepseek:deepseek-chat", response_format=schema)
    assert body["response_format"] == {"type": "json_object"}, "and no schema for its answer, which it refuses"
    assert '"required":["a"]' in body["messages"][0]["content"]
