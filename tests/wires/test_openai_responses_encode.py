"""Requests for responses: items, instructions, tools, formats, stored answers; checked against the SDK's own types."""

from __future__ import annotations

from typing import Any

import answers
import httpx
import orjson
import pytest
from attrs import evolve
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter

from stepwell import Client, Context, File, Image, Message, Tool
from stepwell.catalog import Model
from stepwell.messages import Opaque, Reasoning, Refusal, Text, ToolCall
from stepwell.pipeline.http.request import Request
from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.providers.wires.openai_responses.encode import NAME, encode_messages
from stepwell.providers.wires.openai_responses.items import finalize_history
from stepwell.schemas.message import assistant, system, tool_result, user

from recordings import registry_of

PARAMS: Any = TypeAdapter(ResponseCreateParamsNonStreaming)
TOOL = Tool("look_up", "Look a city up.", {"type": "object", "properties": {"city": {"type": "string"}}})
SEARCH = Tool("web_search", server={"type": "web_search", "search_context_size": "low"})
PATCH = Tool("patch", server={"type": "custom", "name": "patch", "description": "Patches a file."})
THINKER = Model("openai", "gpt-9", reasoning=True)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
NAMED = {"name": "n", "schema": SCHEMA, "strict": True}
APPROVAL = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}


def body_of(*messages: Message, tools: tuple[Tool, ...] = (), **more: Any) -> dict[str, Any]:
    """Build the body and check it against the SDK's types."""
    body = answers.body_of(openai_responses, messages, tools, **more)
    PARAMS.validate_python(body)
    return body


@pytest.mark.parametrize(
    ("message", "item"),
    [
        (user("hi"), {"type": "message", "role": "user", "content": "hi"}),
        (
            user(["see", Image(url="https://x.test/y.png", detail="low")]),
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "see"},
                    {"type": "input_image", "detail": "low", "image_url": "https://x.test/y.png"},
                ],
            },
        ),
        (
            user(Image(data=b"\x89PNG")),
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,iVBORw=="}],
            },
        ),
        (
            user(Image(file_id="f1")),
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_image", "detail": "auto", "file_id": "f1"}],
            },
        ),
        (
            user(File(data=b"%PDF", filename="a.pdf")),
            {
                "type": "message",
                "role": "user",
                "content": [
                    {
                        "type": "input_file",
                        "filename": "a.pdf",
                        "file_data": "data:application/pdf;base64,JVBERg==",
                    }
                ],
            },
        ),
        (
            user(File(url="https://x.test/a.pdf")),
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_file", "file_url": "https://x.test/a.pdf"}],
            },
        ),
        (
            user(File(file_id="f1")),
            {"type": "message", "role": "user", "content": [{"type": "input_file", "file_id": "f1"}]},
        ),
        (
            tool_result("c1", "sunny"),
            {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        ),
        (
            tool_result("c1", ["see", Image(url="https://x.test/y.png")]),
            {
                "type": "function_call_output",
                "call_id": "c1",
                "output": [
                    {"type": "input_text", "text": "see"},
                    {"type": "input_image", "detail": "auto", "image_url": "https://x.test/y.png"},
                ],
            },
        ),
        (assistant("said by another"), {"type": "message", "role": "assistant", "content": "said by another"}),
        (assistant(Refusal("no")), {"type": "message", "role": "assistant", "content": "no"}),
        (
            assistant(ToolCall("c1", "f", "")),
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        ),
        (
            assistant(ToolCall("c1", "f", '{"b":1,"a":2}')),
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"b":1,"a":2}'},
        ),
        (assistant(Opaque(NAME, {"type": "compaction", "id": "x", "encrypted_content": "e"})), None),
    ],
)
def test_each_turn_is_an_item(message: Message, item: Any) -> None:
    (sent,) = body_of(message)["input"]
    assert sent == (item or message.content[0].data)  # type: ignore[union-attr]


def test_another_vendors_data_is_not_sent() -> None:
    parts = [Reasoning("hm", "s", wire="anthropic_messages"), Opaque("anthropic_messages", {}), Text("yes")]
    assert body_of(user("q"), assistant(parts), user("so?"))["input"][1] == {
        "type": "message",
        "role": "assistant",
        "content": "yes",
    }


def test_the_first_system_message_is_instructions_and_later_ones_are_developer_messages() -> None:
    body = body_of(system("be kind"), system("be brief"), user("a"), system("now rhyme"), user("b"))
    assert body["instructions"] == "be kind\n\nbe brief"
    assert [item["role"] for item in body["input"]] == ["user", "developer", "user"]


