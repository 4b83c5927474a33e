"""Results of tools on Bedrock, where each family of models takes something else beside and inside of them."""

from __future__ import annotations

from typing import Any

import pytest
from catalog_hosts import TOOL, sent

from stepwell import Context, tool_result, user
from stepwell.messages import Image, Message, Text, ToolCall

CALLS = ToolCall("c1", TOOL.name, "{}"), ToolCall("c2", TOOL.name, "{}")
SHOWN = Message("tool", (Text("shown"), Image(data=b"\x89PNG\r\n\x1a\n", media_type="image/png")), tool_call_id="c1")
TALK = [user("q"), Message("assistant", CALLS), SHOWN, tool_result(CALLS[1], "b")]
INSIDE = ("us.anthropic.claude-sonnet-4-6", "amazon.nova-pro-v1:0", "us.meta.llama4-maverick-17b-instruct-v1:0")
BESIDE = ("openai.gpt-oss-120b-1:0", "openai.gpt-6-astra", "qwen.qwen3-vl-235b-a22b")
ALONE = ("us.meta.llama3-3-70b-instruct-v1:0", "mistral.mistral-large-2407-v1:0", "mistral.pixtral-large-2502-v1:0")


def turns(model: str, *messages: Message) -> tuple[list[Any], list[str]]:
    _, body, warned = sent(f"amazon_bedrock:{model}", Context(messages), tools=[TOOL], wire="bedrock_converse")
    return body["messages"], warned


def kinds(turn: Any) -> list[str]:
    return [next(iter(block)) for block in turn["content"]]


@pytest.mark.parametrize("model", INSIDE)
def test_images_stay_inside_of_results_where_the_model_takes_them_there(model: str) -> None:
    said, warned = turns(model, *TALK)
    assert kinds(said[2]) == ["toolResult", "toolResult"] and "history" not in warned
    assert [next(iter(block)) for block in said[2]["content"][0]["toolResult"]["content"]] == ["text", "image"]


@pytest.mark.parametrize("model", BESIDE)
def test_images_follow_the_results_for_other_models(model: str) -> None:
    said, warned = turns(model, *TALK, user("and?"))
    assert kinds(said[2]) == ["toolResult", "toolResult", "image", "text"] and "history" in warned
    assert said[2]["content"][0]["toolResult"]["content"] == [{"text": "shown"}]


@pytest.mark.parametrize("model", ALONE)
def test_results_are_alone_in_their_turn_where_words_beside_them_are_refused(model: str) -> None:
    said, warned = turns(model, *TALK, user("and?"))
    assert [turn["role"] for turn in said] == ["user", "assistant"] * 2 + ["user"]
    assert kinds(said[2]) == ["toolResult", "toolResult"] and kinds(said[4]) == ["image", "text"]
    assert said[3]["content"] == [{"text": "OK"}] and warned.count("history") >= 2
    plain, unchanged = turns(model, user("q"), Message("assistant", CALLS[:1]), tool_result(CALLS[0], "a"))
    assert len(plain) == 3 and "history" not in unchanged
