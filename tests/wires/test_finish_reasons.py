"""A server that speaks a format with another vendor's word for the end of an answer is understood all the same."""

from __future__ import annotations

import httpx
import pytest

import stepwell
from stepwell.providers.wires.finish import FINISH_REASONS, finish_reason_of


@pytest.mark.parametrize("word", ["FUNCTION_CALL", "TOOL_CALLS", "tool-use", "STOP"])
def test_whole_calls_are_run_whatever_the_servers_word_for_them(word):
    @stepwell.tool
    def now() -> str:
        """Tell the time."""
        return "12:00"

    call = {
        "content": {"role": "model", "parts": [{"functionCall": {"name": "now", "args": {}}}]},
        "finishReason": word,
    }
    said = {"content": {"role": "model", "parts": [{"text": "noon"}]}, "finishReason": "STOP"}
    answers = iter([call, said])
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"candidates": [next(answers)]}))
    client = stepwell.Client(transport=transport, api_keys={"google": "k"})
    reply = client.run_tools("google:gemini-2.5-flash", "time?", [now])
    assert reply.text == "noon" and len(reply.steps) == 2 and reply.warnings == ()


def test_the_common_words_hold_in_every_format_in_any_case():
    for word, reason in FINISH_REASONS.items():
        assert finish_reason_of(word, {}) == finish_reason_of(word.upper(), {}) == reason
        assert finish_reason_of(word.replace("_", "-"), {}) == reason and finish_reason_of(word, {word: "x"}) == "x"
    assert finish_reason_of("Novel", {}) == "novel" and finish_reason_of(None, {}) == "unknown"


CALL = {"id": "t", "type": "function", "function": {"name": "now", "arguments": "{}"}}
ENDS: dict[str, tuple[object, str]] = {
    "amazon_bedrock:us.amazon.nova-pro-v1:0": (
        {
            "output": {"message": {"content": [{"toolUse": {"toolUseId": "t", "name": "now", "input": {}}}]}},
            "stopReason": "end_turn",
        },
        "end_turn",
    ),
    "anthropic:claude-sonnet-4-5": (
        {"content": [{"type": "tool_use", "id": "t", "name": "now", "input": {}}], "stop_reason": "end_turn"},
        "end_turn",
    ),
    "cohere:command-a-03-2025": ({"message": {"tool_calls": [CALL]}, "finish_reason": "COMPLETE"}, "COMPLETE"),
    "ollama:m": ({"message": {"tool_calls": [CALL]}, "done_reason": "stop", "done": True}, "stop"),
    "openai:gpt-4o": ({"choices": [{"message": {"tool_calls": [CALL]}, "finish_reason": "stop"}]}, "stop"),
    "google:gemini-2.5-flash": (
        {"candidates": [{"content": {"parts": [{"functionCall": {"name": "now"}}]}, "finishReason": "STOP"}]},
        "STOP",
    ),
}


@pytest.mark.parametrize("model", ENDS)
def test_an_answer_that_ends_as_usual_with_calls_ends_for_them_on_every_wire(model):
    body, raw = ENDS[model]
    keys = {"amazon_bedrock": {"access_key": "a", "secret_key": "b", "region": "us-east-1"}}
    keys |= dict.fromkeys(("anthropic", "cohere", "openai", "google"), "k")
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
    reply = stepwell.Client(transport=transport, api_keys=keys).generate_text(model, "time?")
    assert (reply.finish_reason, reply.finish_reason_raw, len(reply.tool_calls)) == ("tool_calls", raw, 1)
