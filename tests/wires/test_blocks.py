"""Parts of a stream are distinguished by all marks that they have, and one that has ended is never written over: blocks
that are all numbered 0, whose number comes again or is missing, whose ends are left out, whose calls have no ids or
the same one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stepwell.chunks import Finish, PartDone, PartEnd, ReasoningDelta, TextDelta, ToolCallDelta, ToolCallEnd
from stepwell.chunks import ToolCallStart as CallStart
from stepwell.messages import Image, Opaque, Reasoning, Text, ToolCall
from stepwell.schemas.fold import fold

from odd_fields import speaker, streamed, written

Event = dict[str, Any]
Blocks = list[tuple[str, list[Event]]]
"""The kind of each block, and its events: a beginning, pieces, an end."""


def anthropic(*blocks: tuple[str, str]) -> Blocks:
    out: Blocks = []
    for kind, text in blocks:
        start: Event = {"type": kind, **({"id": f"id-{text}", "name": text, "input": {}} if kind == "tool_use" else {})}
        deltas: list[Event] = {
            "text": [{"type": "text_delta", "text": text}],
            "thinking": [{"type": "thinking_delta", "thinking": text}, {"type": "signature_delta", "signature": "s"}],
            "tool_use": [{"type": "input_json_delta", "partial_json": piece} for piece in ('{"a"', ":1}")],
        }[kind]
        events: list[Event] = [{"type": "content_block_start", "content_block": start}]
        events += [{"type": "content_block_delta", "delta": delta} for delta in deltas]
        out.append((kind, [*events, {"type": "content_block_stop"}]))
    return out


def converse(*blocks: tuple[str, str]) -> Blocks:
    out: Blocks = []
    for kind, text in blocks:
        start = {"toolUse": {"toolUseId": f"id-{text}", "name": text}} if kind == "tool_use" else None
        deltas: list[Event] = {
            "text": [{"text": text}],
            "thinking": [{"reasoningContent": {"text": text}}, {"reasoningContent": {"signature": "s"}}],
            "tool_use": [{"toolUse": {"input": piece}} for piece in ('{"a"', ":1}")],
        }[kind]
        events: list[Event] = [{"type": "contentBlockStart", "start": start}] if start else []
        events += [{"type": "contentBlockDelta", "delta": delta} for delta in deltas]
        out.append((kind, [*events, {"type": "contentBlockStop"}]))
    return out


def cohere(*blocks: tuple[str, str]) -> Blocks:
    out: Blocks = []
    for kind, text in blocks:
        if kind == "tool_use":
            call = {"id": f"id-{text}", "type": "function", "function": {"name": text, "arguments": ""}}
            pieces = [{"function": {"arguments": piece}} for piece in ('{"a"', ":1}")]
            events = [
                {"type": "tool-call-start", "delta": {"message": {"tool_calls": call}}},
                *({"type": "tool-call-delta", "delta": {"message": {"tool_calls": piece}}} for piece in pieces),
                {"type": "tool-call-end"},
            ]
        else:
            field = "thinking" if kind == "thinking" else "text"
            events = [
                {"type": "content-start", "delta": {"message": {"content": {"type": field, field: ""}}}},
                {"type": "content-delta", "delta": {"message": {"content": {field: text}}}},
                {"type": "content-end"},
            ]
        out.append((kind, events))
    return out


FRAMES: dict[str, tuple[Callable[..., Blocks], str, list[Event], list[Event]]] = {
    "anthropic_messages": (
        anthropic,
        "index",
        [{"type": "message_start", "message": {"id": "m-1", "content": [], "usage": {}}}],
        [{"type": "message_delta", "delta": {"stop_reason": "tool_use"}}, {"type": "message_stop"}],
    ),
    "bedrock_converse": (
        converse,
        "contentBlockIndex",
        [{"type": "messageStart", "role": "assistant"}],
        [{"type": "messageStop", "stopReason": "tool_use"}],
    ),
    "cohere_chat": (
        cohere,
        "index",
        [{"type": "message-start", "id": "m-1"}],
        [{"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}}],
    ),
}
"""How each wire writes blocks, numbers them, begins and ends."""
SEQUENCES = (
    [("tool_use", "f"), ("tool_use", "g")],
    [("text", "Let me look."), ("tool_use", "f"), ("tool_use", "g")],
    [("tool_use", "f"), ("text", "Done."), ("tool_use", "g")],
    [("thinking", "hm"), ("text", "Hi"), ("tool_use", "f")],
    [("text", "Hi"), ("thinking", "hm"), ("text", "there"), ("tool_use", "f")],
)
NUMBERS: dict[str, Callable[[int], int | None]] = {
    "right": lambda at: at,
    "all 0": lambda at: 0,
    "all 3": lambda at: 3,
    "by turns": lambda at: at % 2,
    "in quotes": lambda at: str(at),  # type: ignore[return-value]
    "missing": lambda at: None,
}


def answer(wire: str, blocks: Blocks, number: Callable[[int], Any], *, ends: bool = True) -> Any:
    _, name, head, tail = FRAMES[wire]
    events = list(head)
    for at, (_, block) in enumerate(blocks):
        numbered = {} if number(at) is None else {name: number(at)}
        kept = [each for each in block if ends or not each["type"].lower().endswith(("stop", "end"))]
        events += [{**each, **numbered} for each in kept]
    events += tail
    if wire == "bedrock_converse":
        return streamed(
            speaker(wire),
            [
                ({":event-type": each.pop("type"), ":message-type": "event"}, written(each))
                for each in map(dict, events)
            ],
        )
    return streamed(speaker(wire), [(each["type"], written(each)) for each in events])


def parts_of(reply: Any) -> list[tuple[str, str]]:
    kinds = {Text: "text", Reasoning: "thinking", ToolCall: "tool_use"}
    return [
        (kinds[type(part)], getattr(part, "text", "") or getattr(part, "name", "")) for part in reply.message.content
    ]


def in_order(wire: str, sequence: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the parts as the message has them: on Cohere's wire all calls come after all content."""
    return sorted(sequence, key=lambda each: each[0] == "tool_use") if wire == "cohere_chat" else sequence


