"""Tools under names that the target takes, and back: the caller hears of nothing but their own names.

The names are made anew for each request from the tools on offer and the calls in the history, always in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

from attrs import evolve

from ...pipeline.effects import CallNext, StepGenerator
from ...pipeline.http.request import Request
from ...schemas.chunks import Alternative, StreamChunk, ToolCallStart
from ...schemas.message import Context, Message
from ...schemas.parts import ToolCall
from ...schemas.tool import Tool
from ..declare.wire import ToolNamePolicy


@lru_cache
def name_matcher(policy: ToolNamePolicy) -> Callable[[str], object]:
    """Truth for a name that the policy allows."""
    first = f"[{policy.first or policy.alphabet}]"
    return re.compile(f"{first}[{policy.alphabet}]{{0,{policy.max_length - 1}}}").fullmatch


def sent_names(context: Context, policy: ToolNamePolicy) -> dict[str, str]:
    """The names that cannot be sent as they are, each with the one to send: what does not fit becomes an underscore."""
    fits = name_matcher(policy)
    names = dict.fromkeys(tool.name for tool in context.tools if tool.server is None)
    names.update(dict.fromkeys(call.name for message in context.messages for call in message.tool_calls))
    # A provider's own tool is called what the provider calls it.
    taken = {name for name in names if fits(name)} | {tool.name for tool in context.tools if tool.server is not None}
    return {name: _fitted(name, policy, taken) for name in names if name not in taken}


def _fitted(name: str, policy: ToolNamePolicy, taken: set[str]) -> str:
    made = re.sub(f"[^{policy.alphabet}]", "_", name)
    if policy.first and not re.match(f"[{policy.first}]", made):
        made = f"_{made}"
    if not made or len(made) > policy.max_length or made in taken:
        mark = sha256(name.encode()).hexdigest()[:8]
        made = f"{made[: policy.max_length - 9]}_{mark}"
    taken.add(made)
    return made


def renamed(request: Request, names: Mapping[str, str]) -> Request:
    """The request with the tools, the calls, their results and the choice of a tool under other names."""
    context = request.context
    tools = [evolve(tool, name=names[tool.name]) if tool.name in names else tool for tool in context.tools]
    messages = [_message(message, names) for message in context.messages]
    request = request.replace(context=Context(messages, tools))
    choice = request.options.get("tool_choice")
    if choice is None or isinstance(choice, str):
        return request
    return request.replace(options={**request.options, "tool_choice": _choice(choice, names)})


def _message(message: Message, names: Mapping[str, str]) -> Message:
    if message.role == "tool" and (name := message.name) is not None and name in names:
        return evolve(message, name=names[name])
    if any(call.name in names for call in message.tool_calls):
        return evolve(message, content=[_part(part, names) for part in message.content])
    return message


def _part(part: Any, names: Mapping[str, str]) -> Any:
    if isinstance(part, ToolCall) and part.name in names:
        return evolve(part, name=names[part.name])
    return part


def _choice(choice: Any, names: Mapping[str, str]) -> Any:
    """A choice in any of its forms: a tool, an object that names one, or a list of them."""
    if isinstance(choice, str):
        return names.get(choice, choice)
    if isinstance(choice, Tool):
        return evolve(choice, name=names[choice.name]) if choice.name in names else choice
    if isinstance(choice, Mapping):
        inner = {"name", "function"}
        return {key: _choice(value, names) if key in inner else value for key, value in choice.items()}
    return [_choice(each, names) for each in choice] if isinstance(choice, Iterable) else choice


def with_original_names(request: Request, call: CallNext, names: Mapping[str, str]) -> StepGenerator:
    """Send the request and give the calls of the answer, streamed or not, their own names back."""
    back = {made: name for name, made in names.items()}
    response = yield from call(renamed(request, names))
    reply = response.reply
    if reply is None:
        return response.through(_OwnNames(back))
    reply.message = _message(reply.message, back)
    reply.alternatives = tuple(_message(message, back) for message in reply.alternatives)
    return response


class _OwnNames:
    """The stage that does it for a stream."""

    def __init__(self, back: Mapping[str, str]) -> None:
        self._back = back

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        for chunk in chunks:
            start = chunk.chunk if isinstance(chunk, Alternative) else chunk
            if isinstance(start, ToolCallStart):
                start.name = self._back.get(start.name, start.name)
        return chunks

    def flush(self) -> list[StreamChunk]:
        return []
