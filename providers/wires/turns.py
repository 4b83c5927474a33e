"""Messages as turns of user and assistant that alternate, for the formats that insist on it (Anthropic's, Converse)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...schemas.message import Message
from ...schemas.parts import Audio, File, Image, Part, Video

Block = dict[str, Any]


def alternating(
    messages: Iterable[Message],
    encode: Callable[[Part], Block | None],
    encode_result: Callable[[Message], Block],
    is_result: Callable[[Block], bool],
) -> list[Block]:
    """The turns, each `{"role": ..., "content": [blocks]}`: messages of one role in a row are one turn, empty ones are
    none, results of tools, which are the user's here, stand first in it, and what an answer is begun with does not end
    in spaces, which Claude refuses. System messages must not be among them.

    `encode` gives a part's block, or None for one that is left out; what an answer has besides words and calls is (see
    Wire.replays).
    """
    turns: list[Block] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        if message.role == "tool":
            blocks = [encode_result(message)]
        else:
            parts = [part for part in message.content if role == "user" or not isinstance(part, _MEDIA)]
            blocks = [block for part in parts if (block := encode(part)) is not None]
        if blocks and turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    for turn in turns:
        # A stable sort: results first, everything else in the order in which it was said.
        if turn["role"] == "user":
            turn["content"].sort(key=lambda block: not is_result(block))
    if turns and turns[-1]["role"] == "assistant" and "text" in (last := turns[-1]["content"][-1]):
        turns[-1]["content"][-1] = {**last, "text": last["text"].rstrip()}
    return turns


_MEDIA = (Image, File, Audio, Video)