def test_results_of_free_text_tools_are_items_of_their_own_kind() -> None:
    """https://platform.openai.com/docs/guides/function-calling#custom-tools"""
    call = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "patch", "input": "*** x"}
    answer = {"id": "r", "status": "completed", "model": "m", "tools": [{"type": "custom", "name": "patch"}]}
    bodies: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(orjson.loads(request.content))
        return httpx.Response(200, json={**answer, "output": [call]})

    with Client(transport=httpx.MockTransport(handler), registry=registry_of(openai_responses)) as client:
        reply = client.generate_text("recorded:m", "fix it", tools=[PATCH])
        (made_call,) = reply.tool_calls
        history = [*reply.context.messages, tool_result(made_call, "done")]
        client.generate_text("recorded:m", history, tools=[PATCH])
    assert bodies[1]["input"][1:] == [
        call,
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": "done"},
    ]


def test_answers_to_built_in_tools_are_items_apart_from_the_text() -> None:
    foreign = user([Opaque("anthropic_messages", {"x": 1})])
    items = body_of(user([Opaque(NAME, APPROVAL), Text("go on")]), foreign)["input"]
    assert items == [APPROVAL, {"type": "message", "role": "user", "content": "go on"}]


def test_tools_are_flat_and_built_in_ones_unchanged() -> None:
    body = body_of(user("hi"), tools=(TOOL, SEARCH, PATCH, Tool("now", strict=True)))
    assert body["tools"] == [
        {
            "type": "function",
            "name": "look_up",
            "description": "Look a city up.",
            "parameters": TOOL.parameters,
            "strict": False,
        },
        {"type": "web_search", "search_context_size": "low"},
        {"type": "custom", "name": "patch", "description": "Patches a file."},
        {"type": "function", "name": "now", "parameters": Tool("now").parameters, "strict": True},
    ]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("any", "required"),
        ({"name": "look_up"}, {"type": "function", "name": "look_up"}),
        ({"type": "function", "function": {"name": "look_up"}}, {"type": "function", "name": "look_up"}),
        (TOOL, {"type": "function", "name": "look_up"}),
        ({"type": "code_interpreter"}, {"type": "code_interpreter"}),
        ({"type": "custom", "name": "patch"}, {"type": "custom", "name": "patch"}),
    ],
)
def test_the_choice_of_tools(choice: Any, sent: Any) -> None:
    assert body_of(user("hi"), tools=(TOOL, SEARCH, PATCH), tool_choice=choice)["tool_choice"] == sent


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"temperature": 0, "top_p": 0.5}, {"temperature": 0, "top_p": 0.5}),
        ({"max_tokens": 5}, {"max_output_tokens": 5}),
        ({"max_completion_tokens": 5}, {"max_output_tokens": 5}),
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        (
            {"reasoning_effort": "low", "reasoning_summary": "auto"},
            {"reasoning": {"effort": "low", "summary": "auto"}},
        ),
        ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
        ({"response_format": "json"}, {"text": {"format": {"type": "json_object"}}}),
        ({"response_format": "text", "verbosity": "low"}, {"text": {"format": {"type": "text"}, "verbosity": "low"}}),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
                }
            },
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
        ),
        ({"user": "u"}, {"safety_identifier": "u"}),
        (
            {"parallel_tool_calls": False, "service_tier": "flex"},
            {"parallel_tool_calls": False, "service_tier": "flex"},
        ),
        ({"metadata": {"a": "b"}, "prompt_cache_key": "k"}, {"metadata": {"a": "b"}, "prompt_cache_key": "k"}),
        (
            {"logprobs": True, "top_logprobs": 2, "include": ["web_search_call.action.sources"]},
            {
                "top_logprobs": 2,
                "include": ["message.output_text.logprobs", "web_search_call.action.sources"],
            },
        ),
    ],
)
def test_options_are_at_the_places_of_this_format(options: dict[str, Any], sent: dict[str, Any]) -> None:
    body = body_of(user("hi"), **options)
    assert {name: body[name] for name in sent} == sent


def test_answers_are_not_stored_and_reasoning_is_encrypted() -> None:
    plain, thinking = body_of(user("hi")), body_of(user("hi"), model=THINKER)
    assert plain["store"] is False and "include" not in plain
    assert thinking["store"] is False and thinking["include"] == ["reasoning.encrypted_content"]
    wanted = ["reasoning.encrypted_content", "computer_call_output.output.image_url"]
    assert body_of(user("hi"), model=THINKER, include=wanted)["include"] == wanted


