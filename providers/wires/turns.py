"""Messages as turns of user and assistant that alternate, for the formats that insist on it (Anthropic's, Converse)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ...pipeline.http.request import Request
from ...schemas.message import Message
from ...schemas.parts import Audio, File, Image, Part, Text, Video

Block = dict[str, Any]


def alternating(
    messages: Iterable[Message],
    encode: Callable[[Part], Block | None],
    encode_result: Callable[[Message], Block],
    is_result: Callable[[Block], bool],
) -> list[Block]:
    """The turns, each `{"role": ..., "content": [blocks]}`: messages of one role in a row are one turn, empty ones are
    none, results of tools, which are the user's here, stand first in it, the user has the first word, and what an
    answer is begun with does not end in spaces, which Claude refuses. System messages must not be among them.

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
    if turns and turns[0]["role"] == "assistant" and (opening := encode(Text(EMPTY_USER_TEXT))):
        turns.insert(0, {"role": "user", "content": [opening]})
    for turn in turns:
        # A stable sort: results first, everything else in the order in which it was said.
        if turn["role"] == "user":
            turn["content"].sort(key=lambda block: not is_result(block))
    if turns and turns[-1]["role"] == "assistant" and "text" in (last := turns[-1]["content"][-1]):
        turns[-1]["content"][-1] = {**last, "text": last["text"].rstrip()}
    return turns


_MEDIA = (Image, File, Audio, Video)
EMPTY_USER_TEXT = "."
"""Said for the user where the vendor wants words of theirs and there are none: nothing shorter is text to it."""


def thinking_if_begun(
    encode: Callable[[Part], Block | None], is_thought: Callable[[Block], bool]
) -> Callable[[Request], Request]:
    """For `finalize_history`: Claude takes `thinking: {"type": "enabled"}` only where the answer that it is to go on
    with, after its calls, began with thinking of its own ("a final `assistant` message must start with a thinking
    block"). Where another model began it, it goes on without. Adaptive thinking is not so particular.

    https://platform.claude.com/docs/en/build-with-claude/extended-thinking
    """

    def finalize_history(request: Request) -> Request:
        thinking = request.options.get("thinking")
        if not isinstance(thinking, Mapping) or thinking.get("type") != "enabled":
            return request
        parts = (part for message in _unfinished(request.context.messages) for part in message.content)
        first = next((block for part in parts if not isinstance(part, _MEDIA) and (block := encode(part))), None)
        if first is None or is_thought(first):
            return request
        options = {name: value for name, value in request.options.items() if name != "thinking"}
        why = "left out: the calls just answered were made without thinking, and Claude does not begin it halfway"
        return request.replace(options=options).warn("thinking", why)

    return finalize_history


def _unfinished(messages: Sequence[Message]) -> list[Message]:
    """The messages of the answer that a tool's results at the end of a conversation belong to, the first one first."""
    answer: list[Message] = []
    answered = False
    for message in reversed(messages):
        if message.role == "tool":
            answered = True
        elif message.role == "assistant":
            if not answered:
                return []
            answer.insert(0, message)
        elif message.role == "user" and answer:
            break
    return answer