@pytest.mark.parametrize("numbering", NUMBERS)
@pytest.mark.parametrize("wire", FRAMES)
def test_every_block_is_a_part_of_its_own_however_it_is_numbered(wire: str, numbering: str) -> None:
    for sequence in SEQUENCES:
        reply = answer(wire, FRAMES[wire][0](*sequence), NUMBERS[numbering])
        assert parts_of(reply) == in_order(wire, sequence), sequence
        assert all(call.arguments == {"a": 1} for call in reply.tool_calls)
        signatures = [part.signature for part in reply.message.content if isinstance(part, Reasoning)]
        assert all(each == "s" for each in signatures) or wire == "cohere_chat"


@pytest.mark.parametrize("numbering", ["right", "all 0", "missing"])
@pytest.mark.parametrize("wire", FRAMES)
def test_blocks_whose_ends_are_left_out_end_where_the_next_begins(wire: str, numbering: str) -> None:
    for sequence in ([("tool_use", "f"), ("tool_use", "g")], [("text", "Look."), ("tool_use", "f"), ("tool_use", "g")]):
        reply = answer(wire, FRAMES[wire][0](*sequence), NUMBERS[numbering], ends=False)
        assert parts_of(reply) == sequence
        assert all(call.arguments == {"a": 1} for call in reply.tool_calls)


@pytest.mark.parametrize("wire", FRAMES)
def test_numbered_blocks_may_come_interleaved(wire: str) -> None:
    make, name, _, _ = FRAMES[wire]
    first, second = (block for _, block in make(("tool_use", "f"), ("tool_use", "g")))
    events = [event for pair in zip(first, second, strict=True) for event in pair]
    numbers = iter([0, 1] * len(first))
    blocks = [("tool_use", [{**event, name: next(numbers)} for event in events])]
    reply = answer(wire, blocks, lambda at: None)
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("f", {"a": 1}), ("g", {"a": 1})]


