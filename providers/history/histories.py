"""Adapt a conversation that was begun with another model, and warn of what is left out: rules of every wire.

The names of tools are in the target's alphabet, blocks that only another provider understands are removed, and each
call is followed by its one result, under an id that the target accepts. The stored conversation is not changed, so it
can go back to the first provider.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field

from ...pipeline.effects import CallNext, StepGenerator
from ...pipeline.http.request import RAW_OPTIONS, Request
from ...pipeline.step import Step, around_unchecked
from ...schemas.message import Context, Message
from ...schemas.parts import Opaque, Text, ToolCall
from ..declare.tool_policies import ToolCallIdPolicy, ToolNamePolicy
from .call_ids import id_matcher
from .origins import Origins, running_from
from .pairing import paired
from .tool_names import name_matcher, sent_names, with_original_names


@define(eq=False)
class HistoryTarget:
    """The requirements on a conversation. `conversation_id_options` and `finalize_history` are the wire's; see Wire."""

    origins: Origins
    ids: ToolCallIdPolicy
    names: ToolNamePolicy
    conversation_id_options: frozenset[str] = frozenset()
    finalize_history: Callable[[Request], Request] | None = None
    _fits_id: Callable[[str], object] = field(init=False)
    _fits_name: Callable[[str], object] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._fits_id, self._fits_name = id_matcher(self.ids), name_matcher(self.names)

    def suits(self, context: Context) -> bool:
        """Check quickly, for every call, whether the conversation fits. False may also mean that it is not certain."""
        fits_name, wire = self._fits_name, self.origins.wire
        for tool in context.tools:
            if tool.server is None and not fits_name(tool.name):
                return False
        seen: set[str] = set()
        waiting: list[str] = []  # the calls of the last answer whose results have not come yet, the next one last
        messages = context.messages
        for at, message in enumerate(messages):
            role = message.role
            if role == "tool":
                if not waiting or message.tool_call_id != waiting.pop():
                    return False
            elif waiting or (role == "assistant" and not self._suits_answer(messages, at, seen, waiting)):
                return False
            if role != "assistant":
                for part in message.content:
                    if type(part) is Opaque and part.wire != wire:
                        return False
        return not waiting

    def _suits_answer(self, messages: Sequence[Message], at: int, seen: set[str], waiting: list[str]) -> bool:
        origins, message = self.origins, messages[at]
        foreign, wire = origins.is_foreign(message), origins.wire
        part: Any
        for part in message.content:
            kind = type(part)
            if kind is Text:
                if foreign and wire in part.extra:
                    return False
            elif kind is ToolCall:
                id = part.id
                if id in seen or not self._fits_id(id) or not self._fits_name(part.name):
                    return False
                if foreign and wire in part.extra:
                    return False
                seen.add(id)
                waiting.append(id)
            elif not origins.can_replay(part, message, foreign, at >= running_from(messages)):
                return False
        waiting.reverse()
        return True


def fit_history(target: HistoryTarget) -> Step:
    """Make the step that adapts the conversation to the target. One that fits, as nearly all do, is not changed."""
    finalize_history = target.finalize_history

    def run(request: Request, call: CallNext) -> StepGenerator:
        names = None
        if not target.suits(request.context):
            names = sent_names(request.context, target.names)
            request = _fit(request, target)
        if finalize_history is not None:
            request = finalize_history(request)
        return with_original_names(request, call, names) if names else call(request)

    return around_unchecked("fit_history", run)


def _fit(request: Request, target: HistoryTarget) -> Request:
    context = request.context
    messages, dropped = target.origins.fitted(context.messages)
    given = {*request.get(RAW_OPTIONS), *request.options}
    continues_stored = not target.conversation_id_options.isdisjoint(given)
    messages, repairs = paired(messages, target.ids, continues_stored=continues_stored)
    left_out = [f"{kind} cannot be sent to {request.model.provider} and is left out" for kind in dropped]
    for why in (*left_out, *repairs):
        request = request.warn("history", why)
    return request.replace(context=Context(messages, context.tools))
