"""Histories travel: six conversations, begun anywhere, are sent over every wire and pass that vendor's own rules."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpx
import orjson
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter, ValidationError

from stepwell import Client, Context, Image, Model, Opaque, Reasoning, Text, Tool, ToolCall, declare_provider
from stepwell.providers.dsl.pairing import paired
from stepwell.providers.dsl.registry import Registry
from stepwell.providers.dsl.wire import ToolCallIdPolicy, Wire
from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.bedrock_invoke import bedrock_invoke_anthropic
from stepwell.providers.wires.cohere_chat import cohere_chat
from stepwell.providers.wires.google_generate import google_generate
from stepwell.providers.wires.mistral_chat import mistral_chat
from stepwell.providers.wires.ollama_chat import ollama_chat
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.schemas.message import assistant, system, tool_result, user
from stepwell.testing.conformance import samples_of

ITEM = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "blob"}
LONG_ID = "fc_0a1b2c|" + "x" * 90
TOOLS = (Tool("look_up", "Look a city up.", {"type": "object", "properties": {"city": {"type": "string"}}}),)

HISTORIES: dict[str, Context] = {
    "tools": Context(
        [
            user("weather?"),
            assistant([Text("let me look"), ToolCall("call_1", "look_up", '{"city":"Pune"}')]),
            tool_result("call_1", "sunny"),
            assistant("It is sunny."),
            user("thanks"),
        ],
        TOOLS,
    ),
    "parallel tools": Context(
        [
            user("both?"),
            assistant([ToolCall("a", "look_up", '{"city":"Pune"}'), ToolCall("b", "look_up", "")]),
            tool_result("a", "sunny"),
            tool_result("b", "no such city", is_error=True),
            user("so?"),
        ],
        TOOLS,
    ),
    "signed reasoning": Context(
        [
            user("think"),
            assistant(
                [
                    Reasoning("hmm", "sig-1", wire="anthropic_messages"),
                    Opaque(
                        "anthropic_messages",
                        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
                    ),
                    Reasoning(
                        "", encrypted="blob", wire="openai_responses", extra={"openai_responses": {"item": ITEM}}
                    ),
                    Text("done"),
                ]
            ),
            user("more"),
        ]
    ),
    "images": Context(
        [
            user(["see", Image(data=b"\x89PNG")]),
            assistant(ToolCall("i", "look_up", "{}")),
            tool_result("i", ["a picture", Image(data=b"\x89PNG")]),
            user("what is it?"),
        ],
        TOOLS,
    ),
    "system turns": Context(
        [system("be kind"), user("a"), user("b"), assistant(""), system("be brief"), assistant("c"), user("d")]
    ),
    "ids from elsewhere": Context(
        [
            user("go"),
            assistant([ToolCall(LONG_ID, "look_up", "{}"), ToolCall("toolu:2/x", "look_up", "{}")]),
            tool_result(LONG_ID, "one"),
            tool_result("toolu:2/x", "two"),
            user("on"),
        ],
        TOOLS,
    ),
}


def sent(wire: Wire, context: Context) -> tuple[dict[str, Any], Any]:
    """The body that goes over the wire, and the reply."""
    bodies: list[dict[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(orjson.loads(request.content))
        return httpx.Response(200, content=SAMPLES[wire.name].text.body)

    registry = Registry()
    registry.register(declare_provider("target", wire=wire, base_url="https://target.test", key_optional=True))
    with Client(transport=httpx.MockTransport(handler), registry=registry, retries=0) as client:
        reply = client.generate_text("target:m", context)
    return bodies[0], reply


def openai_rules(body: dict[str, Any]) -> None:
    asked: list[str] = []
    for turn in body["messages"]:
        if turn["role"] == "tool":
            assert turn["tool_call_id"] in asked and isinstance(turn["content"], str)
            asked.remove(turn["tool_call_id"])
            continue
        assert not asked, "every call is answered before anyone else speaks"
        asked = [call["id"] for call in turn.get("tool_calls", ())]
        assert all(len(id) <= 64 for id in asked)
        assert turn.get("content") is not None or asked


def mistral_rules(body: dict[str, Any]) -> None:
    texts = [{**turn, "content": str(turn["content"])} if turn["role"] == "tool" else turn for turn in body["messages"]]
    openai_rules({"messages": texts})
    roles = [turn["role"] for turn in body["messages"]]
    assert ("tool", "user") not in itertools.pairwise(roles)
    ids = [call["id"] for turn in body["messages"] for call in turn.get("tool_calls", ())]
    assert all(re.fullmatch("[A-Za-z0-9]{9}", id) for id in ids) and len(set(ids)) == len(ids)


def responses_rules(body: dict[str, Any]) -> None:
    calls = [item["call_id"] for item in body["input"] if item.get("type") == "function_call"]
    results = [item["call_id"] for item in body["input"] if item.get("type") == "function_call_output"]
    assert calls == results and all(len(id) <= 64 for id in calls)
    assert all(item.get("type") or item["role"] in ("user", "developer", "assistant") for item in body["input"])


def anthropic_rules(body: dict[str, Any]) -> None:
    roles = [turn["role"] for turn in body["messages"]]
    assert roles[0] == "user" and all(a != b for a, b in itertools.pairwise(roles))
    asked: list[str] = []
    for turn in body["messages"]:
        kinds = [block["type"] for block in turn["content"]]
        assert (kinds and kinds == sorted(kinds, key=lambda kind: kind != "tool_result")) or turn["role"] == "assistant"
        answered = [block["tool_use_id"] for block in turn["content"] if block["type"] == "tool_result"]
        assert answered == asked
        asked = [block["id"] for block in turn["content"] if block["type"] == "tool_use"]
        assert all(re.fullmatch("[A-Za-z0-9_-]{1,64}", id) for id in asked)
        assert all(block["text"].strip() for block in turn["content"] if block["type"] == "text")
        assert all(block.get("signature") for block in turn["content"] if block["type"] == "thinking")


def google_rules(body: dict[str, Any]) -> None:
    roles = [turn["role"] for turn in body["contents"]]
    assert roles[0] == "user" and all(a != b for a, b in itertools.pairwise(roles))
    for turn, after in zip(body["contents"], [*body["contents"][1:], {"parts": []}], strict=True):
        called = [part["functionCall"]["name"] for part in turn["parts"] if "functionCall" in part]
        answered = [part["functionResponse"]["name"] for part in after["parts"] if "functionResponse" in part]
        assert called == answered
        assert all(part for part in turn["parts"])


def bedrock_rules(body: dict[str, Any]) -> None:
    roles = [turn["role"] for turn in body["messages"]]
    assert roles[0] == "user" and all(a != b for a, b in itertools.pairwise(roles))
    asked: list[str] = []
    for turn in body["messages"]:
        answered = [block["toolResult"]["toolUseId"] for block in turn["content"] if "toolResult" in block]
        assert answered == asked
        asked = [block["toolUse"]["toolUseId"] for block in turn["content"] if "toolUse" in block]
        assert all(re.fullmatch("[A-Za-z0-9_-]{1,64}", id) for id in asked)
        assert all(block["text"].strip() for block in turn["content"] if "text" in block)


def cohere_rules(body: dict[str, Any]) -> None:
    openai_rules({"messages": [{"content": "", **turn} for turn in body["messages"]]})
    assert all(turn.get("content") or turn.get("tool_calls") for turn in body["messages"])


def ollama_rules(body: dict[str, Any]) -> None:
    for turn in body["messages"]:
        assert isinstance(turn["content"], str)
        assert turn["role"] != "tool" or turn["tool_name"] == "look_up"
        assert all(isinstance(call["function"]["arguments"], dict) for call in turn.get("tool_calls", ()))


WIRES = [
    (openai_chat, openai_rules),
    (mistral_chat, mistral_rules),
    (openai_responses, responses_rules),
    (anthropic_messages, anthropic_rules),
    (google_generate, google_rules),
    (bedrock_converse, bedrock_rules),
    (cohere_chat, cohere_rules),
    (ollama_chat, ollama_rules),
]
SAMPLES = {wire.name: samples_of(wire) for wire, _ in WIRES}


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize(("wire", "rules"), WIRES, ids=lambda each: getattr(each, "name", ""))
def test_the_history_passes_the_vendors_rules(
    wire: Wire, rules: Callable[[dict[str, Any]], None], history: str
) -> None:
    context = HISTORIES[history]
    before = context.to_json()
    body, reply = sent(wire, context)
    rules(body)
    assert context.to_json() == before and reply.context.messages[:-1] == context.messages, (
        "the stored one is untouched"
    )
    if history == "signed reasoning":
        told = [str(warning) for warning in reply.warnings]
        assert any("stays behind" in text for text in told), "what cannot travel is told"
    if "tools" in history:
        assert b"sunny" in orjson.dumps(body)


@pytest.mark.parametrize("begun_on", [wire for wire, _ in WIRES], ids=lambda wire: f"from {wire.name}")
@pytest.mark.parametrize(("wire", "rules"), WIRES, ids=lambda each: getattr(each, "name", ""))
def test_what_one_model_began_another_carries_on(
    begun_on: Wire, wire: Wire, rules: Callable[[dict[str, Any]], None]
) -> None:
    """A real answer with a call, its result, a real answer in words, and on: from each format to each other."""
    scenes = SAMPLES[begun_on.name]
    model = Model("p", "m")
    call = begun_on.decode_response(orjson.loads(scenes.tools.body), model).message
    words = begun_on.decode_response(orjson.loads(scenes.text.body), model).message
    context = Context([user("go"), call, tool_result(call.tool_calls[0], "sunny"), words, user("on")], TOOLS)
    body, reply = sent(wire, Context.from_json(context.to_json()))
    rules(body)
    told = orjson.dumps(body).decode()
    assert "sunny" in told and scenes.text.text in told and "Pune" in told
    assert all("stays behind" in str(warning) for warning in reply.warnings)


@pytest.mark.parametrize(("wire", "rules"), WIRES, ids=lambda each: getattr(each, "name", ""))
def test_the_cached_prefix_is_the_same_every_turn(wire: Wire, rules: Any) -> None:
    """The bodies of a growing conversation begin alike, or the provider's prompt cache misses."""
    turns = HISTORIES["ids from elsewhere"].messages
    key = "input" if wire is openai_responses else "contents" if wire is google_generate else "messages"
    whole = orjson.dumps(sent(wire, Context(turns, TOOLS))[0][key])
    shorter = orjson.dumps(sent(wire, Context(turns[:2], TOOLS))[0][key])
    assert whole.startswith(shorter[:-1])


