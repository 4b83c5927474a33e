"""Leave out calls of the provider's own tools that never got their result.

An answer that was paused or cut leaves such a call open. Sent back at the end of a conversation, it goes on; with the
user's next words after it, it is refused ("was found without a corresponding web_search_tool_result block").
https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons#pause-turn
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve

from ...schemas.message import Message
from ...schemas.parts import Opaque, Reasoning

ServerTools = Callable[[Any], tuple[str | None, str | None]]
"""Reads a block of a format's own: the id of the call that it is, and the id of the call whose result it is."""


def without_open_tools(messages: Sequence[Message], read: ServerTools) -> tuple[list[Message], list[str]]:
    """Return the messages without open calls that the user has spoken after, and a description of the repair.

    messages: the conversation.
    read: reads the blocks of its format.

    A result may be in a later message: an answer that went on after a pause, or the user's own block.
    """
    kept = list(messages)
    open: dict[str, tuple[int, Opaque]] = {}
    lost: list[tuple[int, Opaque]] = []
    for at, message in enumerate(messages):
        for part in message.content:
            if isinstance(part, Opaque):
                asked, answered = read(part.data)
                open.pop(answered or "", None)
                if asked and message.role == "assistant":
                    open[asked] = at, part
        if message.role == "user":
            lost += open.values()
            open = {}
    for at, part in lost:
        content = [each for each in kept[at].content if each is not part]
        while content and isinstance(content[-1], Reasoning):
            content.pop()  # it led to the call: "The final block in an assistant message cannot be `thinking`"
        kept[at] = evolve(kept[at], content=content)
    return kept, ["a call of the provider's own tool without a result is left out"] if lost else []
