"""xAI's own: messages that say nothing are refused."""

from __future__ import annotations

from catalog_hosts import TOOL, sent

from stepwell import Context, tool_result, user
from stepwell.messages import Message, ToolCall

CALL = ToolCall("c1", TOOL.name, "{}")


def test_messages_that_say_nothing_are_left_out_with_a_warning() -> None:
    """https://github.com/n8n-io/n8n/issues/14797"""
    talk = [Message("system", ""), user("a"), Message("assistant", ""), user(""), Message("assistant", (CALL,))]
    _, body, warned = sent("xai:grok-4.3", Context([*talk, tool_result(CALL, "")]), tools=[TOOL])
    assert [(turn["role"], turn["content"]) for turn in body["messages"]] == [
        ("user", "a"),
        ("assistant", None),
        ("tool", "(no output)"),
    ]
    assert warned.count("history") == 2