def test_an_unknown_model_is_asked_for_a_summary_if_it_is_asked_to_reason() -> None:
    """One that does not think refuses: "Encrypted content is not supported with this model"."""
    unknown_model_warning = Model("azure", "mine")
    assert "include" not in body_of(user("hi"), model=unknown_model_warning)
    assert body_of(user("hi"), model=unknown_model_warning, reasoning_effort="low")["include"] == [
        "reasoning.encrypted_content"
    ]
    assert "include" not in body_of(
        user("hi"), model=evolve(unknown_model_warning, reasoning=False), reasoning_effort="low"
    )


RS = {"type": "reasoning", "id": "rs_1", "summary": []}
FC = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}", "status": "completed"}
MESSAGE = {"id": "m_1", "type": "message", "role": "assistant", "status": "completed"}
MSG = {**MESSAGE, "content": [{"type": "output_text", "text": "ok", "annotations": []}]}


def sent_again(*output: dict[str, Any], **options: Any) -> tuple[list[Any], list[str]]:
    """Return the items of an answer as they are sent back, and the warnings."""
    answer = answers.decoded(openai_responses, {"id": "r", "status": "completed", "output": list(output)}).message
    results = [tool_result(call, "r") for call in answer.tool_calls]
    asked = Request("chat", THINKER, Context([user("a"), answer, *results, user("b")]), options=options)
    settled = finalize_history(asked)
    return encode_messages(settled.context.messages)[1][1:-1], [warning.why for warning in settled.warnings]


def test_reasoning_is_sent_back_with_its_encrypted_form_or_not_at_all() -> None:
    """ "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false." """
    whole = {**RS, "encrypted_content": "blob"}
    assert sent_again(whole, MSG) == ([whole, MSG], [])
    shown = {**RS, "content": [{"type": "reasoning_text", "text": "hm"}]}
    assert sent_again(shown, MSG) == ([shown, MSG], []), "a server that shows all of it needs nothing else"
    items, reported = sent_again(RS, MSG)
    assert items == [{"type": "message", "role": "assistant", "content": "ok"}] and len(reported) == 1, (
        "nor do the ids that belong to it"
    )
    items, reported = sent_again(RS, FC)
    assert items[0] == {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"} and len(reported) == 1
    assert sent_again(RS, MSG, store=True) == ([RS, MSG], [])


def test_reasoning_without_an_answer_is_not_sent_back() -> None:
    """ "Item 'rs_1' of type 'reasoning' was provided without its required following item." """
    whole = {**RS, "encrypted_content": "blob"}
    items, reported = sent_again(whole)
    assert items == [] and len(reported) == 1
    items, reported = sent_again(whole, MSG, {**whole, "id": "rs_2"}, store=True)
    assert items == [whole, MSG] and len(reported) == 1


def test_storing_an_answer_must_be_requested() -> None:
    assert body_of(user("hi"), model=THINKER, store=True).keys().isdisjoint({"include"})
    assert body_of(user("hi"), store=True)["store"] is True


def test_a_previous_response_replaces_the_messages_that_the_provider_has() -> None:
    turns = [user("a"), assistant([Text("b"), ToolCall("c1", "f", "{}")]), tool_result("c1", "r"), user("c")]
    body = body_of(*turns, previous_response_id="resp_1")
    assert body["previous_response_id"] == "resp_1" and "store" not in body
    assert body["input"] == [
        {"type": "function_call_output", "call_id": "c1", "output": "r"},
        {"type": "message", "role": "user", "content": "c"},
    ]
    assert len(body_of(user("a"), previous_response_id="resp_1")["input"]) == 1


def test_instructions_are_sent_again_after_a_previous_response() -> None:
    turns = [system("SYS"), user("a"), system("aside"), assistant("b"), user("c")]
    body = body_of(*turns, previous_response_id="resp_9")
    assert (body["instructions"], body["input"]) == ("SYS", [{"type": "message", "role": "user", "content": "c"}])


def test_models_of_this_wire_alone_are_routed_by_their_metadata() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        item = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
        return httpx.Response(200, json={"id": "r", "status": "completed", "output": [item]})

    with Client(transport=httpx.MockTransport(handler), api_keys={"openai": "k"}) as client:
        assert client.generate_text("openai:o1-pro", "hi").text == "hi"
        assert client.generate_text("openai:gpt-4o", "hi", wire="openai_responses").text == "hi"
    assert {str(request.url) for request in seen} == {"https://api.openai.com/v1/responses"}


def test_the_beginning_of_a_conversation_is_encoded_alike_every_turn() -> None:
    turns = [user("a"), assistant([Text("b"), ToolCall("1", "f", '{"z":1}')]), tool_result("1", "r"), user("c")]
    whole = orjson.dumps(body_of(*turns)["input"])
    for n in (1, 2, 3):
        assert whole.startswith(orjson.dumps(body_of(*turns[:n])["input"])[:-1])
