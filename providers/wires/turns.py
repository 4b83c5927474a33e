"""Alternating turns of user and assistant, for the formats that insist on them (Anthropic's messages, Converse), and
the results of tools, for those that have no place for all that one holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve

from ...pipeline.http.request import Request
from ...schemas.message import Message
from ...schemas.parts import MEDIA, Part, Text

Block = dict[str, Any]


def encoded(parts: Iterable[Part], encode: Callable[[Part], Block | None]) -> list[Block]:
    """Return the blocks of parts, without those that have none."""
    return [block for part in parts if (block := encode(part)) is not None]


def alternating(
    messages: Iterable[Message],
    encode: Callable[[Part], Block | None],
    encode_result: Callable[[Message], Block],
    is_result: Callable[[Block], bool],
) -> list[Block]:
    """Join messages into turns, each `{"role": ..., "content": [blocks]}`.

    Messages of one role in a row become one turn, and empty ones none. Tool results are the user's here, and come first
    in a turn. The first turn is the user's, and there is one. A last turn of the assistant, which the model continues,
    does not end in spaces, which Claude refuses.

    messages: the messages, without system messages
    encode: makes a part's block; None leaves the part out. Media in answers are left out anyway.
    encode_result: makes the block of a tool message
    is_result: tells such blocks from others
    """
    turns: list[Block] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        if message.role == "tool":
            blocks = [encode_result(message)]
        else:
            parts = [part for part in message.content if role == "user" or not isinstance(part, MEDIA)]
            blocks = encoded(parts, encode)
        if blocks and turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    # Without a turn of the user's, a 400, also where all is in the system: langchain-ai/langchain#30764.
    if (not turns or turns[0]["role"] == "assistant") and (opening := encode(Text(EMPTY_USER_TEXT))):
        turns.insert(0, {"role": "user", "content": [opening]})
    for turn in turns:
        # A stable sort: results first, everything else in its order.
        if turn["role"] == "user":
            turn["content"].sort(key=lambda block: not is_result(block))
    if turns and turns[-1]["role"] == "assistant" and "text" in (last := turns[-1]["content"][-1]):
        turns[-1]["content"][-1] = {**last, "text": last["text"].rstrip()}
    return turns


def media_after_results(messages: Iterable[Message], kinds: tuple[type[Part], ...] = MEDIA) -> Iterator[Message]:
    """Yield the messages with files of these kinds moved out of the results of tools, to a message of the user's after
    them."""
    moved: list[Part] = []
    for message in messages:
        if message.role != "tool" and moved:
            yield Message("user", moved)
            moved = []
        if message.role == "tool" and any(isinstance(part, kinds) for part in message.content):
            moved += [part for part in message.content if isinstance(part, kinds)]
            message = evolve(message, content=[part for part in message.content if not isinstance(part, kinds)])
        yield message
    if moved:
        yield Message("user", moved)


EMPTY_USER_TEXT = "."
"""The user's text where the vendor demands one and there is none: the shortest text that it takes."""
EMPTY_RESULT_TEXT = "(no output)"
"""The text of a tool's result where the vendor demands one and there is none."""
BRIDGE_TEXT = "OK"
"""What the model is taken to have said between results and what follows them; Mistral takes no shorter text."""


def thinking_if_begun(
    encode: Callable[[Part], Block | None], is_thinking: Callable[[Block], bool]
) -> Callable[[Request], Request]:
    """Make a `finalize_history` that drops `thinking: {"type": "enabled"}` where Claude would refuse it.

    Claude takes it only if the answer that it continues after its calls began with its own thinking ("a final
    `assistant` message must start with a thinking block"). If another model began the answer, Claude goes on without
    thinking. Adaptive thinking has no such rule.

    https://platform.claude.com/docs/en/build-with-claude/extended-thinking
    """

    def finalize_history(request: Request) -> Request:
        thinking = request.options.get("thinking")
        if not isinstance(thinking, Mapping) or thinking.get("type") != "enabled":
            return request
        parts = (part for message in unfinished_answer(request.context.messages) for part in message.content)
        first = next((block for part in parts if not isinstance(part, MEDIA) and (block := encode(part))), None)
        if first is None or is_thinking(first):
            return request
        options = {name: value for name, value in request.options.items() if name != "thinking"}
        why = "left out: the answer began without thinking, and Claude cannot start to think in the middle of an answer"
        return request.replace(options=options).warn("thinking", why)

    return finalize_history


def unfinished_answer(messages: Sequence[Message]) -> list[Message]:
    """Return the messages of the answer that tool results at the end of the conversation belong to, in order."""
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
