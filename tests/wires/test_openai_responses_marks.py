"""Items of a streamed response are distinguished by all marks that they have: ids, indexes, kinds, order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import pytest

from stepwell.messages import Reasoning, ToolCall

from odd_fields import speaker, streamed, written

Event = dict[str, Any]
ITEMS: dict[str, Callable[[int, str], tuple[Event, str, str, Any]]] = {
    "text": lambda at, text: ({"type": "message", "id": f"m{at}"}, "output_text", "content", output_text(text)),
    "thought": lambda at, text: (
        {"type": "reasoning", "id": f"r{at}", "encrypted_content": f"E{at}"},
        "reasoning_summary_text",
        "summary",
        [{"type": "summary_text", "text": text}],
    ),
    "call": lambda at, name: (
        {"type": "function_call", "id": f"f{at}", "call_id": f"c{at}", "name": name},
        "function_call_arguments",
        "arguments",
        '{"a":1}',
    ),
}
"""Of each kind: the item without its content, the type of its deltas, the field of its content, and that."""
SEQUENCES = (
    [("text", "Look."), ("call", "f"), ("call", "g")],
    [("thought", "hm"), ("text", "Hi"), ("thought", "so"), ("call", "f")],
    [("call", "f"), ("text", "Hi"), ("call", "f")],
    [("thought", "a"), ("thought", "b"), ("text", "c")],
)


def output_text(text: str) -> list[Event]:
    return [{"type": "output_text", "text": text}]


def without(value: Any, names: Iterable[str]) -> Any:
    if isinstance(value, list):
        return [without(each, names) for each in value]
    return (
        {name: without(each, names) for name, each in value.items() if name not in names}
        if isinstance(value, dict)
        else value
    )


def response(
    sequence: list[tuple[str, str]], number: Callable[[int], Event], *, ends: bool, listed: bool
) -> list[Event]:
    """Write a stream; `ends`: with the end of each item; `listed`: with all items in its last event."""
    events: list[Event] = [{"type": "response.created", "response": {"id": "r", "output": []}}]
    items = []
    for at, (kind, text) in enumerate(sequence):
        item, delta, field, content = ITEMS[kind](at, text)
        piece = content if isinstance(content, str) else text
        items.append({**item, field: content})
        events += [
            {"type": "response.output_item.added", "item": {**item, field: type(content)()}, **number(at)},
            {"type": f"response.{delta}.delta", "item_id": item["id"], "delta": piece, **number(at)},
        ]
        events += [{"type": "response.output_item.done", "item": items[-1], **number(at)}] if ends else []
    end = {"id": "r", "status": "completed", "output": items if listed else []}
    return [*events, {"type": "response.completed", "response": end}]


@pytest.mark.parametrize(
    "number",
    [lambda at: {"output_index": at}, lambda at: {"output_index": 0}, lambda at: {}, lambda at: {"output_index": "0"}],
    ids=["right", "all 0", "missing", "in quotes"],
)
@pytest.mark.parametrize("absent", [(), ("id", "item_id"), ("call_id",), ("id", "item_id", "call_id")], ids=str)
def test_each_item_is_a_part_of_its_own(number: Callable[[int], Event], absent: tuple[str, ...]) -> None:
    for sequence, (ends, listed) in product(SEQUENCES, [(True, True), (True, False), (False, True)]):
        if not ends and "id" in absent and sequence[0][0] == sequence[2][0]:
            continue  # two calls without any mark
        events = without(response(sequence, number, ends=ends, listed=listed), absent)
        reply = streamed(speaker("openai_responses"), [(each["type"], written(each)) for each in events])
        kinds = {ToolCall: "call", Reasoning: "thought"}
        parts = [
            (kinds.get(type(part), "text"), getattr(part, "text", "") or getattr(part, "name", ""))
            for part in reply.message.content
        ]
        assert parts == sequence, (ends, listed)
        assert all(call.arguments == {"a": 1} for call in reply.tool_calls)
        assert len({call.id for call in reply.tool_calls}) == len(reply.tool_calls)
