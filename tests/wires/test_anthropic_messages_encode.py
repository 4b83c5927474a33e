"""Requests for messages: turns, documents, reasoning, tools, caching, betas; checked against the SDK's own types."""

from __future__ import annotations

from typing import Any

import answers
import httpx
import orjson
import pytest
from anthropic.types.beta.message_create_params import MessageCreateParamsNonStreaming as Beta
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from pydantic import TypeAdapter

from stepwell import Client, Context, File, Image, Message, Tool
from stepwell.catalog import Model
from stepwell.messages import Opaque, Reasoning, Text, ToolCall
from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.providers.wires.anthropic_messages.encode import MAX_TOKENS, NAME
from stepwell.schemas.message import assistant, system, tool_result, user

PARAMS: Any = TypeAdapter(MessageCreateParamsNonStreaming)
BETA: Any = TypeAdapter(Beta)
TOOL = Tool("look_up", "Look a city up.", {"type": "object", "properties": {"city": {"type": "string"}}})
SEARCH = Tool("web_search", server={"type": "web_search_20250305", "name": "web_search", "max_uses": 3})
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
CITED = {NAME: {"citations": {"enabled": True}, "context": "of 2026"}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}
FORCED = {"type": "tool", "name": "look_up"}


def body_of(*messages: Message, tools: tuple[Tool, ...] = (), **more: Any) -> dict[str, Any]:
    """Build the body and check it against the SDK's types."""
    body = answers.body_of(anthropic_messages, messages, tools, **more)
    PARAMS.validate_python(body, strict=False)
    return body


@pytest.mark.parametrize(
    ("message", "blocks"),
    [
        (user("hi"), [{"type": "text", "text": "hi"}]),
        (
            user(["see", Image(data=b"\x89PNG")]),
            [
                {"type": "text", "text": "see"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
            ],
        ),
        (
            user(Image(url="https://x.test/y.png")),
            [{"type": "image", "source": {"type": "url", "url": "https://x.test/y.png"}}],
        ),
        (
            user(File(data=b"%PDF", filename="a.pdf", extra=CITED)),
            [
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
                    "title": "a.pdf",
                    "citations": {"enabled": True},
                    "context": "of 2026",
                }
            ],
        ),
        (
            user(File(url="https://x.test/a.pdf")),
            [{"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}}],
        ),
        (
            user(File(data="Grüße".encode(), media_type="text/markdown", extra={NAME: {"title": "mine"}})),
            [
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"},
                    "title": "mine",
                }
            ],
        ),
        (
            user(Text("hi", {NAME: {"cache_control": {"type": "ephemeral"}}})),
            [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}],
        ),
        (user(["", "  ", "b"]), [{"type": "text", "text": "b"}]),
        (
            tool_result("t1", "sunny"),
            [{"type": "tool_result", "tool_use_id": "t1", "content": "sunny"}],
        ),
        (tool_result("t1", ""), [{"type": "tool_result", "tool_use_id": "t1"}]),
        (
            tool_result("t1", "no", is_error=True),
            [{"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": True}],
        ),
        (
            tool_result("t1", ["see", Image(data=b"\x89PNG")]),
            [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": [
                        {"type": "text", "text": "see"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
                    ],
                }
            ],
        ),
    ],
)
def test_user_and_tool_turns_are_encoded(message: Message, blocks: list[Any]) -> None:
    (turn,) = body_of(message)["messages"]
    assert turn == {"role": "user", "content": blocks}


def test_a_file_of_the_files_api_is_named_by_its_id() -> None:
    """https://docs.claude.com/en/docs/build-with-claude/files: a beta, whose types know it."""
    body = answers.body_of(anthropic_messages, [user([File(file_id="file_1"), Image(file_id="file_2")])])
    BETA.validate_python(body)
    sources = [block["source"] for block in body["messages"][0]["content"]]
    assert sources == [{"type": "file", "file_id": "file_1"}, {"type": "file", "file_id": "file_2"}]


