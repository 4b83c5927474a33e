"""Data that only one provider understands is sent back to it and the vendors that accept it, and to no other."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from exchanges import exchanged, reported

from stepwell import Context, Tool
from stepwell.messages import Reasoning, Text
from stepwell.schemas.message import assistant, tool_result, user

TOOLS = (Tool("f", "d"),)


def chat(**message: Any) -> dict[str, Any]:
    return {"id": "r", "choices": [{"finish_reason": "stop", "message": {"role": "assistant", **message}}]}


DETAILS = chat(content="ok", reasoning="hm", reasoning_details=[{"type": "reasoning.encrypted", "data": "SECRET"}])
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SIGNED_CALL = chat(tool_calls=[{**CALL, "extra_content": {"google": {"thought_signature": "SECRET"}}}])
SPOKEN = chat(content="ok", audio={"id": "SECRET"})
THINKING = {
    "type": "message",
    "id": "m",
    "content": [{"type": "thinking", "thinking": "hm", "signature": "SECRET"}, {"type": "text", "text": "ok"}],
    "stop_reason": "end_turn",
}
SEARCH = {
    **THINKING,
    "content": [
        {"type": "server_tool_use", "id": "SECRET", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "SECRET", "content": []},
    ],
}
ITEMS = {
    "id": "resp",
    "status": "completed",
    "output": [
        {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "SECRET"},
        {
            "type": "message",
            "id": "m",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "ok", "annotations": []}],
        },
    ],
}
GEMINI = {
    "responseId": "r",
    "candidates": [
        {"finishReason": "STOP", "content": {"parts": [{"text": "ok", "thoughtSignature": "SECRET"}], "role": "model"}}
    ],
}
REASONED_THERE = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [{"reasoningContent": {"reasoningText": {"text": "hm", "signature": "SECRET"}}}, {"text": "ok"}],
        }
    },
    "stopReason": "end_turn",
}
INVOKE, MESSAGES, RESPONSES = "bedrock_invoke_anthropic", "anthropic_messages", "openai_responses"
CLAUDE_THERE = "amazon_bedrock:anthropic.claude-sonnet-4-5-20250929-v1:0"

Where = tuple[str, str | None]
OPENROUTER: Where = ("openrouter:x/y", None)
AZURE: Where = ("azure:mine", "openai_responses")
CASES: list[tuple[Any, Where, Where, bool]] = [
    (DETAILS, OPENROUTER, OPENROUTER, True),
    (DETAILS, OPENROUTER, ("mistral:mistral-large-latest", None), False),
    (DETAILS, OPENROUTER, ("groq:llama", None), False),
    (DETAILS, OPENROUTER, ("openai:gpt-4o", "openai_chat"), False),
    (DETAILS, OPENROUTER, ("deepseek:deepseek-reasoner", None), False),
    (SIGNED_CALL, OPENROUTER, OPENROUTER, True),
    (SIGNED_CALL, OPENROUTER, ("mistral:mistral-large-latest", None), False),
    (SIGNED_CALL, OPENROUTER, ("groq:llama", None), False),
    (SPOKEN, ("openai:gpt-audio", "openai_chat"), ("openai:gpt-audio", "openai_chat"), True),
    (SPOKEN, ("openai:gpt-audio", "openai_chat"), OPENROUTER, False),
    (THINKING, ("minimax:M2", None), ("minimax:M2", None), True),
    (THINKING, ("minimax:M2", None), ("anthropic:claude-sonnet-4-5", None), False),
    (THINKING, ("anthropic:claude-sonnet-4-5", None), (CLAUDE_THERE, INVOKE), True),
    (THINKING, (CLAUDE_THERE.replace("_", "-"), INVOKE), ("anthropic:claude-sonnet-4-5", None), True),
    (THINKING, ("anthropic:claude-sonnet-4-5", None), ("minimax:M2", None), False),
    (SEARCH, ("anthropic:claude-sonnet-4-5", None), ("anthropic:claude-opus-4-5", None), True),
    (SEARCH, ("anthropic:claude-sonnet-4-5", None), ("minimax:M2", None), False),
    (ITEMS, AZURE, AZURE, True),
    (ITEMS, AZURE, ("openai:gpt-5", "openai_responses"), False),
    (GEMINI, ("google:gemini-3-pro-preview", None), ("google_vertex:gemini-3-pro-preview", None), True),
    (GEMINI, ("google_vertex:gemini-3-pro-preview", None), ("google:gemini-3-pro-preview", None), True),
    # A model of another family at the same provider: a gateway or cloud passes the signatures on to the model's vendor.
    (DETAILS, ("openrouter:anthropic/claude-opus-4.8", None), ("openrouter:anthropic/claude-sonnet-4.6", None), True),
    (DETAILS, ("openrouter:anthropic/claude-opus-4.8", None), ("openrouter:google/gemini-3-pro-preview", None), False),
    (SIGNED_CALL, ("openrouter:google/gemini-3-pro-preview", None), ("openrouter:openai/gpt-5.4-mini", None), False),
    (THINKING, ("openrouter:minimax/minimax-m2", MESSAGES), ("openrouter:anthropic/claude-opus-4.8", MESSAGES), False),
    (THINKING, ("openrouter:anthropic/claude-opus-4.8", MESSAGES), ("openrouter:z-ai/glm-4.7", MESSAGES), False),
    (SEARCH, ("openrouter:anthropic/claude-opus-4.8", MESSAGES), ("openrouter:z-ai/glm-4.7", MESSAGES), False),
    (ITEMS, ("openrouter:openai/gpt-5.4", RESPONSES), ("openrouter:openai/o4-mini", RESPONSES), True),
    (ITEMS, ("openrouter:openai/gpt-5.4", RESPONSES), ("openrouter:x-ai/grok-4", RESPONSES), False),
    (REASONED_THERE, (CLAUDE_THERE, None), (CLAUDE_THERE.replace("sonnet", "opus"), None), True),
    (REASONED_THERE, (CLAUDE_THERE, None), ("amazon_bedrock:us.amazon.nova-2-lite-v1:0", None), False),
    (REASONED_THERE, (CLAUDE_THERE, None), ("amazon_bedrock:deepseek.v3-v1:0", None), False),
    (GEMINI, ("google:gemini-3-pro-preview", None), ("google:gemma-4-31b-it", None), False),
]


@pytest.mark.parametrize(("answer", "begun_on", "sent_to", "goes"), CASES, ids=lambda each: str(each)[:60])
def test_private_data_is_sent_only_to_providers_that_can_read_it(
    answer: Any, begun_on: Where, sent_to: Where, goes: bool
) -> None:
    (model, wire), (other, other_wire) = begun_on, sent_to
    _, first = exchanged(model, Context([user("go")], TOOLS), answer, wire=wire)
    more = [tool_result(call, "r") for call in first.tool_calls]
    stored = first.context.append(*more, "on").to_json()
    body, reply = exchanged(other, Context.from_json(stored), wire=other_wire)
    sent = orjson.dumps(body).decode()
    assert ("SECRET" in sent) == goes
    if not first.tool_calls and answer is not SEARCH:
        assert "ok" in sent, "the text goes along"
    losses = [each for each in reported(reply) if "cannot be sent" in each]
    assert len(losses) == (0 if goes else 1), losses
    assert all(model.partition(":")[0] in loss and "is left out" in loss for loss in losses)
    back, _ = exchanged(model, reply.context.append("back"), wire=wire)
    assert "SECRET" in orjson.dumps(back).decode(), "going back to the first provider finds everything as it was"


def test_every_answer_has_its_author_and_is_stored_with_it() -> None:
    for stream in (False, True):
        body: Any = chat(content="ok")
        if stream:
            body = b'data: {"id":"r","choices":[{"index":0,"delta":{"content":"ok"},"finish_reason":"stop"}]}\n\n'
        _, reply = exchanged("openrouter:x/y", Context([user("go")]), body, stream=stream)
        assert reply.message.model == "openrouter:x/y" and reply.message == assistant("ok")
        assert Context.from_json(reply.context.to_json()).messages[-1].model == "openrouter:x/y"
    old = b'{"stepwell":"context","version":1,"messages":[{"role":"assistant","content":[{"type":"text","text":"a"}]}]}'
    assert Context.from_json(old).messages[0].model is None


REASONED = chat(content="ok", reasoning_content="because")


@pytest.mark.parametrize(
    ("begun_on", "sent_to", "where", "losses"),
    [
        ("deepseek:deepseek-reasoner", "anthropic:claude-sonnet-4-5", None, 1),
        ("deepseek:deepseek-reasoner", "openai:gpt-4o", None, 1),
        ("deepseek:deepseek-reasoner", "groq:llama", None, 1),
        ("deepseek:deepseek-reasoner", "deepseek:deepseek-reasoner", "reasoning_content", 0),
        ("groq:llama", "moonshot:kimi-k2-thinking", "reasoning_content", 0),
        ("groq:llama", "groq:llama", None, 1),
        ("groq:llama", "mistral:magistral-medium-latest", "thinking", 0),
        ("mistral:magistral-medium-latest", "mistral:magistral-medium-latest", "thinking", 0),
    ],
)
def test_reasoning_without_a_signature_is_sent_or_reported(
    begun_on: str, sent_to: str, where: str | None, losses: int
) -> None:
    _, first = exchanged(begun_on, Context([user("go")]), REASONED)
    body, reply = exchanged(sent_to, first.context.append("on"))
    sent = orjson.dumps(body["messages"][1]).decode()
    assert ("because" in sent) == (where is not None) and (where or "") in sent and "ok" in sent
    maker = begun_on.partition(":")[0]
    assert len(reported(reply)) == losses and all(f"reasoning of {maker}" in loss for loss in reported(reply))


@pytest.mark.parametrize("model", ["anthropic:claude-sonnet-4-5", "openai:gpt-4o", CLAUDE_THERE, "cohere:command-a"])
def test_reasoning_of_unknown_origin_that_is_not_sent_is_reported(model: str) -> None:
    for thought in (Reasoning("because"), Reasoning("because", wire="anthropic_messages")):
        context = Context([user("go"), assistant([thought, Text("ok")]), user("on")])
        body, reply = exchanged(model, context)
        assert "because" not in orjson.dumps(body).decode() and len(reported(reply)) == 1


def test_thinking_is_sent_back_to_mistral_unchanged() -> None:
    """https://docs.mistral.ai/capabilities/reasoning"""
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "because"}]}
    _, first = exchanged(
        "mistral:magistral-medium-latest",
        Context([user("go")]),
        chat(content=[thinking, {"type": "text", "text": "ok"}]),
    )
    body, _ = exchanged("mistral:magistral-medium-latest", first.context.append("on"))
    assert body["messages"][1]["content"] == [thinking, {"type": "text", "text": "ok"}]
    body, _ = exchanged("mistral:codestral-latest", first.context.append("on"))
    assert body["messages"][1]["content"] == "ok", "a model that does not think is not shown any"
