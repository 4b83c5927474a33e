"""A conversation begun elsewhere, made to fit, with the losses told: the laws that hold for every wire.

Names of tools in the target's alphabet; nothing of an answer that only another provider understands; every call with
its one result behind it, under an id of the target's. The stored conversation is not changed, so going back to the
first provider finds everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field

from ...pipeline.effects import Flow, Rest
from ...pipeline.request import RAW_OPTIONS, Request
from ...pipeline.step import Step, wrapping
from ...schemas.message import Context, Message
from ...schemas.parts import Opaque, Text, ToolCall
from .call_ids import id_matcher
from .origins import Origins
from .pairing import paired
from .tool_names import answered, name_matcher, sent_names
from .wire import ToolCallIdPolicy, ToolNamePolicy


@define(eq=False)
class Target:
    """What a conversation is to fit. `continued_by` and `settle` are the wire's, see Wire."""

    origins: Origins
    ids: ToolCallIdPolicy
    names: ToolNamePolicy
    continued_by: frozenset[str] = frozenset()
    settle: Callable[[Request], Request] | None = None
    _fits_id: Callable[[str], object] = field(init=False)
    _fits_name: Callable[[str], object] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._fits_id, self._fits_name = id_matcher(self.ids), name_matcher(self.names)

    def suits(self, context: Context) -> bool:
        """Whether there is nothing to do. May say no where there is nothing, either: this is the way of every call."""
        fits_name, wire = self._fits_name, self.origins.wire
        for tool in context.tools:
            if tool.server is None and not fits_name(tool.name):
                return False
        seen: set[str] = set()
        waiting: list[str] = []  # the calls of the last answer whose results are still to come, the next one last
        for message in context.messages:
            role = message.role
            if role == "tool":
                if not waiting or message.tool_call_id != waiting.pop():
                    return False
            elif waiting or (role == "assistant" and not self._suits_answer(message, seen, waiting)):
                return False
            if role != "assistant":
                for part in message.content:
                    if type(part) is Opaque and part.wire != wire:
                        return False
        return not waiting

    def _suits_answer(self, message: Message, seen: set[str], waiting: list[str]) -> bool:
        origins = self.origins
        strange, wire = origins.strange(message), origins.wire
        part: Any
        for part in message.content:
            kind = type(part)
            if kind is Text:
                if strange and wire in part.extra:
                    return False
            elif kind is ToolCall:
                id = part.id
                if id in seen or not self._fits_id(id) or not self._fits_name(part.name):
                    return False
                if strange and wire in part.extra:
                    return False
                seen.add(id)
                waiting.append(id)
            elif not origins.goes(part, message, strange):
                return False
        waiting.reverse()
        return True


def fit_history(target: Target) -> Step:
    """Make the conversation fit. What fits already, which nearly all do, is looked through once and left alone."""
    settle = target.settle

    def run(request: Request, call: Rest) -> Flow:
        names = None
        if not target.suits(request.context):
            names = sent_names(request.context, target.names)
            request = _fitted(request, target)
        if settle is not None:
            request = settle(request)
        return answered(request, call, names) if names else call(request)

    return wrapping("fit_history", run)


def _fitted(request: Request, target: Target) -> Request:
    context = request.context
    messages, lost = target.origins.fitted(context.messages)
    given = {**request.private.get(RAW_OPTIONS, {}), **request.options}
    begun_elsewhere = not target.continued_by.isdisjoint(given)
    messages, told = paired(messages, target.ids, begun_elsewhere=begun_elsewhere)
    for kind in lost:
        request = request.warn("history", f"{kind} cannot be sent to {request.model.provider} and stays behind")
    for repair in told:
        request = request.warn("history", repair)
    return request.replace(context=Context(messages, context.tools))