@pytest.mark.parametrize(
    ("parts", "blocks"),
    [
        (
            [Reasoning("hm", "s", wire=NAME), Text("yes")],
            [{"type": "thinking", "thinking": "hm", "signature": "s"}, "yes"],
        ),
        ([Reasoning(encrypted="blob", wire=NAME), Text("yes")], [{"type": "redacted_thinking", "data": "blob"}, "yes"]),
        ([Reasoning("unsigned", wire=NAME), Text("yes")], ["yes"]),
        ([Reasoning("foreign", "s", wire="google_generate"), Text("yes")], ["yes"]),
        ([Opaque("openai_responses", {"type": "x"}), Text("yes")], ["yes"]),
        ([Opaque(NAME, FOUND), Text("yes")], [FOUND, "yes"]),
        (
            [Text("look"), ToolCall("t1", "f", '{"b":1,"a":2}')],
            ["look", {"type": "tool_use", "id": "t1", "name": "f", "input": {"b": 1, "a": 2}}],
        ),
        ([ToolCall("t1", "f", "")], [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]),
        (
            [ToolCall("t1", "f", '{"a":')],
            [{"type": "tool_use", "id": "t1", "name": "f", "input": {"invalid_arguments": '{"a":'}}],
        ),
        (
            [ToolCall("t1", "f", "[1]")],
            [{"type": "tool_use", "id": "t1", "name": "f", "input": {"invalid_arguments": "[1]"}}],
        ),
    ],
)
def test_an_answer_is_sent_back(parts: list[Any], blocks: list[Any]) -> None:
    expected = [{"type": "text", "text": block} if isinstance(block, str) else block for block in blocks]
    turn = body_of(user("hi"), assistant(parts), user("more"))["messages"][1]
    assert turn == {"role": "assistant", "content": expected}


def test_turns_alternate_results_come_first_and_the_system_is_separate() -> None:
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
        user("c"),
    )
    assert [block["text"] for block in body["system"]] == ["be kind", "be brief"]
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    kinds = [block.get("text") or block["tool_use_id"] for block in body["messages"][2]["content"]]
    assert kinds == ["1", "2", "meanwhile", "c"]


def test_a_prefilled_answer_may_not_end_in_spaces() -> None:
    turns = body_of(user("list"), assistant("1. a\n2. "))["messages"]
    assert turns[1]["content"] == [{"type": "text", "text": "1. a\n2."}]
    assert body_of(user("x"), assistant("a "), user("y"))["messages"][1]["content"][0]["text"] == "a "


def test_the_beginning_of_a_conversation_is_encoded_alike_every_turn() -> None:
    turns = [
        user("a"),
        assistant([Reasoning("hm", "s", wire=NAME), ToolCall("1", "f", '{"z":1,"a":2}')]),
        tool_result("1", "r"),
        assistant("b"),
        user("c"),
    ]
    whole = orjson.dumps(body_of(*turns)["messages"])
    for n in (1, 3, 5):
        assert whole.startswith(orjson.dumps(body_of(*turns[:n])["messages"])[:-1])


def test_tools_and_server_tools_are_sent() -> None:
    special = Tool("now", strict=True, extra={NAME: {"cache_control": {"type": "ephemeral"}}})
    body = body_of(user("hi"), tools=(TOOL, SEARCH, special))
    assert body["tools"] == [
        {"name": "look_up", "description": "Look a city up.", "input_schema": TOOL.parameters},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
        {
            "name": "now",
            "input_schema": special.parameters,
            "strict": True,
            "cache_control": {"type": "ephemeral"},
        },
    ]
    assert body["tools"][2]["input_schema"]["type"] == "object"


@pytest.mark.parametrize(
    ("options", "choice"),
    [
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": {"name": "look_up"}}, FORCED),
        ({"tool_choice": {"type": "function", "function": {"name": "look_up"}}}, FORCED),
        ({"tool_choice": TOOL}, FORCED),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"parallel_tool_calls": True}, None),
        (
            {"parallel_tool_calls": False, "tool_choice": "required"},
            {"type": "any", "disable_parallel_tool_use": True},
        ),
        ({"parallel_tool_calls": False, "tool_choice": "none"}, {"type": "none"}),
    ],
)
def test_the_choice_of_tools(options: dict[str, Any], choice: Any) -> None:
    assert body_of(user("hi"), tools=(TOOL,), **options).get("tool_choice") == choice


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"temperature": 0, "top_p": 0.5, "top_k": 0}, {"temperature": 0, "top_p": 0.5, "top_k": 0}),
        ({"stop": "x"}, {"stop_sequences": ["x"]}),
        ({"stop": ["x", "y"]}, {"stop_sequences": ["x", "y"]}),
        ({"user": "u"}, {"metadata": {"user_id": "u"}}),
        ({"service_tier": "standard_only"}, {"service_tier": "standard_only"}),
        ({"max_tokens": 5}, {"max_tokens": 5}),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 3000}, {"max_tokens": 3000}),
    ],
)
def test_options_are_sent_under_their_names(options: dict[str, Any], sent: dict[str, Any]) -> None:
    body = body_of(user("hi"), **options)
    assert {name: body[name] for name in sent} == sent


@pytest.mark.parametrize(("limit", "sent"), [(None, MAX_TOKENS), (4096, 4096), (64_000, MAX_TOKENS)])
def test_the_required_max_tokens_is_the_models_limit_or_a_modest_default(limit: int | None, sent: int) -> None:
    model = Model("anthropic", "m", max_output_tokens=limit)
    assert body_of(user("hi"), model=model)["max_tokens"] == sent


