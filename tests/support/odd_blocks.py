"""Blocks that stand beside the text in the answers of each wire, and where they stand."""

from __future__ import annotations

from typing import Any

from odd_fields import at, full_body, put

_IMAGE = "aGk="
BLOCKS: dict[str, list[Any]] = {
    "openai_chat": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "thinking", "thinking": "hm"},
        {"type": "reference", "reference_ids": [1]},
    ],
    "openai_responses": [
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}], "content": []},
        {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search", "query": "q"}},
        {"type": "code_interpreter_call", "id": "ci", "code": "1", "container_id": "c", "outputs": [{"type": "logs"}]},
        {"type": "file_search_call", "id": "fs", "queries": ["q"], "results": [{"file_id": "f"}]},
        {"type": "mcp_call", "id": "m", "name": "n", "arguments": "{}", "output": "o", "server_label": "s"},
        {"type": "image_generation_call", "id": "ig", "result": _IMAGE, "output_format": "png"},
        {"type": "message", "id": "m2", "content": [{"type": "refusal", "refusal": "no"}]},
    ],
    "anthropic_messages": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "server_tool_use", "id": "st", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "st", "content": [{"type": "web_search_result"}]},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
    ],
    "google_generate": [
        {"text": "hm", "thought": True, "thoughtSignature": "s"},
        {"inlineData": {"mimeType": "image/png", "data": _IMAGE, "displayName": "a"}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://a/b.png"}},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"functionCall": {"id": "c", "name": "f", "args": {"a": 1}}},
    ],
    "bedrock_converse": [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "d"}},
        {"citationsContent": {"content": [{"text": ""}], "citations": [{"title": "t"}]}},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {}}},
    ],
    "cohere_chat": [{"type": "thinking", "thinking": "hm"}],
    "ollama_chat": [],
}
BLOCKS["mistral_chat"] = BLOCKS["openai_chat"]
LISTS: dict[str, tuple[Any, ...]] = {
    "openai_chat": ("choices", 0, "message", "content"),
    "mistral_chat": ("choices", 0, "message", "content"),
    "openai_responses": ("output",),
    "anthropic_messages": ("content",),
    "google_generate": ("candidates", 0, "content", "parts"),
    "bedrock_converse": ("output", "message", "content"),
    "cohere_chat": ("message", "content"),
}
"""Where each wire has the list of its blocks."""


def in_blocks(name: str) -> Any:
    """Return the whole answer with its text in a list of blocks."""
    body, place = full_body(name), LISTS.get(name)
    if place and isinstance(text := at(body, place), str):
        body = put(body, place, [{"type": "text", "text": text}])
    return body
