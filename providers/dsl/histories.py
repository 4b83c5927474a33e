"""A conversation begun elsewhere, made to fit: tool call ids in the target's alphabet and length, losses told.

Ids are mapped by a hash: one-to-one, the same every turn (or the provider's prompt cache would miss), and without a
table to keep. The stored conversation is not changed, so going back to the first provider finds everything as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import sha256

from attrs import evolve

from ...pipeline.request import Request
from ...pipeline.step import Step, on_request
from ...schemas.message import Context, Message
from ...schemas.parts import Audio, File, Image, Opaque, Part, Reasoning, ToolCall, Video
from .wire import ToolCallIdPolicy

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def fit_history(wire: str, policy: ToolCallIdPolicy, replays: Callable[[Part], bool]) -> Step:
    """Map ids by the policy, and warn of what the wire cannot send back: reasoning and opaque blocks of another, and
    the pictures and sounds of an answer, unless it `replays` them."""

    def fit(request: Request) -> Request:
        messages = request.context.messages
        if len(messages) == 1 and messages[0].role != "assistant":
            return request
        foreign = {kind for message in messages for kind in _foreign(message.content, wire)}
        answers = (part for message in messages if message.role == "assistant" for part in message.content)
        foreign |= {
            f"{_NAMES[type(part)]} of an answer" for part in answers if type(part) in _NAMES and not replays(part)
        }
        for kind in sorted(foreign):
            request = request.warn("history", f"{kind} cannot be sent to {wire} and stays behind")
        context = fitted(request.context, policy)
        return request if context is request.context else request.replace(context=context)

    return on_request("fit_history", fit)


_NAMES = {Image: "a picture", Audio: "a sound", Video: "a film", File: "a file"}


def _foreign(parts: Iterable[Part], wire: str) -> Iterable[str]:
    for part in parts:
        if isinstance(part, Opaque) and part.wire != wire:
            yield f"an opaque block of {part.wire}"
        elif isinstance(part, Reasoning) and part.wire not in (None, wire) and (part.signature or part.encrypted):
            yield f"signed reasoning of {part.wire}"


def fitted(context: Context, policy: ToolCallIdPolicy) -> Context:
    """The same Context when every id fits already, else one with the others replaced, in calls and results alike."""
    fits = _matcher(policy)
    ids = {id for message in context.messages for id in _ids(message)}
    if all(fits(id) for id in ids):
        return context
    names = {id: id if fits(id) else mapped(id, policy) for id in ids}
    return evolve(context, messages=tuple(_renamed(message, names) for message in context.messages))


def _ids(message: Message) -> Iterable[str]:
    if message.tool_call_id is not None:
        yield message.tool_call_id
    for part in message.content:
        if isinstance(part, ToolCall):
            yield part.id


def _renamed(message: Message, names: dict[str, str]) -> Message:
    if not any(names[id] != id for id in _ids(message)):
        return message
    content = [evolve(part, id=names[part.id]) if isinstance(part, ToolCall) else part for part in message.content]
    id = message.tool_call_id
    return evolve(message, content=content, tool_call_id=None if id is None else names[id])


@lru_cache
def _matcher(policy: ToolCallIdPolicy) -> Callable[[str], object]:
    count = f"{{{policy.exact_length}}}" if policy.exact_length else f"{{1,{policy.max_length}}}"
    return re.compile(f"[{policy.alphabet}]{count}").fullmatch


@lru_cache(maxsize=4096)
def mapped(id: str, policy: ToolCallIdPolicy) -> str:
    """An id of letters and digits that stands for this one, at any time and in any process."""
    number = int.from_bytes(sha256(id.encode()).digest()[:16], "big")
    digits = []
    while number:
        number, rest = divmod(number, len(_LETTERS))
        digits.append(_LETTERS[rest])
    text = "".join(digits)
    if policy.exact_length:
        return text[: policy.exact_length].ljust(policy.exact_length, "0")
    return f"call_{text}"[: policy.max_length] if "_" in policy.alphabet else text[: policy.max_length]
