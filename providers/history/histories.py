"""Adapt a conversation that was begun with another model, and warn of what is left out: rules of every wire.

The names of tools are in the target's alphabet, blocks that only another provider understands are removed, and each
call is followed by its one result, under an id that the target accepts. The stored conversation is not changed, so it
can go back to the first provider.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field

from ...pipeline.effects import CallNext, StepGenerator
from ...pipeline.http.request import PREFILLED, RAW_OPTIONS, Request
from ...pipeline.step import Step, around_unchecked
from ...schemas.dict_form import LOOSE
from ...schemas.message import Context, Message
from ...schemas.parts import MEDIA, Opaque, Text, ToolCall, is_plain
from ..declare.prefill import PrefillSupport, prepare_prefill
from ..declare.tool_policies import ToolCallIdPolicy, ToolNamePolicy
from .call_ids import id_matcher
from .open_tools import without_open_tools
from .origins import Origins
from .pairing import paired
from .shape import UNCHANGED, HistoryShape, changes, is_marked, retyped, without_marks
from .tool_names import name_matcher, sent_names, with_original_names


@define(eq=False)
class HistoryTarget:
    """The requirements on a conversation. `shape` and the two after it are the wire's; see Wire. `prefill` is None
    where no model of the provider continues a prefilled answer."""

    origins: Origins
    ids: ToolCallIdPolicy
    names: ToolNamePolicy
    shape: HistoryShape = UNCHANGED
    conversation_id_options: frozenset[str] = frozenset()
    finalize_history: Callable[[Request], Request] | None = None
    prefill: PrefillSupport | None = None
    _fits_id: Callable[[str], object] = field(init=False)
    _fits_name: Callable[[str], object] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._fits_id, self._fits_name = id_matcher(self.ids), name_matcher(self.names)

    def suits(self, context: Context) -> bool:
        """Check quickly, for every call, whether the conversation fits. False may also mean that it is not certain."""
        fits_name = self._fits_name
        for tool in context.tools:
            if tool.server is None and not fits_name(tool.name):
                return False
        seen: set[str] = set()
        waiting: list[str] = []  # the calls of the last answer whose results have not come yet, the next one last
        before = ""
        for message in context.messages:
            role, content = message.role, message.content
            if role == "tool":
                if not waiting or message.tool_call_id != waiting.pop():
                    return False
            elif waiting or message.name or role == before or (before == "tool" and role != "assistant"):
                return False
            elif role == "assistant":
                if not content or before in ("", "system") or not self._suits_answer(message, seen, waiting):
                    return False
            elif role == "system" and before:
                return False
            if role != "assistant":
                # Of all else than one text it takes a closer look to say what the format makes of it.
                part: Any = content[0] if len(content) == 1 else None
                if type(part) is not Text or part.extra or not part.text or part.text.isspace():
                    return False
            before = role
        return not waiting and before not in ("assistant", "system")

    def _suits_answer(self, message: Message, seen: set[str], waiting: list[str]) -> bool:
        origins = self.origins
        foreign, wire, role = origins.is_unreadable(message), origins.wire, message.role
        part: Any
        for part in message.content:
            kind = type(part)
            if kind is Text:
                if not part.text or part.text.isspace():
                    return False
                if part.extra and (LOOSE in part.extra or (foreign and wire in part.extra)):
                    return False
            elif kind is ToolCall:
                id = part.id
                if id in seen or not self._fits_id(id) or not self._fits_name(part.name):
                    return False
                if foreign and wire in part.extra:
                    return False
                if part.arguments_json and not is_plain(part.arguments_json):
                    return False
                seen.add(id)
                waiting.append(id)
            elif not origins.can_replay(part, message, foreign) or (
                isinstance(part, Opaque) and (role not in self.shape.blocks or self.shape.server_tools is not None)
            ):
                return False
        waiting.reverse()
        return True


def fit_history(target: HistoryTarget) -> Step:
    """Make the step that adapts the conversation to the target. One that fits, as nearly all do, is not changed."""
    finalize_history = target.finalize_history

    def run(request: Request, call: CallNext) -> StepGenerator:
        names = None
        if request.input is not None:
            target.origins.check_files(_listed(request.input))
            for each in _listed(request.input):
                if isinstance(each, MEDIA) and (why := retyped(each)):
                    request = request.warn("input", why)
        if not target.suits(request.context):
            if request.get(PREFILLED):
                request = prepare_prefill(request, target.prefill)
            names = sent_names(request.context, target.names)
            request = _fit(request, target)
            if found := changes(request.context.messages, target.shape):
                request = _reported(request, found, target.shape)
            if target.shape.cache_marks:
                from .cache_marks import limit_marks  # few conversations have marks

                request = limit_marks(request, target.shape, target.origins.wire)
        if finalize_history is not None:
            request = finalize_history(request)
        return with_original_names(request, call, names) if names else call(request)

    return around_unchecked("fit_history", run)


def _listed(input: object) -> Iterable[object]:
    return input if isinstance(input, list | tuple) else (input,)


def _reported(request: Request, found: Iterable[str], shape: HistoryShape) -> Request:
    """Warn of what the encoder changes, and take away the marks for a cache that the format has no place for."""
    for why in found:
        request = request.warn("history", why)
    context = request.context
    if any(is_marked(part) for message in context.messages for part in message.content):
        messages = [without_marks(message, shape) for message in context.messages]
        request = request.replace(context=Context(messages, context.tools))
    return request


def _fit(request: Request, target: HistoryTarget) -> Request:
    """Drop or repair what the target does not take of a conversation, with a warning for each."""
    context = request.context
    messages, dropped = target.origins.fitted(context.messages)
    given = {*request.get(RAW_OPTIONS), *request.options}
    continues_stored = not target.conversation_id_options.isdisjoint(given)
    messages, repairs = paired(messages, target.ids, continues_stored=continues_stored)
    if (read := target.shape.server_tools) is not None:
        messages, more = without_open_tools(messages, read)
        repairs += more
    place = f"{request.model.provider} over {target.origins.wire}"
    left_out = [f"{kind} cannot be sent to {place} and is left out" for kind in dropped]
    broken = [
        f"the arguments of a call of {call.name!r} are sent inside an object, since {call.error}"
        for message in messages
        for call in message.tool_calls
        if call.error is not None and not any("type" in own for own in call.extra.values())  # those of a free-text tool
    ]
    for why in (*left_out, *repairs, *broken):
        request = request.warn("history", why)
    return request.replace(context=Context(messages, context.tools))
