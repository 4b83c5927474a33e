"""Decide which of the vendor's own items can be sent back.

A reasoning item is sent back whole or not at all: with its encrypted form, unless the provider keeps the answer (else
"Item with id 'rs_...' not found"), and with the item that it led to (else "provided without its required following
item"). https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ....pipeline.http.request import Request
from ....schemas.message import Context, Message
from ....schemas.model import Model
from ....schemas.parts import Image, Opaque, Part, Reasoning, ToolCall
from .encode import NAME


def accepts_part(part: Part, model: Model) -> bool:
    """Accept reasoning that has its item, and the vendor's own images, which are sent back as their items."""
    if isinstance(part, Reasoning):
        return part.wire == NAME and "item" in part.extra.get(NAME, {})
    return isinstance(part, Image) and NAME in part.extra


_CALLERS = frozenset(("computer_call", "local_shell_call", "shell_call", "apply_patch_call"))
"""Calls whose results the caller sends: https://platform.openai.com/docs/guides/tools-computer-use"""


def answered_by_the_caller(data: Any) -> tuple[str | None, str | None]:
    """Return the id of the call that an item is, and of the call whose output it is."""
    kind, id = data.get("type") or "", data.get("call_id") or data.get("id")
    return (id, None) if kind in _CALLERS else (None, data.get("call_id") if kind.endswith("_output") else None)


def finalize_history(request: Request) -> Request:
    """Drop reasoning items that would be refused, with a warning."""
    context = request.context
    stored = bool(request.options.get("store"))
    messages = [_finalize(message, stored) if message.role == "assistant" else message for message in context.messages]
    if all(new is old for new, old in zip(messages, context.messages, strict=True)):
        return request
    why = "reasoning without its encrypted form, or without an item after it, stays behind"
    return request.replace(context=Context(messages, context.tools)).warn("history", why)


def _finalize(message: Message, stored: bool) -> Message:
    parts = message.content
    if not any(type(part) is Reasoning for part in parts):
        return message
    end = len(parts)
    while end and type(parts[end - 1]) is Reasoning:
        end -= 1
    if not stored and any(_is_bare(part) for part in parts[:end]):
        # The parts that came with it lose their ids, by which the provider would demand the reasoning item.
        return evolve(message, content=[_without_id(part) for part in parts[:end] if not _is_bare(part)])
    return message if end == len(parts) else evolve(message, content=parts[:end])


def _is_bare(part: Part) -> bool:
    """Check whether this is reasoning with only an id and a summary."""
    if not isinstance(part, Reasoning):
        return False
    item = part.extra.get(NAME, {}).get("item", {})
    return not item.get("encrypted_content") and not item.get("content")


def _without_id(part: Part) -> Part:
    if isinstance(part, Opaque) or NAME not in part.extra or isinstance(part, Image):
        return part
    extra = {name: value for name, value in part.extra.items() if name != NAME}
    if isinstance(part, ToolCall) and "type" in part.extra[NAME]:
        extra[NAME] = {"type": part.extra[NAME]["type"]}
    anonymous: Part = evolve(part, extra=extra)
    return anonymous
