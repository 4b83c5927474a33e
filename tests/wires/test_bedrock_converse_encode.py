"""Requests to Converse and through invoke: turns, tools, caching, options; checked against AWS's service model."""

from __future__ import annotations

from typing import Any

import answers
import httpx
import orjson
import pytest
from converse_model import request_faults

from stepwell import Client, File, Image, Message, Tool
from stepwell.messages import Opaque, Reasoning, Text, ToolCall
from stepwell.model_metadata.catalog import CATALOG
from stepwell.model_metadata.ids import NORMALIZERS, reduced
from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.bedrock_converse.encode import NAME, document_name
from stepwell.providers.wires.bedrock_invoke import bedrock_invoke_anthropic, bedrock_invoke_openai
from stepwell.schemas.message import assistant, system, tool_result, user

TOOL = Tool("look_up", "Look a city up.", {"type": "object", "properties": {"city": {"type": "string"}}})
GROUNDING = Tool("nova_grounding", server={"systemTool": {"name": "nova_grounding"}})
POINT = {"cachePoint": {"type": "default"}}
KEYS = {"access_key": "AKIDEXAMPLE", "secret_key": "s", "region": "eu-west-1"}


def body_of(*messages: Message, tools: tuple[Tool, ...] = (), **options: Any) -> dict[str, Any]:
    """Build the body and check it against AWS's own service model."""
    body = answers.body_of(bedrock_converse, messages, tools, **options)
    assert not request_faults(body)
    return body


@pytest.mark.parametrize(
    ("message", "blocks"),
    [
        (user("hi"), [{"text": "hi"}]),
        (user(["", " ", "b"]), [{"text": "b"}]),
        (
            user(["see", Image(data=b"\x89PNG")]),
            [{"text": "see"}, {"image": {"format": "png", "source": {"bytes": "iVBORw=="}}}],
        ),
        (
            user(File(data=b"%PDF", filename="my_report (1).pdf", extra={NAME: {"citations": {"enabled": True}}})),
            [
                {
                    "document": {
                        "format": "pdf",
                        "name": "my-report (1)",
                        "source": {"bytes": "JVBERg=="},
                        "citations": {"enabled": True},
                    }
                },
                {"text": "."},
            ],
        ),
        (
            user(File(url="s3://bucket/a.pdf")),
            [
                {
                    "document": {
                        "format": "pdf",
                        "name": "document",
                        "source": {"s3Location": {"uri": "s3://bucket/a.pdf"}},
                    }
                },
                {"text": "."},
            ],
        ),
        (tool_result("t", "ok"), [{"toolResult": {"toolUseId": "t", "content": [{"text": "ok"}]}}]),
        (tool_result("t", ""), [{"toolResult": {"toolUseId": "t", "content": [{"text": "(no output)"}]}}]),
        (
            tool_result("t", "no", is_error=True),
            [{"toolResult": {"toolUseId": "t", "content": [{"text": "no"}], "status": "error"}}],
        ),
    ],
)
def test_user_and_tool_turns_are_encoded(message: Message, blocks: list[Any]) -> None:
    assert body_of(message)["messages"] == [{"role": "user", "content": blocks}]


@pytest.mark.parametrize(
    ("parts", "blocks"),
    [
        (
            [Reasoning("hm", "s", wire=NAME), Text("yes")],
            [{"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}}, {"text": "yes"}],
        ),
        (
            [Reasoning(encrypted="YmxvYg==", wire=NAME), Text("yes")],
            [{"reasoningContent": {"redactedContent": "YmxvYg=="}}, {"text": "yes"}],
        ),
        ([Reasoning("unsigned", wire=NAME), Text("yes")], [{"text": "yes"}]),
        ([Reasoning("foreign", "s", wire="anthropic_messages"), Text("yes")], [{"text": "yes"}]),
        (
            [ToolCall("t", "look_up", '{"a":')],
            [{"toolUse": {"toolUseId": "t", "name": "look_up", "input": {"invalid_arguments": '{"a":'}}}],
        ),
        (
            [Opaque(NAME, {"toolUse": {"toolUseId": "s", "name": "n", "input": {}, "type": "server_tool_use"}})],
            [{"toolUse": {"toolUseId": "s", "name": "n", "input": {}, "type": "server_tool_use"}}],
        ),
    ],
)
def test_an_answer_is_sent_back(parts: list[Any], blocks: list[Any]) -> None:
    turn = body_of(user("hi"), assistant(parts), user("more"))["messages"][1]
    assert turn == {"role": "assistant", "content": blocks}


def test_turns_alternate_and_results_come_first() -> None:
    body = body_of(
        system("be kind"),
        user("a"),
        user("b"),
        assistant([ToolCall("1", "f", ""), ToolCall("2", "f", "")]),
        user("meanwhile"),
        tool_result("1", "one"),
        tool_result("2", "two"),
        assistant(""),
        system("be brief"),
    )
    assert body["system"] == [{"text": "be kind"}, {"text": "be brief"}]
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    kinds = [block.get("text") or block["toolResult"]["toolUseId"] for block in body["messages"][2]["content"]]
    assert kinds == ["1", "2", "meanwhile"]
    begun = body_of(user("list"), assistant("1. a\n2. "))["messages"][1]["content"]
    assert begun == [{"text": "1. a\n2."}]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ({"name": "look_up"}, {"tool": {"name": "look_up"}}),
        ({"type": "function", "function": {"name": "look_up"}}, {"tool": {"name": "look_up"}}),
        (TOOL, {"tool": {"name": "look_up"}}),
    ],
)
def test_the_choice_of_tools(choice: Any, sent: Any) -> None:
    assert body_of(user("hi"), tools=(TOOL,), tool_choice=choice)["toolConfig"]["toolChoice"] == sent
    assert "toolConfig" not in body_of(user("hi"), tool_choice=choice)