def test_a_providers_own_turn_goes_back_as_it_came() -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": "hmm", "signature": "sig-1"},
        {"type": "tool_use", "id": "t1", "name": "look_up", "input": {"b": 1, "a": 2}},
        {"type": "thinking", "thinking": "again", "signature": "sig-2"},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"url": "https://x"}]},
        {"type": "redacted_thinking", "data": "blob"},
        {"type": "text", "text": "done", "citations": [{"type": "char_location", "cited_text": "y"}]},
    ]
    body = {"type": "message", "id": "m", "content": blocks, "stop_reason": "tool_use"}
    for wire in (anthropic_messages, bedrock_invoke_anthropic):
        reply = wire.decode_response(body, None)  # type: ignore[arg-type]
        context = Context([user("go"), Context.from_json(Context([reply.message]).to_json()).messages[0]])
        again = sent(anthropic_messages, context)[0]["messages"][1]["content"]
        assert orjson.dumps(again) == orjson.dumps(blocks)


@pytest.mark.parametrize(
    "policy",
    [
        ToolCallIdPolicy(),
        ToolCallIdPolicy(alphabet="A-Za-z0-9", exact_length=9, max_length=9),
        ToolCallIdPolicy(max_length=24),
    ],
)
def test_ids_are_mapped_one_to_one_and_always_alike(policy: ToolCallIdPolicy) -> None:
    ids = [LONG_ID, LONG_ID + "y", "a b", "", "ünïcode", "call_fine", *(f"bad id {n}" for n in range(200))]
    calls = [ToolCall(id, "look_up", "{}") for id in ids]
    messages = [assistant(calls), *(tool_result(id, f"of {id}") for id in ids)]
    (once, told), twice = paired(messages, policy), paired(messages, policy)[0]
    made = [call.id for call in once[0].tool_calls]
    assert once == twice and len(set(made)) == len(ids) and told == []
    assert made == [message.tool_call_id for message in once[1:]], "calls and results still match"
    assert [message.text for message in once[1:]] == [f"of {id}" for id in ids]
    length = f"{{{policy.exact_length}}}" if policy.exact_length else f"{{1,{policy.max_length}}}"
    assert all(re.fullmatch(f"[{policy.alphabet}]{length}", id) for id in made)
    assert all(new is old for new, old in zip(paired(once, policy)[0], once, strict=True))


def consumed(value: Any) -> Any:
    """pydantic checks the items of an Iterable when they are taken, so take them all."""
    if isinstance(value, Mapping):
        return {name: consumed(each) for name, each in value.items()}
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return value
    return [consumed(each) for each in value]


REQUEST_TYPES = [
    (openai_chat, CompletionCreateParamsNonStreaming),
    (openai_responses, ResponseCreateParamsNonStreaming),
    (anthropic_messages, MessageCreateParamsNonStreaming),
]


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize(("wire", "params"), REQUEST_TYPES, ids=lambda each: getattr(each, "name", ""))
def test_the_body_fits_the_sdks_request_type(wire: Wire, params: Any, history: str) -> None:
    """As the vendor's own SDK declares it."""
    body, _ = sent(wire, HISTORIES[history])
    assert consumed(TypeAdapter(params).validate_python(body))


def test_the_sdks_types_do_refuse_what_is_wrong() -> None:
    body, _ = sent(openai_chat, HISTORIES["tools"])
    body["messages"][1]["tool_calls"][0]["id"] = 3
    with pytest.raises(ValidationError):
        consumed(TypeAdapter(CompletionCreateParamsNonStreaming).validate_python(body))
