"""generate_object: a type in, one of its values out, in every mode; answers that do not fit are repaired."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, TypedDict

import httpx
import pydantic
import pytest
from attrs import frozen

import stepwell
from stepwell.errors import ContentFiltered, InvalidOption, NotSupported, ObjectInvalid, SchemaError, ServerError
from stepwell.providers.declare.object_support import MODES
from stepwell.testing import FakeModel

from scripted import MODEL, Scripted, calls

Generate = Callable[..., stepwell.Reply]


def generate_sync(script: Scripted, *args: Any, **options: Any) -> stepwell.Reply:
    return script.client.generate_object(MODEL, "Describe Paris.", *args, **options)


def generate_async(script: Scripted, *args: Any, **options: Any) -> stepwell.Reply:
    async def main() -> stepwell.Reply:
        return await script.async_client.generate_object(MODEL, "Describe Paris.", *args, **options)

    return asyncio.run(main())


@pytest.fixture(params=[generate_sync, generate_async], ids=["sync", "async"])
def generate(request: pytest.FixtureRequest) -> Generate:
    return request.param  # type: ignore[no-any-return]


@frozen
class AttrsCity:
    name: str
    people: int | None = None


@dataclass
class DataCity:
    name: str
    people: int | None = None


class DictCity(TypedDict):
    name: str
    people: int | None


class PydanticCity(pydantic.BaseModel):
    name: str
    people: int | None = None


class Paint(Enum):
    RED = "red"
    BLUE = "blue"


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer", "minimum": 0}},
    "required": ["name", "people"],
    "additionalProperties": False,
}
CITY = {"name": "Paris", "people": 2}


def answer_as(value: Any, mode: str) -> Any:
    """Return the same answer in the form of each mode."""
    text = value if isinstance(value, str) else json.dumps(value)
    if mode in ("tool", "strict_tool"):
        return lambda body: calls(("c1", body["tools"][0]["function"]["name"], text))
    return f"Here you are:\n```json\n{text}\n```" if mode == "prompt" else text


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (SCHEMA, CITY),
        (AttrsCity, AttrsCity("Paris", 2)),
        (DataCity, DataCity("Paris", 2)),
        (DictCity, CITY),
        (PydanticCity, PydanticCity(name="Paris", people=2)),
    ],
    ids=["json schema", "attrs", "dataclass", "typed dict", "pydantic"],
)
@pytest.mark.parametrize("mode", MODES)
def test_the_same_object_for_every_kind_of_schema_in_every_mode(
    generate: Generate, kind: Any, expected: Any, mode: str
) -> None:
    reply = generate(Scripted([answer_as(CITY, mode)]), kind, mode=mode)
    assert reply.object == expected
    assert type(reply.object) is type(expected)
    assert json.loads(reply.text.partition("```json")[2].partition("```")[0] or reply.text) == CITY
    assert reply.tool_calls == () and reply.finish_reason == "stop"
    assert [message.role for message in reply.context.messages] == ["user", "assistant"]
    assert reply.metadata["object_mode"] == mode
    assert [str(each) for each in reply.warnings if "the JSON was repaired" not in str(each)] == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (list[int], [1, 2]),
        (["yes", "no"], "no"),
        (pydantic.TypeAdapter(list[int]), [1]),
        (int, 7),
        (Literal["yes", "no"], "yes"),
        (Paint, Paint.BLUE),
        (int | None, None),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_roots_that_are_not_objects_are_wrapped_and_unwrapped(
    generate: Generate, kind: Any, value: Any, mode: str
) -> None:
    plain = value.value if isinstance(value, Enum) else value
    script = Scripted([answer_as({"value": plain}, mode)])
    assert generate(script, kind, mode=mode).object == value
    sent = script.seen[0]
    if mode == "json_schema":
        assert sent["response_format"]["json_schema"]["schema"]["type"] == "object"


def test_each_mode_asks_in_its_own_way() -> None:
    bodies = {}
    for mode in MODES:
        script = Scripted([answer_as(CITY, mode)])
        generate_sync(script, SCHEMA, mode=mode, name="city")
        bodies[mode] = script.seen[0]
    assert bodies["json_schema"]["response_format"]["json_schema"]["strict"] is True
    assert bodies["strict_tool"]["tools"][0]["function"]["strict"] is True
    assert "strict" not in bodies["tool"]["tools"][0]["function"]
    assert bodies["tool"]["tool_choice"] == {"type": "function", "function": {"name": "city"}}
    assert bodies["json"]["response_format"] == {"type": "json_object"}
    assert "response_format" not in bodies["prompt"]
    for mode in ("json", "prompt"):
        assert json.dumps(SCHEMA, separators=(",", ":")) in bodies[mode]["messages"][0]["content"]


@pytest.mark.parametrize(
    ("model", "mode"),
    [
        ("openai:gpt-4o", "json_schema"),
        ("openai:gpt-4-turbo", "tool"),
        ("openai:gpt-3.5-turbo-instruct-of-tomorrow", "json_schema"),
        ("anthropic:claude-sonnet-4-5", "json_schema"),
        ("deepseek:deepseek-chat", "tool"),
        ("ollama:anything", "json_schema"),
        ("perplexity:sonar", "json_schema"),
    ],
)
def test_the_mode_is_the_best_that_the_model_is_known_to_have(model: str, mode: str) -> None:
    from stepwell.workflows.objects.modes import object_request
    from stepwell.workflows.objects.output_spec import OutputSpec

    plan = stepwell.Client().planner.plan("chat", model)
    assert object_request(plan, OutputSpec.of(SCHEMA), "hi", {}, None).mode == mode


def test_a_schema_that_the_vendor_cannot_enforce_uses_the_next_best_mode() -> None:
    """Anthropic enforces no recursion, and has no way to send a schema as a mere hint."""
    from stepwell.workflows.objects.modes import object_request
    from stepwell.workflows.objects.output_spec import OutputSpec

    tree: dict[str, Any] = {
        "type": "object",
        "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["value", "children"],
        "additionalProperties": False,
    }
    plan = stepwell.Client().planner.plan("chat", "anthropic:claude-sonnet-4-5")
    assert object_request(plan, OutputSpec.of(tree), "hi", {}, None).mode == "tool"


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_that_does_not_fit_is_shown_with_its_faults_and_asked_for_again(
    generate: Generate, mode: str
) -> None:
    script = Scripted([answer_as({"name": "Paris", "people": -5}, mode), answer_as(CITY, mode)])
    reply = generate(script, SCHEMA, mode=mode)
    assert reply.object == CITY
    complaint = script.seen[1]["messages"][-1]
    assert complaint["role"] == ("tool" if "tool" in mode else "user")
    assert "/people" in complaint["content"]
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (20, 10)
    assert len(reply.steps) == 2
    assert [message.role for message in reply.context.messages] == ["user", "assistant"]


@dataclass
class Pair:
    left: int
    right: int

    def __post_init__(self) -> None:
        if self.left == self.right:
            raise ValueError("left and right must differ")


def test_a_class_can_reject_a_value_and_the_model_is_informed(generate: Generate) -> None:
    script = Scripted(
        [answer_as({"left": 1, "right": 1}, "json_schema"), answer_as({"left": 1, "right": 2}, "json_schema")]
    )
    assert generate(script, Pair).object == Pair(1, 2)
    assert "left and right must differ" in script.seen[1]["messages"][-1]["content"]


def test_after_the_last_repair_the_error_carries_the_partial_result(generate: Generate) -> None:
    script = Scripted([answer_as({"name": 1}, "json_schema"), answer_as({"name": 2, "x": 1}, "json_schema")])
    with pytest.raises(ObjectInvalid, match="does not fit the schema") as caught:
        generate(script, SCHEMA)
    error = caught.value
    assert json.loads(error.text) == {"name": 2, "x": 1}
    assert ("/name", "must be of type string") in [(each.pointer, each.message) for each in error.violations]
    assert error.usage.input_tokens == 20
    assert error.partial.text == error.text


def test_repairs_are_as_many_as_were_allowed(generate: Generate) -> None:
    script = Scripted([answer_as({}, "json_schema")] * 5)
    with pytest.raises(ObjectInvalid):
        generate(script, SCHEMA, max_repairs=0)
    assert len(script.seen) == 1


def test_a_refusal_is_not_repaired(generate: Generate) -> None:
    refused = {"role": "assistant", "content": None, "refusal": "I will not."}
    body = {"id": "c", "choices": [{"message": refused, "finish_reason": "stop"}]}
    script = Scripted([httpx.Response(200, json=body)])
    with pytest.raises(ObjectInvalid, match="refused") as caught:
        generate(script, SCHEMA)
    assert caught.value.text == "I will not."
    assert len(script.seen) == 1


def test_an_answer_cut_at_the_token_limit_is_not_asked_for_again(generate: Generate) -> None:
    for text, schema in [('{"name": "Pa', SCHEMA), ('{"value": [1, 2', list[int])]:
        body = {"id": "c", "choices": [{"message": {"content": text}, "finish_reason": "length"}]}
        with pytest.raises(ObjectInvalid, match="token limit.*max_tokens"):
            generate(Scripted([httpx.Response(200, json=body)]), schema)


def test_when_the_second_call_fails_the_answer_and_the_usage_of_the_first_are_kept(generate: Generate) -> None:
    script = Scripted([answer_as({}, "json_schema"), httpx.Response(500, json={"error": {"message": "broken"}})])
    with pytest.raises(ServerError) as caught:
        generate(script, SCHEMA)
    assert caught.value.usage.input_tokens == 10
    assert caught.value.partial.text == "{}"


def test_a_filtered_request_is_not_an_overflow(generate: Generate) -> None:
    error = {"error": {"message": "filtered", "code": "content_filter"}}
    with pytest.raises(ContentFiltered):
        generate(Scripted([httpx.Response(400, json=error)]), SCHEMA)


def test_slightly_broken_json_is_repaired_with_a_warning(generate: Generate) -> None:
    reply = generate(Scripted(['```json\n{"name": "Paris", "people": 2,}\n```']), SCHEMA)
    assert reply.object == CITY
    assert any("trailing comma" in str(warning) for warning in reply.warnings)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ('<think>maybe {"name": "a draft", "people": 1}?</think>{"name": "Paris", "people": 2}', SCHEMA, CITY),
        ('I considered ["Rome", "Oslo", "Bern"].\n{"name": "Paris", "people": 2}', SCHEMA, CITY),
        ('{"name": "Paris", "people": 2}\nSources: ["1"]', DictCity, CITY),
        ("It is:\n```json\n7\n```", int, 7),
        ("<think>5?</think>7", int, 7),
    ],
)
def test_the_requested_one_of_several_documents_is_used(generate: Generate, text: str, kind: Any, value: Any) -> None:
    assert generate(Scripted([text]), kind, max_repairs=0, mode="prompt").object == value


def test_optional_properties_that_came_as_null_are_absent(generate: Generate) -> None:
    schema = {**SCHEMA, "required": ["name"]}
    script = Scripted(['{"name": "Paris", "people": null}'])
    assert generate(script, schema).object == {"name": "Paris"}
    sent = script.seen[0]["response_format"]["json_schema"]["schema"]
    assert sorted(sent["required"]) == ["name", "people"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": "https://example.com/schema.json"}}},
        {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}},
        {"$ref": "#"},
        {"type": "string", "pattern": "(?m)^(a+)+$"},
        {"type": "no such type"},
        "not a schema",
        object(),
    ],
    ids=["http ref", "file ref", "self reference", "catastrophic pattern", "unknown type", "a string", "an object"],
)
def test_a_schema_that_cannot_be_used_is_an_error_before_anything_is_sent(generate: Generate, schema: Any) -> None:
    script = Scripted([])
    with pytest.raises(SchemaError):
        generate(script, schema)
    assert script.seen == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"mode": "jsn"}, InvalidOption, "did you mean 'json'"),
        ({"tools": []}, InvalidOption, "'tools' cannot be combined"),
        ({"response_format": "json"}, InvalidOption, "'response_format' cannot be combined"),
    ],
)
def test_options_that_make_no_sense_are_errors(
    generate: Generate, options: dict[str, Any], error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        generate(Scripted([]), SCHEMA, **options)


def test_a_mode_that_the_wire_lacks_is_an_error_with_those_it_has() -> None:
    with pytest.raises(NotSupported, match="json_schema, strict_tool, tool, prompt"):
        stepwell.Client().generate_object("anthropic:claude-sonnet-4-5", "hi", SCHEMA, mode="json", api_key="k")


def test_a_model_that_calls_another_tool_is_corrected_and_gets_another_chance(generate: Generate) -> None:
    script = Scripted([calls(("x", "nonsense", "{}")), answer_as(CITY, "tool")])
    assert generate(script, SCHEMA, mode="tool").object == CITY
    assert script.seen[1]["messages"][-1]["tool_call_id"] == "x"


FRAGMENTS = [
    ({"type": "object"}, '[{"key":"value"}},{"key":"value2"}]'),
    (list[str], '{"bad":["Lorem", "dolor" comment" ], "good":["elit", "sed"]}'),
    ({"type": "object", "required": ["name"]}, 'Here: {"name": "root", "kids": [{"name": "a"}, {"name": "b" oops}]}'),
    ({"type": "object"}, '{"a": 1}, "b": 2}'),
    ({"type": "object"}, '{"a": 1, "items": [{"x": 1}, {"y": '),
]


@pytest.mark.parametrize(("wanted", "broken"), FRAGMENTS)
@pytest.mark.parametrize("mode", ["json_schema", "json", "prompt"])
def test_a_part_of_a_broken_document_is_repaired(mode: str, wanted: Any, broken: str) -> None:
    right = '["right"]' if wanted == list[str] else '{"name": "right"}'
    fake = FakeModel(broken, right)
    reply = stepwell.Client(registry=fake.registry).generate_object("fake:any", "x", wanted, mode=mode)
    assert len(fake.requests) == 2 and reply.text == right
    with pytest.raises(ObjectInvalid) as caught:
        client = stepwell.Client(registry=FakeModel(broken).registry)
        client.generate_object("fake:any", "x", wanted, mode=mode, max_repairs=0)
    assert caught.value.text == broken
    with pytest.raises(ObjectInvalid):
        stepwell.Client(registry=FakeModel(broken).registry).stream_object("fake:any", "x", wanted, mode=mode).reply()