@pytest.mark.parametrize("id", [None, "", 7, "same"])
@pytest.mark.parametrize("wire", FRAMES)
def test_calls_without_ids_and_calls_with_one_id_get_ids_of_their_own(wire: str, id: Any) -> None:
    def with_id(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: id if name in ("id", "toolUseId") else with_id(each) for name, each in value.items()}
        return value

    blocks = [(kind, [with_id(each) for each in block]) for kind, block in FRAMES[wire][0](*SEQUENCES[0])]
    reply = answer(wire, blocks, NUMBERS["right"])
    ids = [call.id for call in reply.tool_calls]
    assert len(set(ids)) == 2 and all(isinstance(each, str) and each for each in ids)


def test_arguments_whose_call_has_not_begun_are_left_out_with_a_warning() -> None:
    for wire, (make, _, _, _) in FRAMES.items():
        ((_, (_, *rest)),) = make(("tool_use", "f"))
        text = make(("text", "Hi"))
        reply = answer(wire, [*text, ("tool_use", rest)], NUMBERS["right"])
        assert reply.text == "Hi" and not reply.tool_calls
        assert [each.subject for each in reply.warnings][-1:] == ["tool_calls"], wire


def details(*pieces: list[dict[str, Any]]) -> Any:
    """Fold a stream of these reasoning_details to the ones that are sent back."""
    chunks = [{"id": "r", "choices": [{"index": 0, "delta": {"reasoning_details": each}}]} for each in pieces]
    chunks.append({"id": "r", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]})
    reply = streamed(speaker("openai_chat"), [("", written(each)) for each in chunks])
    (part,) = (each for each in reply.message.content if isinstance(each, Reasoning))
    return [
        "".join(str(each.get(name) or "") for name in ("text", "data", "signature"))
        for each in part.extra["openai_chat"]["reasoning_details"]
    ]


def test_reasoning_details_are_distinguished_by_all_their_marks() -> None:
    def text(text: str, index: int | None = 0, **more: Any) -> dict[str, Any]:
        return {"type": "reasoning.text", "text": text, "index": index, **more}

    def sealed(data: str, index: int | None = 0, **more: Any) -> dict[str, Any]:
        return {"type": "reasoning.encrypted", "data": data, "index": index, **more}

    assert details([text("a")], [text("b")], [sealed("X")], [sealed("Y")]) == ["ab", "XY"]
    assert details([sealed("X", id="1")], [sealed("Y", id="2")]) == ["X", "Y"]
    assert details([sealed("X", id="1")], [sealed("Y", id="2")], [sealed("x", id="1")]) == ["Xx", "Y"]
    assert details([sealed("X"), sealed("Y")]) == ["X", "Y"]
    assert details([sealed("X=")], [sealed("Y=")]) == ["X=", "Y="]
    assert details([text("a", 0)], [text("b", 1)], [text("c", 0)], [text("d", 1)]) == ["ac", "bd"]
    assert details([text("a")], [text("", signature="s")], [text("b")], [text("", signature="t")]) == ["as", "bt"]
    assert details([text("a", None)], [text("b", None)], [sealed("X", None)], [text("c", None)]) == ["ab", "X", "c"]


def test_a_fold_keeps_the_part_whose_place_another_takes() -> None:
    """For wires of your own, and steps that make chunks."""
    call = [CallStart(0, "c", "f"), ToolCallDelta(0, "{}"), ToolCallEnd(0)]
    image, block = Image(url="https://a/b.png"), Opaque("w", {"a": 1})
    done = [PartDone(image, 0), PartDone(block, 0)]
    reply = fold([TextDelta("a"), *call, *done, TextDelta("b"), ReasoningDelta("c"), PartEnd(0, {"signature": "s"})])
    assert [type(part) for part in reply.message.content] == [Text, ToolCall, Image, Opaque, Text, Reasoning]
    assert reply.text == "ab" and reply.message.content[-1] == Reasoning("c", "s")
    late = fold([ReasoningDelta("c"), TextDelta("a"), PartEnd(0, {"signature": "s"}), Finish("stop")])
    assert late.message.content == (Reasoning("c", "s"), Text("a"))
