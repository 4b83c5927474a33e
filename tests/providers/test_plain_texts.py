"""Servers of OpenAI's chat that take strings alone as the content of messages."""

from __future__ import annotations

import pytest
from catalog_hosts import TOOL, sent

from stepwell import Context, tool_result
from stepwell.messages import Image, Message, Text, ToolCall

CALL = ToolCall("c1", TOOL.name, "{}")
TALK = Context(
    [
        Message("system", (Text("a"), Text("b"))),
        Message("user", (Text("c"), Text("d"))),
        Message("assistant", (CALL,)),
        tool_result(CALL, "e"),
        Message("assistant", "f"),
        Message("user", (Text("g"), Image(url="https://example.com/h.png"))),
    ]
)


@pytest.mark.parametrize(
    ("model", "beside_calls"), [("deepseek:deepseek-chat", None), ("cloudflare:@cf/meta/llama-4-scout", "")]
)
def test_texts_are_strings_and_other_parts_stay_a_list(model: str, beside_calls: str | None) -> None:
    *texts, last = sent(model, TALK, tools=[TOOL])[1]["messages"]
    assert [message["content"] for message in texts] == ["a\nb", "c\nd", beside_calls, "e", "f"]
    assert [block["type"] for block in last["content"]] == ["text", "image_url"]
