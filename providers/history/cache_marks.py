"""Hold the marks for the provider's cache to the number that a request may have."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from ...pipeline.http.request import Request
from ...schemas.dict_form import LOOSE
from ...schemas.message import Context, Message
from ...schemas.parts import Opaque, Part
from .shape import HistoryShape

MARK = "cache_control"
MOST = 4
"""How many a request may have: "A maximum of 4 blocks with cache_control may be provided".

https://docs.claude.com/en/docs/build-with-claude/prompt-caching, https://openrouter.ai/docs/features/prompt-caching,
https://help.aliyun.com/zh/model-studio/context-cache
"""
_ENDS = (("system",), ("user", "tool"))
"""The roles of the messages whose last ones `prompt_cache` marks."""


def limit_marks(request: Request, shape: HistoryShape, wire: str) -> Request:
    """Leave out the oldest marks of a conversation that has too many, with a warning.

    A conversation has one more with each turn where each was marked when it was the last one. The next call reads what
    the newest marks have written, so those stay, and that of the instructions goes last.

    shape: which roles keep marks.
    wire: the format, which may have a mark under its own name.
    """
    messages, tools = request.context.messages, request.context.tools
    marked = [
        (message.role == "system", at, place)
        for at, message in enumerate(messages)
        if message.role in shape.cache_marks
        for place, part in enumerate(message.content)
        if not isinstance(part, Opaque) and any(MARK in part.extra.get(name, ()) for name in (LOOSE, wire))
    ]
    if not marked:
        return request
    marked_tools = sum(MARK in tool.extra.get(wire, ()) for tool in tools)
    room = MOST - marked_tools - bool(request.options.get(MARK))
    if request.options.get("prompt_cache"):
        lasts = [max((at for at, each in enumerate(messages) if each.role in roles), default=None) for roles in _ENDS]
        ends = {(at, len(messages[at].content) - 1) for at in lasts if at is not None}
        marked = [each for each in marked if each[1:] not in ends]  # the encoder marks these
        room -= len(ends) + bool(tools and not marked_tools)
    excess = {each[1:] for each in sorted(marked)[: max(len(marked) - max(room, 0), 0)]}
    if not excess:
        return request
    fewer = [
        _without(message, [place for which, place in excess if which == at]) for at, message in enumerate(messages)
    ]
    why = f"{len(excess)} marks for the provider's cache are left out, the oldest first: a request may have {MOST}"
    return request.replace(context=Context(fewer, tools)).warn("history", why)


def _without(message: Message, places: Sequence[int]) -> Message:
    """Return the message without the marks on the parts at these places."""
    content = list(message.content)
    for at in places:
        content[at] = _unmarked(content[at])
    return evolve(message, content=content) if places else message


def _unmarked(part: Part) -> Part:
    if isinstance(part, Opaque):
        return part
    extra = {name: {k: v for k, v in own.items() if k != MARK} for name, own in part.extra.items()}
    plain: Part = evolve(part, extra=extra)
    return plain
