"""The tools that providers run: their calls and results in one form, from each vendor's own, streamed and not."""

from __future__ import annotations

from typing import Any

import answers

from stepwell import user
from stepwell.messages import Citation, ServerToolCall
from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.providers.wires.openai_responses import openai_responses


def test_the_tools_that_groq_ran() -> None:
    """https://console.groq.com/docs/agentic-tooling, groq.types.chat.ChatCompletionMessage"""
    found = {"results": [{"title": "T", "url": "https://u.test", "content": "words", "score": 0.5}]}
    search = {"index": 0, "type": "search", "arguments": '{"query": "q"}', "output": "O", "search_results": found}
    python = {"index": 1, "type": "python", "arguments": '{"code": "1"}', "code_results": [{"text": "1"}]}
    message = {"content": "Hi.", "executed_tools": [search, python]}
    body = {"id": "r", "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    begun = {"index": 0, "delta": {"executed_tools": [{**search, "output": None}]}}
    pieces = [begun, {"index": 0, "delta": message}, {"index": 0, "delta": {}, "finish_reason": "stop"}]
    events = answers.events(*({"id": "r", "choices": [each]} for each in pieces))
    whole = answers.decoded(openai_chat, body)
    assert whole.message == answers.answered(openai_chat, events, stream=True).message
    assert [(call.kind, call.arguments) for call in whole.server_tool_calls] == [
        ("web_search", {"query": "q"}),
        ("code_execution", {"code": "1"}),
    ]
    assert [result.text for result in whole.server_tool_results] == ["O", "1"]
    assert whole.server_tool_results[0].sources == (Citation("web", "https://u.test", "T", None, "words", score=0.5),)
    again = answers.body_of(openai_chat, [user("?"), whole.message, user("more")])["messages"]
    assert again[1] == {"role": "assistant", "content": "Hi."}, "the format has no place for them"


def test_results_of_anthropics_tools() -> None:
    """The blocks are those of the types in anthropic.types."""
    blocks: list[tuple[dict[str, Any], str, str, bool]] = [
        (
            {
                "type": "web_search_tool_result",
                "content": {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"},
            },
            "web_search",
            "max_uses_exceeded",
            True,
        ),
        (
            {
                "type": "bash_code_execution_tool_result",
                "content": {
                    "type": "bash_code_execution_result",
                    "stdout": "1\n",
                    "stderr": "",
                    "return_code": 0,
                    "content": [],
                },
            },
            "code_execution",
            "1\n",
            False,
        ),
        (
            {
                "type": "code_execution_tool_result",
                "content": {
                    "type": "code_execution_result",
                    "stdout": "",
                    "stderr": "no",
                    "return_code": 1,
                    "content": [],
                },
            },
            "code_execution",
            "no",
            True,
        ),
        (
            {
                "type": "text_editor_code_execution_tool_result",
                "content": {"type": "text_editor_code_execution_view_result", "file_type": "text", "content": "words"},
            },
            "code_execution",
            "words",
            False,
        ),
        (
            {
                "type": "web_fetch_tool_result",
                "content": {
                    "type": "web_fetch_result",
                    "url": "https://u.test",
                    "content": {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "page"},
                    },
                },
            },
            "web_fetch",
            "page",
            False,
        ),
        (
            {"type": "mcp_tool_result", "is_error": True, "content": [{"type": "text", "text": "broken"}]},
            "mcp",
            "broken",
            True,
        ),
    ]
    for block, kind, text, failed in blocks:
        block = {**block, "tool_use_id": "srvtoolu_1"}
        body = {"type": "message", "id": "m", "content": [block], "stop_reason": "end_turn"}
        (result,) = answers.decoded(anthropic_messages, body).server_tool_results
        assert (result.kind, result.id, result.text, result.is_error, result.data) == (
            kind,
            "srvtoolu_1",
            text,
            failed,
            block,
        )


ITEMS: list[tuple[dict[str, Any], str, dict[str, Any], str, list[str]]] = [
    (
        {
            "type": "web_search_call",
            "action": {"type": "search", "query": "q", "sources": [{"type": "url", "url": "https://u.test"}]},
        },
        "web_search",
        {"type": "search", "query": "q"},
        "",
        ["https://u.test"],
    ),
    (
        {
            "type": "file_search_call",
            "queries": ["q"],
            "results": [{"file_id": "file-1", "filename": "a.md", "text": "words", "score": 0.5}],
        },
        "file_search",
        {"queries": ["q"]},
        "",
        ["a.md"],
    ),
    (
        {"type": "code_interpreter_call", "code": "1", "container_id": "c", "outputs": [{"type": "logs", "logs": "1"}]},
        "code_execution",
        {"code": "1", "container_id": "c"},
        "1",
        [],
    ),
    (
        {"type": "mcp_call", "name": "f", "server_label": "s", "arguments": '{"x":1}', "output": "out", "error": None},
        "mcp",
        {"x": 1},
        "out",
        [],
    ),
    (
        {"type": "mcp_list_tools", "server_label": "s", "tools": [{"name": "f"}, {"name": "g"}]},
        "mcp",
        {"server_label": "s"},
        "f, g",
        [],
    ),
]


def test_the_items_of_openais_tools() -> None:
    for item, kind, arguments, text, sources in ITEMS:
        item = {"id": "i_1", "status": "completed", **item}
        body = {"id": "r", "status": "completed", "output": [item]}
        reply = answers.decoded(openai_responses, body)
        (call,), (result,) = reply.server_tool_calls, reply.server_tool_results
        assert (call.kind, call.id, call.arguments, call.data) == (kind, "i_1", arguments, item)
        assert (result.id, result.text, [each.source for each in result.sources]) == ("i_1", text, sources)
        events = answers.events(
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": body},
        )
        assert answers.answered(openai_responses, events, stream=True).message == reply.message
    for item, kind in (
        ("computer_call", "computer_use"),
        ("mcp_approval_request", "mcp"),
        ("local_shell_call", "local_shell"),
    ):
        body = {"id": "r", "status": "completed", "output": [{"type": item, "id": "i", "action": {"type": "wait"}}]}
        (part,) = answers.decoded(openai_responses, body).message.content
        assert isinstance(part, ServerToolCall) and part.kind == kind