def test_no_choice_is_no_tools_unless_the_history_needs_them() -> None:
    assert "toolConfig" not in body_of(user("hi"), tools=(TOOL,), tool_choice="none")
    called = [user("go"), assistant(ToolCall("1", "look_up", "")), tool_result("1", "ok")]
    assert body_of(*called, tools=(TOOL,), tool_choice="none")["toolConfig"]["tools"]


def test_tools_and_provider_tools_are_sent() -> None:
    assert body_of(user("hi"), tools=(TOOL, GROUNDING, Tool("now")))["toolConfig"]["tools"] == [
        {
            "toolSpec": {
                "name": "look_up",
                "description": "Look a city up.",
                "inputSchema": {"json": TOOL.parameters},
            }
        },
        {"systemTool": {"name": "nova_grounding"}},
        {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object", "properties": {}}}}},
    ]


@pytest.mark.parametrize(("value", "point"), [(True, POINT), ("1h", {"cachePoint": {"type": "default", "ttl": "1h"}})])
def test_caching_adds_points_behind_the_stable_prefix(value: Any, point: dict[str, Any]) -> None:
    body = body_of(system("s"), user("q"), assistant("a"), user("b"), tools=(TOOL,), prompt_cache=value)
    assert body["system"][-1] == body["toolConfig"]["tools"][-1] == body["messages"][-1]["content"][-1] == point
    assert str(body).count("cachePoint") == 3
    assert "cachePoint" not in str(body_of(system("s"), user("q"), prompt_cache=False))


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (
            {"temperature": 0, "top_p": 0.5, "max_tokens": 9},
            {"inferenceConfig": {"temperature": 0, "topP": 0.5, "maxTokens": 9}},
        ),
        ({"stop": "x"}, {"inferenceConfig": {"stopSequences": ["x"]}}),
        ({"top_k": 3}, {"additionalModelRequestFields": {"top_k": 3}}),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}, "additional_model_request_fields": {"a": 1}},
            {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}, "a": 1}},
        ),
        ({"metadata": {"team": "a"}}, {"requestMetadata": {"team": "a"}}),
        ({"service_tier": "flex"}, {"serviceTier": {"type": "flex"}}),
        (
            {"guardrailConfig": {"guardrailIdentifier": "abc123", "guardrailVersion": "1"}},
            {"guardrailConfig": {"guardrailIdentifier": "abc123", "guardrailVersion": "1"}},
        ),
        ({"performanceConfig": {"latency": "optimized"}}, {"performanceConfig": {"latency": "optimized"}}),
        ({"anthropic_beta": ["b"]}, {"additionalModelRequestFields": {"anthropic_beta": ["b"]}}),
    ],
)
def test_options_are_at_the_places_of_this_format(options: dict[str, Any], sent: dict[str, Any]) -> None:
    body = body_of(user("hi"), **options)
    assert {name: body[name] for name in sent} == sent


def test_a_schema_for_the_answer_is_sent_as_text() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    form = body_of(user("hi"), response_format=wanted)["outputConfig"]["textFormat"]
    assert form["type"] == "json_schema"
    assert orjson.loads(form["structure"]["jsonSchema"]["schema"]) == schema


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("my_report.final (2).pdf", "my-report-final (2)"),
        ("a  b.txt", "a b"),
        (None, "document"),
        (".pdf", "-pdf"),
        ("Grüße.md", "Gr--e"),
        ("x" * 300 + ".txt", "x" * 200),
    ],
)
def test_document_names_have_the_letters_that_are_allowed(name: str | None, sent: str) -> None:
    assert document_name(name) == sent