def test_a_schema_for_the_answer_joins_the_callers_own_output_config() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    for order in (("response_format", "output_config"), ("output_config", "response_format")):
        given = {"response_format": wanted, "output_config": {"effort": "low"}}
        config = body_of(user("hi"), **{name: given[name] for name in order})["output_config"]
        assert config == {"effort": "low", "format": {"type": "json_schema", "schema": schema}}


@pytest.mark.parametrize(("value", "mark"), [(True, {"type": "ephemeral"}), ("1h", {"type": "ephemeral", "ttl": "1h"})])
def test_caching_marks_the_end_of_the_stable_prefix(value: Any, mark: dict[str, Any]) -> None:
    turns = [system(["a", "b"]), user("q"), assistant("x"), user(["see", "this"])]
    body = body_of(*turns, tools=(TOOL, SEARCH), prompt_cache=value)
    marked = [*body["tools"], *body["system"], *(block for turn in body["messages"] for block in turn["content"])]
    assert [block.get("cache_control") for block in marked] == [None, mark, None, mark, None, None, None, mark]
    assert "cache_control" not in TOOL.extra and "cache_control" not in (SEARCH.server or {}), "the tool is untouched"


def test_caching_may_be_left_to_the_vendor() -> None:
    """One mark at the top lets the API choose the places:
    https://docs.claude.com/en/docs/build-with-claude/prompt-caching#automatic-caching"""
    body = body_of(user("hi"), cache_control={"type": "ephemeral"})
    assert body["cache_control"] == {"type": "ephemeral"} and "cache_control" not in str(body["messages"])
    assert "cache_control" not in str(body_of(user("hi"), prompt_cache=False))


def sent(prompt: Any = "hi", **options: Any) -> httpx.Request:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = {"type": "message", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"}
        return httpx.Response(200, json={**answer, "input_tokens": 5})

    count = options.pop("count", False)
    with Client(transport=httpx.MockTransport(handler), api_keys={"anthropic": "sk-ant"}) as client:
        (client.count_tokens if count else client.generate_text)(
            "anthropic:claude-sonnet-4-20250514", prompt, **options
        )
    return seen[0]


def test_the_key_the_version_and_the_betas_are_headers() -> None:
    betas = ["files-api-2025-04-14", "context-1m-2025-08-07"]
    request = sent(provider_options={"anthropic_beta": betas})
    assert str(request.url) == "https://api.anthropic.com/v1/messages"
    assert request.headers["x-api-key"] == "sk-ant" and "authorization" not in request.headers
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert request.headers["anthropic-beta"] == ",".join(betas)
    assert "anthropic_beta" not in orjson.loads(request.content)
    assert "anthropic-beta" not in sent().headers


TOOLSET = Tool("mcp", server={"type": "mcp_toolset", "mcp_server_name": "s"})
SERVERS = [{"type": "url", "url": "https://mcp.test", "name": "s"}]


@pytest.mark.parametrize(
    ("prompt", "options", "betas"),
    [
        ([user(File(file_id="file_1"))], {}, ["files-api-2025-04-14"]),
        (
            [user(["see", Image(file_id="file_1")])],
            {"provider_options": {"anthropic_beta": ["b"]}},
            ["b", "files-api-2025-04-14"],
        ),
        (
            [user(File(file_id="file_1"))],
            {"provider_options": {"anthropic_beta": ["files-api-2026-01-01"]}},
            ["files-api-2026-01-01"],
        ),
        (
            [user(Opaque("anthropic_messages", {"type": "container_upload", "file_id": "f"}))],
            {},
            ["files-api-2025-04-14"],
        ),
        ("hi", {"provider_options": {"mcp_servers": SERVERS}}, ["mcp-client-2025-04-04"]),
        ("hi", {"provider_options": {"mcp_servers": SERVERS}, "tools": [TOOLSET]}, ["mcp-client-2025-11-20"]),
        ([user(File(url="https://x.test/y.pdf"))], {}, None),
    ],
    ids=["file", "picture", "another version", "upload", "servers", "toolsets", "none"],
)
def test_betas_that_a_request_cannot_do_without_are_named(prompt: Any, options: Any, betas: list[str] | None) -> None:
    headers = sent(prompt, **options).headers
    assert headers.get("anthropic-beta") == (",".join(betas) if betas else None)


def test_the_vendors_own_options_go_into_the_body() -> None:
    own = {
        "container": "c1",
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
        "mcp_servers": [{"type": "url", "url": "https://x.test", "name": "x"}],
    }
    body = orjson.loads(sent(provider_options=own).content)
    BETA.validate_python(body)
    assert {name: body[name] for name in own} == own


def test_counting_sends_only_what_is_counted() -> None:
    request = sent(Context([system("be kind"), user("hi")], [TOOL]), count=True)
    assert str(request.url) == "https://api.anthropic.com/v1/messages/count_tokens"
    assert orjson.loads(request.content).keys() == {"model", "messages", "system", "tools"}
