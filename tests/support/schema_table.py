"""Schemas that real programs send, with values that fit them and values that do not."""

from __future__ import annotations

from typing import Any, NamedTuple


class Case(NamedTuple):
    name: str
    schema: dict[str, Any]
    good: list[Any]
    bad: list[Any]


def an_object(properties: dict[str, Any], **words: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **words}


TEXT = {"type": "string"}
WHOLE = {"type": "integer"}

TREE = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": an_object(
            {"value": WHOLE, "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}, required=["value"]
        )
    },
}
LINKED = an_object({"value": WHOLE, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, required=["value", "next"])
SHAPES = {
    "circle": an_object({"kind": {"const": "circle"}, "radius": {"type": "number"}}, required=["kind", "radius"]),
    "square": an_object({"kind": {"const": "square"}, "side": {"type": "number"}}, required=["kind", "side"]),
}

CASES = [
    Case("no properties", an_object({}), [{}], [[], 1]),
    Case("only a type", {"type": "object"}, [{}, {"a": 1}], ["x"]),
    Case("all required", an_object({"a": TEXT}, required=["a"]), [{"a": "x"}], [{}, {"a": 1}]),
    Case("one optional", an_object({"a": TEXT, "b": WHOLE}, required=["a"]), [{"a": "x"}, {"a": "x", "b": 1}], [{}]),
    Case("optional and nullable", an_object({"a": {"type": ["string", "null"]}}), [{}, {"a": None}], [{"a": 1}]),
    Case(
        "optional union with null",
        an_object({"a": {"anyOf": [WHOLE, {"type": "null"}], "description": "how many"}}),
        [{}, {"a": 3}, {"a": None}],
        [{"a": "x"}],
    ),
    Case(
        "closed at every level",
        an_object(
            {"in": an_object({"x": WHOLE}, required=["x"], additionalProperties=False)}, additionalProperties=False
        ),
        [{}, {"in": {"x": 1}}],
        [{"y": 1}, {"in": {"x": 1, "y": 2}}],
    ),
    Case("map of numbers", an_object({"m": {"type": "object", "additionalProperties": WHOLE}}), [{"m": {"k": 1}}], []),
    Case("open by true", an_object({"a": TEXT}, additionalProperties=True), [{"a": "x", "z": 1}], [{"a": 1}]),
    Case("open by empty schema", an_object({"a": TEXT}, additionalProperties={}), [{"z": [1]}], [{"a": 1}]),
    Case("any value", an_object({"a": {}, "b": True}), [{"a": [1], "b": None}], [3]),
    Case("no value", an_object({"a": TEXT, "never": False}), [{"a": "x"}], [{"never": 1}]),
    Case("described any", an_object({"a": {"description": "what you like"}}), [{"a": 1}], []),
    Case(
        "names like keywords",
        an_object(
            dict.fromkeys(("default", "const", "$ref", "additionalProperties", "enum", "type", "$defs", "anyOf"), TEXT),
            required=["default", "$ref"],
        ),
        [{"default": "x", "$ref": "y"}],
        [{"default": "x"}],
    ),
    Case(
        "names that need escaping",
        an_object({"a/b": {"type": "string", "minLength": 2}, "c~d": WHOLE, "": TEXT, "é\u2028": TEXT}),
        [{"a/b": "xx", "c~d": 1, "": "e"}],
        [{"a/b": "x"}],
    ),
    Case("string enum", an_object({"c": {"enum": ["red", "green"]}}, required=["c"]), [{"c": "red"}], [{"c": "blue"}]),
    Case("integer enum", an_object({"n": {"type": "integer", "enum": [1, 5]}}), [{"n": 5}], [{"n": 2}]),
    Case("mixed enum", an_object({"m": {"enum": ["a", 1, None, True]}}), [{"m": 1}, {"m": None}], [{"m": "b"}]),
    Case(
        "nullable enum", an_object({"e": {"type": ["string", "null"], "enum": ["a", None]}}), [{"e": "a"}], [{"e": 1}]
    ),
    Case("object enum", an_object({"o": {"enum": [{"a": 1}, {"a": 2}]}}), [{"o": {"a": 1}}], [{"o": {"a": 3}}]),
    Case("constants", an_object({"k": {"const": "x"}, "n": {"const": 3}}), [{"k": "x", "n": 3}], [{"k": "y"}]),
    Case("boolean constant", an_object({"ok": {"const": True}}), [{"ok": True}], [{"ok": False}]),
    Case("null constant", an_object({"gone": {"const": None}, "a": TEXT}), [{"gone": None}, {"a": "x"}], [{"gone": 1}]),
    Case(
        "string limits",
        an_object({"s": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]+$"}}),
        [{"s": "abc"}],
        [{"s": "a"}, {"s": "abcde"}, {"s": "AB"}],
    ),
    Case(
        "lookaround pattern",
        an_object({"s": {"type": "string", "pattern": "^(?=.*[0-9]).{2,}$"}}),
        [{"s": "a1"}],
        [{"s": "ab"}],
    ),
    Case(
        "number limits",
        an_object(
            {
                "n": {"type": "number", "exclusiveMinimum": 0, "maximum": 10, "multipleOf": 0.5},
                "i": {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
            }
        ),
        [{"n": 0.5, "i": 9}],
        [{"n": 0}, {"n": 0.3}, {"i": 10}],
    ),
    Case(
        "formats",
        an_object({f: {"type": "string", "format": f} for f in ("date-time", "date", "email", "uuid", "uri", "paint")}),
        [{"date": "2026-11-21", "email": "a@b.c", "uri": "x:y", "paint": "#fff"}],
        [{"date": "tomorrow"}, {"email": "nobody"}],
    ),
    Case(
        "array limits",
        an_object({"a": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 3, "uniqueItems": True}}),
        [{"a": ["x", "y"]}],
        [{"a": ["x"]}, {"a": ["x", "x"]}],
    ),
    Case("array of anything", an_object({"a": {"type": "array"}}), [{"a": [1, "x"]}], [{"a": 1}]),
    Case("array of nothing", an_object({"a": {"type": "array", "items": False}}), [{"a": []}], [{"a": [1]}]),
    Case(
        "tuple",
        an_object({"t": {"type": "array", "prefixItems": [WHOLE, TEXT], "minItems": 2, "maxItems": 2}}),
        [{"t": [1, "x"]}],
        [{"t": ["x", 1]}, {"t": [1]}],
    ),
    Case(
        "closed tuple",
        an_object({"t": {"type": "array", "prefixItems": [WHOLE, TEXT], "items": False}}),
        [{"t": [1]}, {"t": [1, "x"]}],
        [{"t": [1, "x", 2]}],
    ),
    Case(
        "tuple with a rest",
        an_object({"t": {"type": "array", "prefixItems": [TEXT], "items": WHOLE}}),
        [{"t": ["x", 1, 2]}],
        [{"t": ["x", "y"]}],
    ),
    Case(
        "nested arrays",
        an_object({"g": {"type": "array", "items": {"type": "array", "items": WHOLE}}}),
        [{"g": [[1]]}],
        [],
    ),
    Case(
        "several types",
        an_object({"v": {"type": ["string", "integer"], "minLength": 2}}),
        [{"v": "ab"}, {"v": 1}],
        [{"v": "a"}],
    ),
    Case(
        "implied types", {"properties": {"a": {"minimum": 1}, "b": {"items": TEXT}}}, [{"a": 2, "b": ["x"]}], [{"a": 0}]
    ),
    Case(
        "tagged union",
        an_object({"s": {"anyOf": list(SHAPES.values())}}, required=["s"]),
        [{"s": {"kind": "square", "side": 2}}],
        [{"s": {"kind": "square", "radius": 2}}],
    ),
    Case("exclusive union", an_object({"s": {"oneOf": [TEXT, WHOLE]}}), [{"s": 1}], [{"s": []}]),
    Case(
        "union at the root",
        {"anyOf": list(SHAPES.values())},
        [{"kind": "circle", "radius": 1.5}],
        [{"kind": "cube"}],
    ),
    Case(
        "at least one of",
        an_object({"a": TEXT, "b": TEXT}, anyOf=[{"required": ["a"]}, {"required": ["b"]}]),
        [{"a": "x"}, {"b": "y"}],
        [{}],
    ),
    Case(
        "properties beside a union",
        an_object(
            {"p": an_object({"id": WHOLE}, required=["id"], anyOf=[an_object({"a": TEXT}), an_object({"b": TEXT})])}
        ),
        [{"p": {"id": 1, "a": "x"}}],
        [{"p": {"a": "x"}}],
    ),
    Case(
        "definitions used twice",
        an_object(
            {"a": {"$ref": "#/$defs/P"}, "b": {"$ref": "#/$defs/P"}},
            required=["a"],
            **{"$defs": {"P": an_object({"x": WHOLE, "y": WHOLE}, required=["x"])}},
        ),
        [{"a": {"x": 1}}, {"a": {"x": 1}, "b": {"x": 1, "y": 2}}],
        [{"a": {"y": 1}}],
    ),
    Case(
        "remark beside a reference",
        an_object(
            {"a": {"$ref": "#/$defs/P", "description": "the a", "default": None}},
            **{"$defs": {"P": an_object({"x": WHOLE}, description="a point")}},
        ),
        [{"a": {"x": 1}}],
        [{"a": {"x": "1"}}],
    ),
    Case(
        "limits beside a reference",
        an_object({"a": {"$ref": "#/$defs/S", "minLength": 2}}, **{"$defs": {"S": {"type": "string", "maxLength": 4}}}),
        [{"a": "xyz"}],
        [{"a": "x"}, {"a": "xyzzy"}],
    ),
    Case(
        "allOf of one reference",
        an_object(
            {"a": {"allOf": [{"$ref": "#/$defs/P"}], "description": "the a"}},
            **{"$defs": {"P": an_object({"x": WHOLE})}},
        ),
        [{"a": {"x": 1}}],
        [{"a": 1}],
    ),
    Case(
        "allOf merged",
        an_object(
            {
                "a": {
                    "allOf": [
                        {"$ref": "#/$defs/Named"},
                        an_object({"age": {"type": "integer", "minimum": 0}}, required=["age"]),
                    ]
                }
            },
            **{"$defs": {"Named": an_object({"name": TEXT}, required=["name"])}},
        ),
        [{"a": {"name": "x", "age": 1}}],
        [{"a": {"name": "x"}}, {"a": {"name": "x", "age": -1}}],
    ),
    Case(
        "allOf at the root",
        {"allOf": [an_object({"a": TEXT}, required=["a"]), an_object({"b": WHOLE})]},
        [{"a": "x", "b": 1}],
        [{"b": 1}],
    ),
    Case(
        "conditional",
        an_object(
            {"kind": TEXT, "size": WHOLE},
            **{"if": {"properties": {"kind": {"const": "big"}}}, "then": {"required": ["size"]}, "else": {}},
        ),
        [{"kind": "big", "size": 1}, {"kind": "small"}],
        [{"kind": "big"}],
    ),
    Case(
        "conditional with new properties",
        an_object(
            {"kind": TEXT},
            **{"if": {"required": ["kind"]}, "then": {"properties": {"more": WHOLE}, "required": ["more"]}},
        ),
        [{"kind": "x", "more": 1}],
        [{"kind": "x"}],
    ),
    Case("negation", an_object({"a": {"type": "string", "not": {"const": "x"}}}), [{"a": "y"}], [{"a": "x"}]),
    Case(
        "names by pattern",
        an_object({"h": an_object({"id": WHOLE}, patternProperties={"^x-": TEXT})}),
        [{"h": {"id": 1, "x-a": "b"}}],
        [{"h": {"x-a": 1}}],
    ),
    Case(
        "limits on names and their number",
        an_object({"a": TEXT, "b": TEXT}, propertyNames={"maxLength": 1}, minProperties=1, maxProperties=2),
        [{"a": "x"}],
        [{}, {"long": "x"}],
    ),
    Case(
        "dependent names", an_object({"a": TEXT, "b": TEXT}, dependentRequired={"a": ["b"]}), [{"b": "y"}], [{"a": "x"}]
    ),
    Case("recursive tree", TREE, [{"value": 1, "children": [{"value": 2}]}], [{"value": 1, "children": [{}]}]),
    Case("recursive root", LINKED, [{"value": 1, "next": {"value": 2, "next": None}}], [{"value": 1}]),
    Case(
        "recursion with a remark",
        {
            **TREE,
            "$defs": {"Node": an_object({"left": {"$ref": "#/$defs/Node", "description": "the left one"}, "n": WHOLE})},
        },
        [{"left": {"n": 1}}],
        [{"left": {"n": "1"}}],
    ),
    Case(
        "mutual recursion",
        an_object(
            {"a": {"$ref": "#/$defs/A"}},
            **{
                "$defs": {
                    "A": an_object({"b": {"$ref": "#/$defs/B"}, "n": WHOLE}),
                    "B": an_object({"a": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}}),
                }
            },
        ),
        [{"a": {"b": {"a": {"n": 1}}}}],
        [{"a": {"b": {"a": {"n": "1"}}}}],
    ),
    Case(
        "reference to a property",
        an_object({"a": an_object({"x": WHOLE}), "b": {"$ref": "#/properties/a"}}),
        [{"b": {"x": 1}}],
        [{"b": {"x": "1"}}],
    ),
    Case(
        "reference by anchor",
        an_object({"a": {"$ref": "#p"}}, **{"$defs": {"P": {"$anchor": "p", "type": "integer"}}}),
        [{"a": 1}],
        [{"a": "x"}],
    ),
    Case(
        "draft 7",
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": "https://example.com/thing",
            "type": "object",
            "properties": {
                "p": {"$ref": "#/definitions/P"},
                "t": {"type": "array", "items": [WHOLE, TEXT], "minItems": 2, "additionalItems": False},
            },
            "definitions": {"P": an_object({"x": WHOLE})},
        },
        [{"p": {"x": 1}, "t": [1, "a"]}],
        [{"t": [1, "a", 2]}],
    ),
    Case(
        "defaults and remarks",
        an_object(
            {
                "a": {
                    "type": "integer",
                    "default": 3,
                    "title": "A",
                    "examples": [1],
                    "deprecated": True,
                    "$comment": "?",
                    "x-mine": {"y": 1},
                }
            }
        ),
        [{"a": 1}],
        [{"a": "x"}],
    ),
    Case(
        "nested empty objects",
        an_object({"opts": an_object({}), "deep": an_object({"more": an_object({})})}),
        [{"opts": {}, "deep": {"more": {}}}],
        [{"opts": 1}],
    ),
    Case(
        "base64",
        an_object({"b": {"type": "string", "contentEncoding": "base64", "description": "the bytes"}}),
        [{"b": "aGk="}],
        [{"b": 1}],
    ),
    Case("unevaluated", {"allOf": [an_object({"a": TEXT})], "unevaluatedProperties": False}, [{"a": "x"}], [{"b": 1}]),
    Case("big integers", an_object({"n": {"type": "integer", "maximum": 2**70}}), [{"n": 2**69}], [{"n": 2**71}]),
    Case(
        "allOf of lists",
        an_object(
            {"l": {"allOf": [{"type": "array", "prefixItems": [WHOLE], "items": False}, {"items": {"minimum": 1}}]}}
        ),
        [{"l": [1]}, {"l": []}],
        [{"l": [0]}, {"l": [1, 2]}],
    ),
    Case(
        "allOf of closed objects",
        an_object({"o": {"allOf": [an_object({"a": WHOLE}, additionalProperties=False), an_object({"b": TEXT})]}}),
        [{"o": {"a": 1}}, {"o": {}}],
        [{"o": {"b": "x"}}],
    ),
    Case(
        "contradiction",
        an_object({"a": {"allOf": [{"type": "string"}, {"type": "integer"}]}, "b": TEXT}),
        [{"b": "x"}],
        [{"a": 1}],
    ),
]

BY_NAME = {case.name: case for case in CASES}
