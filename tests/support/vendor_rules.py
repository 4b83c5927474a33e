"""The rules by which each vendor refuses a conversation, as far as the body shows it."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from stepwell.declare import Wire
from stepwell.providers.perplexity import perplexity
from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.cohere_chat import cohere_chat
from stepwell.providers.wires.google_generate import google_generate
from stepwell.providers.wires.mistral_chat import mistral_chat
from stepwell.providers.wires.ollama_chat import ollama_chat
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.providers.xai import xai

Rules = Callable[[dict[str, Any]], None]
_NAME, _ID = "[A-Za-z0-9_-]{1,64}", "[A-Za-z0-9_-]{1,64}"
_KEYS = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "tool": {"role", "content", "tool_call_id"},
    "assistant": {"role", "content", "tool_calls", "prefix"},
}


def _all_unlike(ids: Iterable[str]) -> bool:
    ids = list(ids)
    return len(set(ids)) == len(ids)


def _alternate(roles: list[str]) -> None:
    assert roles[0] == "user" and all(a != b for a, b in itertools.pairwise(roles))


def openai_rules(body: dict[str, Any]) -> None:
    asked: list[str] = []
    called: list[Any] = []
    for turn in body["messages"]:
        assert turn.keys() <= _KEYS[turn["role"]], "what is not in the format is refused by some who speak it"
        if turn["role"] == "tool":
            assert turn["tool_call_id"] in asked and isinstance(turn["content"], str)
            asked.remove(turn["tool_call_id"])
            continue
        assert not asked, "every call is answered before anyone else speaks"
        called += (calls := turn.get("tool_calls", []))
        asked = [call["id"] for call in calls]
        assert all(call.keys() == {"id", "type", "function"} for call in calls)
        assert all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in calls)
        assert turn.get("content") is not None or asked
    assert not asked and _all_unlike(call["id"] for call in called) and all(len(call["id"]) <= 64 for call in called)
    tools = [tool["function"]["name"] for tool in body.get("tools", ())]
    assert all(re.fullmatch(_NAME, name) for name in (*tools, *(call["function"]["name"] for call in called)))
    assert _all_unlike(tools)


def mistral_rules(body: dict[str, Any]) -> None:
    texts = [{**turn, "content": str(turn["content"])} if turn["role"] == "tool" else turn for turn in body["messages"]]
    openai_rules({**body, "messages": texts})
    roles = [turn["role"] for turn in body["messages"]]
    assert ("tool", "user") not in itertools.pairwise(roles)
    assert all(turn["content"] or turn.get("tool_calls") for turn in body["messages"])
    ids = [call["id"] for turn in body["messages"] for call in turn.get("tool_calls", ())]
    assert all(re.fullmatch("[A-Za-z0-9]{9}", id) for id in ids)


def perplexity_rules(body: dict[str, Any]) -> None:
    openai_rules(body)
    roles = [turn["role"] for turn in body["messages"]]
    spoken = [role for role in roles if role != "system"]
    assert roles[: len(roles) - len(spoken)] == ["system"] * (len(roles) - len(spoken)), "they come first"
    speakers = [role for role in spoken if role != "tool"]
    assert spoken[0] == "user" and "user" not in {a for a, b in itertools.pairwise(spoken) if a == b}
    assert "assistant" not in {a for a, b in itertools.pairwise(spoken) if a == b} and speakers


def responses_rules(body: dict[str, Any]) -> None:
    assert body["input"] or "previous_response_id" in body, "a request without input is refused"
    calls = [item for item in body["input"] if item.get("type") == "function_call"]
    ids = [item["call_id"] for item in calls]
    assert all(isinstance(json.loads(item["arguments"]), dict) for item in calls)
    results = [item["call_id"] for item in body["input"] if item.get("type") == "function_call_output"]
    assert ids == results and all(len(id) <= 64 for id in ids) and _all_unlike(ids)
    assert all(re.fullmatch(_NAME, each["name"]) for each in (*calls, *body.get("tools", ())))
    assert all(item["type"] for item in body["input"]), "OpenAI takes a message without its type, llama.cpp does not"
    open_calls: set[str] = set()
    for item, after in itertools.zip_longest(body["input"], body["input"][1:], fillvalue={}):
        if item.get("type") == "function_call":
            open_calls.add(item["call_id"])
        elif item.get("type") == "function_call_output":
            open_calls.remove(item["call_id"])
        else:
            assert not open_calls, "results stand right behind their calls"
        if item.get("type") == "reasoning":
            assert item["encrypted_content"], "an id alone is not found again"
            assert after.get("type") in ("message", "function_call") or after.get("role") == "assistant"


def anthropic_rules(body: dict[str, Any]) -> None:
    _alternate([turn["role"] for turn in body["messages"]])
    asked: list[str] = []
    ids: list[str] = []
    for turn in body["messages"]:
        kinds = [block["type"] for block in turn["content"]]
        assert (kinds and kinds == sorted(kinds, key=lambda kind: kind != "tool_result")) or turn["role"] == "assistant"
        answered = [block["tool_use_id"] for block in turn["content"] if block["type"] == "tool_result"]
        assert answered == asked
        uses = [block for block in turn["content"] if block["type"] == "tool_use"]
        asked = [block["id"] for block in uses]
        ids += asked
        assert all(isinstance(use["input"], dict) for use in uses)
        assert all(re.fullmatch(_ID, use["id"]) and re.fullmatch(_NAME, use["name"]) for use in uses)
        assert all(block["text"].strip() for block in turn["content"] if block["type"] == "text")
        assert all(block.get("signature") for block in turn["content"] if block["type"] == "thinking")
    assert not asked and _all_unlike(ids)
    assert all(re.fullmatch(_NAME, tool["name"]) for tool in body.get("tools", ()))


def google_rules(body: dict[str, Any]) -> None:
    _alternate([turn["role"] for turn in body["contents"]])
    for turn, after in zip(body["contents"], [*body["contents"][1:], {"parts": []}], strict=True):
        called = [part["functionCall"]["name"] for part in turn["parts"] if "functionCall" in part]
        answered = [part["functionResponse"]["name"] for part in after["parts"] if "functionResponse" in part]
        assert called == answered and all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", name) for name in called)
        assert all(part for part in turn["parts"])
        assert all(isinstance(part.get("functionCall", {}).get("args", {}), dict) for part in turn["parts"])
    results = sum("functionResponse" in part for turn in body["contents"] for part in turn["parts"])
    assert results == sum("functionCall" in part for turn in body["contents"] for part in turn["parts"])


def bedrock_rules(body: dict[str, Any]) -> None:
    _alternate([turn["role"] for turn in body["messages"]])
    asked: list[str] = []
    ids: list[str] = []
    for turn in body["messages"]:
        answered = [block["toolResult"]["toolUseId"] for block in turn["content"] if "toolResult" in block]
        assert answered == asked
        uses = [block["toolUse"] for block in turn["content"] if "toolUse" in block]
        asked = [use["toolUseId"] for use in uses]
        ids += asked
        assert all(isinstance(use["input"], dict) for use in uses)
        assert all(re.fullmatch(_ID, use["toolUseId"]) and re.fullmatch(_NAME, use["name"]) for use in uses)
        texts = [block["text"] for block in turn["content"] if "text" in block]
        assert all(text.strip() for text in texts)
        assert texts or not any("document" in block for block in turn["content"])
    assert not asked and _all_unlike(ids)
    tools = [tool["toolSpec"]["name"] for tool in body.get("toolConfig", {}).get("tools", ())]
    assert all(re.fullmatch(_NAME, name) for name in tools) and _all_unlike(tools)
    assert tools or not ids


def cohere_rules(body: dict[str, Any]) -> None:
    plain = [{name: each for name, each in turn.items() if name != "tool_plan"} for turn in body["messages"]]
    openai_rules({**body, "messages": [{"content": "", **turn} for turn in plain]})
    for turn in body["messages"]:
        assert turn.get("content") or turn.get("tool_calls")
        if turn.get("tool_calls"):
            blocks = turn.get("content") or []
            assert not isinstance(blocks, str) and all(block["type"] == "thinking" for block in blocks)


def xai_rules(body: dict[str, Any]) -> None:
    openai_rules(body)
    assert all(turn["content"] or turn.get("tool_calls") for turn in body["messages"])


def ollama_rules(body: dict[str, Any]) -> None:
    asked: list[str] = []
    for turn in body["messages"]:
        assert isinstance(turn["content"], str)
        if turn["role"] == "tool":
            assert turn["tool_name"] == asked.pop(0)
            continue
        assert not asked
        calls = [call["function"] for call in turn.get("tool_calls", ())]
        asked = [call["name"] for call in calls]
        assert all(isinstance(call["arguments"], dict) for call in calls)
    assert not asked


WIRES: list[tuple[Wire, Rules]] = [
    (openai_chat, openai_rules),
    (mistral_chat, mistral_rules),
    (perplexity.wires[0], perplexity_rules),
    (openai_responses, responses_rules),
    (anthropic_messages, anthropic_rules),
    (google_generate, google_rules),
    (bedrock_converse, bedrock_rules),
    (cohere_chat, cohere_rules),
    (ollama_chat, ollama_rules),
    (xai.wires[0], xai_rules),
]