def test_documents_of_one_name_are_distinguished_in_the_whole_conversation() -> None:
    """ "Messages can't contain duplicate document names": those of earlier turns count, and keep their names."""
    report = File(data=b"%PDF", filename="report.pdf")
    turns = [
        user(["a", report, File(data=b"a,b", filename="Report.csv"), File(data=b"x", media_type="text/plain")]),
        assistant(ToolCall("1", "f", "")),
        tool_result("1", ["b", report]),
        user(["c", File(data=b"x", media_type="text/plain")]),
    ]

    def names(count: int) -> list[str]:
        contents = [block for turn in body_of(*turns[:count])["messages"] for block in turn["content"]]
        inner = [each for block in contents for each in (block, *block.get("toolResult", {}).get("content", []))]
        return [block["document"]["name"] for block in inner if "document" in block]

    assert names(1) == ["report", "Report (2)", "document"]
    assert names(4) == ["report", "Report (2)", "document", "report (3)", "document (2)"]


def test_a_document_is_sent_with_a_text_and_a_conversation_begins_with_the_user() -> None:
    """ "A text block must be included when using documents"; "A conversation must start with a user message"."""
    pdf = File(data=b"%PDF-1", filename="a.pdf")
    alone, beside, behind = (
        body_of(*turns)["messages"]
        for turns in ([user(pdf)], [user([pdf, "see"])], [assistant("Hello"), user([pdf, Image(data=b"GIF8")])])
    )
    assert [block["text"] for block in alone[0]["content"] if "text" in block] == ["."]
    assert [block["text"] for block in beside[0]["content"] if "text" in block] == ["see"]
    assert [turn["role"] for turn in behind] == ["user", "assistant", "user"]
    assert all(any("text" in block for block in turn["content"]) for turn in behind)


# -- invoke ---------------------------------------------------------------------------------------------------------


def test_invoke_sends_the_models_own_body_without_the_fields_of_the_address() -> None:
    turns = [system("be kind"), user("hi")]
    for stream in (False, True):
        claude = answers.body_of(bedrock_invoke_anthropic, turns, (TOOL,), stream=stream, temperature=0)
        assert claude["anthropic_version"] == "bedrock-2023-05-31" and claude["max_tokens"]
        assert not {"model", "stream"} & claude.keys() and claude["tools"][0]["input_schema"]
        gpt = answers.body_of(bedrock_invoke_openai, turns, (TOOL,), stream=stream, temperature=0)
        assert not {"stream", "stream_options"} & gpt.keys() and gpt["messages"][0]["role"] == "system"


@pytest.mark.parametrize(
    ("wire", "stream", "path"),
    [
        (None, False, "converse"),
        (None, True, "converse-stream"),
        ("bedrock_invoke_anthropic", False, "invoke"),
        ("bedrock_invoke_anthropic", True, "invoke-with-response-stream"),
    ],
)
def test_each_kind_of_call_has_its_own_address(wire: str | None, stream: bool, path: str) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(400, json={"message": "no"})

    model = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
    with Client(transport=httpx.MockTransport(handler), api_keys={"amazon_bedrock": KEYS}) as client:
        ask = client.stream_text if stream else client.generate_text
        with pytest.raises(Exception, match="no"):
            ask(f"amazon_bedrock:{model}", "hi", **({"wire": wire} if wire else {}))
    assert seen[0].url.raw_path.decode() == f"/model/{model.replace(':', '%3A')}/{path}"


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5"),
        ("global.anthropic.claude-opus-4-6-v1", "anthropic.claude-opus-4-6"),
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "anthropic.claude-sonnet-4-5",
        ),
        ("amazon.nova-lite-v1:0", "amazon.nova-lite"),
    ],
)
def test_ids_are_reduced_to_the_models_own(model: str, base: str) -> None:
    assert reduced(model, NORMALIZERS["amazon-bedrock"]) == base


def test_facts_of_a_model_are_found_under_its_profiles() -> None:
    plain = CATALOG.get("amazon_bedrock:anthropic.claude-sonnet-4-5-20250929-v1:0")
    for name in ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"):
        profile = CATALOG.get(f"amazon_bedrock:{name}")
        assert profile.context_window == plain.context_window and profile.context_window
