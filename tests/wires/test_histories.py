"""Portable histories: conversations from any vendor are sent over every wire and pass that vendor's own rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import orjson
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from exchanges import sent
from histories import HISTORIES, LONG_ID, TOOLS, UNLAWFUL
from in_turn import in_turn
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter, ValidationError
from vendor_rules import WIRES

from stepwell import Context
from stepwell.catalog import Model
from stepwell.messages import ToolCall
from stepwell.providers.declare.tool_policies import ToolCallIdPolicy
from stepwell.providers.declare.wire import Wire
from stepwell.providers.history.pairing import paired
from stepwell.providers.history.shape import changes
from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.providers.wires.bedrock_invoke import bedrock_invoke_anthropic
from stepwell.providers.wires.google_generate import google_generate
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.schemas.message import assistant, tool_result, user
from stepwell.testing.conformance import samples_of

SAMPLES = {wire.name: samples_of(wire) for wire, _ in WIRES}


@in_turn("history", HISTORIES)
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
    changed = changes(context.messages, wire.history_shape)
    reported = [warning.why for warning in reply.warnings if warning.why not in changed]
    if history == "signed reasoning":
        assert any("is left out" in text for text in reported), "what cannot be sent is reported"
    else:
        assert bool(reported) == (history in UNLAWFUL), "and so is what had to be made up or moved"
    if any(message.text == "sunny" for message in context.messages):
        assert b"sunny" in orjson.dumps(body)


@in_turn("begun_on", [wire for wire, _ in WIRES])
@pytest.mark.parametrize(("wire", "rules"), WIRES, ids=lambda each: getattr(each, "name", ""))
def test_another_model_can_continue_a_tool_loop(
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
    reported = orjson.dumps(body).decode()
    assert "sunny" in reported and scenes.text.text in reported and "Pune" in reported
    assert all("is left out" in str(warning) for warning in reply.warnings)


@pytest.mark.parametrize(("wire", "rules"), WIRES, ids=lambda each: getattr(each, "name", ""))
def test_the_cached_prefix_is_the_same_every_turn(wire: Wire, rules: Any) -> None:
    """The bodies of a growing conversation begin alike, or the provider's prompt cache misses."""
    turns = HISTORIES["ids of another vendor"].messages
    key = "input" if wire is openai_responses else "contents" if wire is google_generate else "messages"
    whole = orjson.dumps(sent(wire, Context(turns, TOOLS))[0][key])
    for said in (1, 4):
        shorter = sent(wire, Context(turns[:said], TOOLS))[0][key]
        # The results are the user's in some formats, and what they say next is in the same turn.
        assert whole.startswith(orjson.dumps(shorter if said == 1 else shorter[:-1])[:-1])


def test_a_providers_own_turn_is_sent_back_unchanged() -> None:
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
    (once, reported), twice = paired(messages, policy), paired(messages, policy)[0]
    made = [call.id for call in once[0].tool_calls]
    assert once == twice and len(set(made)) == len(ids) and reported == []
    assert made == [message.tool_call_id for message in once[1:]], "calls and results still match"
    assert [message.text for message in once[1:]] == [f"of {id}" for id in ids]
    length = f"{{{policy.exact_length}}}" if policy.exact_length else f"{{1,{policy.max_length}}}"
    assert all(re.fullmatch(f"[{policy.alphabet}]{length}", id) for id in made)
    assert all(new is old for new, old in zip(paired(once, policy)[0], once, strict=True))


def consumed(value: Any) -> Any:
    """Iterate over all items, since pydantic validates those of an Iterable only then."""
    if isinstance(value, Mapping):
        return {name: consumed(each) for name, each in value.items()}
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return value
    return [consumed(each) for each in value]


@cache
def adapter(params: Any) -> TypeAdapter[Any]:
    return TypeAdapter(params)


REQUEST_TYPES = [
    (openai_chat, CompletionCreateParamsNonStreaming),
    (openai_responses, ResponseCreateParamsNonStreaming),
    (anthropic_messages, MessageCreateParamsNonStreaming),
]


@in_turn("history", HISTORIES)
@pytest.mark.parametrize(("wire", "params"), REQUEST_TYPES, ids=lambda each: getattr(each, "name", ""))
def test_the_body_fits_the_sdks_request_type(wire: Wire, params: Any, history: str) -> None:
    """As the vendor's own SDK declares it."""
    body, _ = sent(wire, HISTORIES[history])
    assert consumed(adapter(params).validate_python(body))


def test_the_sdks_types_refuse_wrong_bodies() -> None:
    body, _ = sent(openai_chat, HISTORIES["tools"])
    body["messages"][1]["tool_calls"][0]["id"] = 3
    with pytest.raises(ValidationError):
        consumed(TypeAdapter(CompletionCreateParamsNonStreaming).validate_python(body))
