"""Put exactly one result directly after each call, under an id that no other call has.

Providers refuse a conversation with a call without a result, or a result without a call. It can arise in many ways: the
user went on without waiting, a loop was stopped, the beginning was cut off.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import groupby

from attrs import define, evolve

from ...schemas.message import Message, reminder, tool_result
from ...schemas.parts import Text, ToolCall
from ..declare.tool_policies import ToolCallIdPolicy
from .call_ids import CallIds

NO_RESULT = "No result was given for this call."


@define(eq=False)
class _Slot:
    """A call, and the position of its result."""

    call: ToolCall
    place: int
    """the position of its message"""
    spoken: int
    """the messages up to it that are not results"""
    result: int | None = None
    """the position of its result"""
    apart: bool = False
    """other messages are between the call and its result"""


def paired(
    messages: Sequence[Message], policy: ToolCallIdPolicy, *, continues_stored: bool = False
) -> tuple[list[Message], list[str]]:
    """Return the messages in an order that providers accept, and descriptions of the repairs.

    messages: the conversation.
    policy: the ids that the provider accepts; calls and results get them.
    continues_stored: the provider has stored the beginning, so a result without a call here is kept.

    A call without a result gets one that says so, a result is moved to its call, and a result without a call becomes
    user text.
    """
    slots, loose = _match(messages)
    by_place = {place: list(group) for place, group in groupby(slots, key=lambda slot: slot.place)}
    ids, repairs, out = CallIds(policy), dict[str, None](), list[Message]()
    for at, message in enumerate(messages):
        if message.role != "tool":
            own = by_place.get(at, ())
            sent = [ids.sent(slot.call.id) for slot in own]
            out.append(_with_ids(message, sent))
            for slot, id in zip(own, sent, strict=True):
                out.append(_result(messages, slot, id))
                if slot.result is None:
                    repairs["a call without a result was given one that says so"] = None
                elif slot.apart:
                    repairs["a result that was not next to its call was moved to it"] = None
        elif at in loose and continues_stored:
            out.append(message)
        elif at in loose:
            repairs["a result without a call became user text"] = None
            out.append(_as_user_text(message))
    return out, list(repairs)


def _match(messages: Sequence[Message]) -> tuple[list[_Slot], set[int]]:
    """Match calls and results, and return the calls and the positions of results without one.

    A result belongs to the first open call with its id, in the latest answer that has one; an id may occur again.
    """
    slots: list[_Slot] = []
    open: dict[str, list[deque[_Slot]]] = {}  # by id: the calls of each answer
    latest: dict[str | None, deque[_Slot]] = {}  # the calls of the latest answer: by tool, and None for all
    loose: set[int] = set()
    spoken = 0
    for at, message in enumerate(messages):
        if message.role == "tool":
            # Some formats have no ids: their results are for the next open call of the tool.
            slot = _take_slot(open, message) if message.tool_call_id else _first_open(latest.get(message.name))
            if slot is None:
                loose.add(at)
            else:
                slot.result, slot.apart = at, slot.spoken != spoken
            continue
        spoken += 1
        calls = message.tool_calls if message.role == "assistant" else ()
        if calls:
            latest = {}
        for call in calls:
            slot = _Slot(call, at, spoken)
            slots.append(slot)
            answers = open.setdefault(call.id, [])
            if not answers or answers[-1][-1].place != at:
                answers.append(deque())
            for queue in (answers[-1], latest.setdefault(call.name, deque()), latest.setdefault(None, deque())):
                queue.append(slot)
    for at in sorted(loose):  # a result may be before its call
        if slot := _take_slot(open, messages[at]):
            slot.result, slot.apart = at, True
            loose.discard(at)
    return slots, loose


def _take_slot(open: dict[str, list[deque[_Slot]]], message: Message) -> _Slot | None:
    answers = open.get(message.tool_call_id) if message.tool_call_id else None
    while answers:
        slot = _first_open(answers[-1])
        if not answers[-1]:
            answers.pop()
        if slot is not None:
            return slot
    return None


def _first_open(queue: deque[_Slot] | None) -> _Slot | None:
    """Take the first call without a result out of a queue."""
    while queue:
        if (slot := queue.popleft()).result is None:
            return slot
    return None


def _with_ids(message: Message, ids: Iterable[str]) -> Message:
    following = iter(ids)
    content = [_with_id(part, next(following)) if isinstance(part, ToolCall) else part for part in message.content]
    same = all(new is old for new, old in zip(content, message.content, strict=True))
    return message if same else evolve(message, content=content)


def _with_id(call: ToolCall, id: str) -> ToolCall:
    return call if call.id == id else evolve(call, id=id)


def _result(messages: Sequence[Message], slot: _Slot, id: str) -> Message:
    if slot.result is None:
        return tool_result(id, NO_RESULT, name=slot.call.name, is_error=True)
    result = messages[slot.result]
    return result if result.tool_call_id == id else evolve(result, tool_call_id=id)


def _as_user_text(result: Message) -> Message:
    """Convert a result without a call to user text, labelled so that it is not taken for the user's own words."""
    of = f" of the tool {result.name}" if result.name else " of a tool"
    return reminder([Text(f"The {'error' if result.is_error else 'result'}{of}:"), *result.content])
