"""Rename tools to names that the target accepts, and back again in its answers.

The names are made for each request from its tools and the calls in its history, always in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from attrs import evolve

from ...pipeline.effects import CallNext, StepGenerator
from ...pipeline.http.request import Request
from ...pipeline.http.response import Stage
from ...schemas.chunks import Alternative, StreamChunk, ToolCallStart
from ...schemas.message import Context, Message
from ...schemas.parts import ToolCall
from ...schemas.tool import Tool
from ..declare.tool_policies import ToolNamePolicy

Named = TypeVar("Named", Tool, ToolCall)


@lru_cache
def name_matcher(policy: ToolNamePolicy) -> Callable[[str], object]:
    """Return a function that checks whether the policy allows a name."""
    return re.compile(f"[{policy.first or policy.alphabet}][{policy.alphabet}]{{0,{policy.max_length - 1}}}").fullmatch


def sent_names(context: Context, policy: ToolNamePolicy) -> dict[str, str]:
    """Map the names that cannot be sent to names that can: other characters become underscores."""
    fits = name_matcher(policy)
    names = dict.fromkeys(tool.name for tool in context.tools if tool.server is None)
    names.update(dict.fromkeys(call.name for message in context.messages for call in message.tool_calls))
    # The name of a provider's own tool is fixed.
    taken = {name for name in names if fits(name)} | {tool.name for tool in context.tools if tool.server is not None}
    return {name: _fit_name(name, policy, taken) for name in names if name not in taken}


def _fit_name(name: str, policy: ToolNamePolicy, taken: set[str]) -> str:
    new = re.sub(f"[^{policy.alphabet}]", "_", name)
    if policy.first and not re.match(f"[{policy.first}]", new):
        new = f"_{new}"
    if not new or len(new) > policy.max_length or new in taken:
        from hashlib import sha256  # heavy: few names need another form

        mark = sha256(name.encode()).hexdigest()[:8]
        new = f"{new[: policy.max_length - 9]}_{mark}"
    taken.add(new)
    return new


def renamed(request: Request, names: Mapping[str, str]) -> Request:
    """Rename the tools, the calls, their results and the choice of a tool in a request."""
    context = request.context
    tools = [_own(tool, names) for tool in context.tools]
    request = request.replace(context=Context([_message(message, names) for message in context.messages], tools))
    choice = request.options.get("tool_choice")
    if choice is None or isinstance(choice, str):
        return request
    return request.replace(options={**request.options, "tool_choice": _rename_choice(choice, names)})


def _message(message: Message, names: Mapping[str, str]) -> Message:
    if message.role == "tool" and (name := message.name) is not None and name in names:
        return evolve(message, name=names[name])
    if any(call.name in names for call in message.tool_calls):
        parts = [_own(part, names) if isinstance(part, ToolCall) else part for part in message.content]
        return evolve(message, content=parts)
    return message


def _own(named: Named, names: Mapping[str, str]) -> Named:
    return evolve(named, name=names[named.name]) if named.name in names else named


def _rename_choice(choice: object, names: Mapping[str, str]) -> Any:
    """Rename the tools in a tool_choice: a Tool, an object with the name of one, or a list of them."""
    if isinstance(choice, str):
        return names.get(choice, choice)
    if isinstance(choice, Tool):
        return _own(choice, names)
    if isinstance(choice, Mapping):
        own = {key: _rename_choice(choice[key], names) for key in ("name", "function") if key in choice}
        return {**choice, **own}
    return [_rename_choice(each, names) for each in choice] if isinstance(choice, Iterable) else choice


def with_original_names(request: Request, call: CallNext, names: Mapping[str, str]) -> StepGenerator:
    """Send the request under other names, and give the calls of the answer, streamed or not, their own names."""
    back = {new: name for name, new in names.items()}
    response = yield from call(renamed(request, names))
    reply = response.reply
    if reply is None:
        return response.through(_OwnNames(back))
    reply.message = _message(reply.message, back)
    reply.alternatives = tuple(_message(message, back) for message in reply.alternatives)
    return response


class _OwnNames(Stage):
    """A stage that gives the calls of a stream their own names."""

    def __init__(self, back: Mapping[str, str]) -> None:
        self._back = back

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        for chunk in chunks:
            start = chunk.chunk if isinstance(chunk, Alternative) else chunk
            if isinstance(start, ToolCallStart):
                start.name = self._back.get(start.name, start.name)
        return chunks
