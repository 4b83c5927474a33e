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
