"""Convert a stream of stepwell's chunks to LlamaIndex's responses, each of which holds all that came before."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from attrs import define, field
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock

from ...schemas.chunks import (
    PartDone,
    ReasoningDelta,
    RefusalDelta,
    StreamChunk,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from ...schemas.errors import DecodeError
from ...schemas.fold import Fold
from ...schemas.json_schema.partial import MISSING, PartialJSON
from ...schemas.parts import Refusal
from ...schemas.reply import Reply
from .messages import CALLS, call_dict, chat_message_of, response_of


class ResponseWriter:
    """A converter of the chunks of one stream, one at a time; `last` gives the final response.

    An incomplete call has the arguments that are certain so far, from which LlamaIndex's programs show an object as it
    grows. Run only the calls of the last response, which a stream that breaks off does not have.
    """

    def __init__(self) -> None:
        self._fold = Fold()
        self._open: dict[int, _Call] = {}

    def feed(self, chunk: StreamChunk) -> ChatResponse | None:
        """Convert a chunk; None if there is nothing new to show."""
        self._fold.feed((chunk,))
        match chunk:
            case TextDelta() | RefusalDelta():
                return ChatResponse(message=self._current_message(), delta=chunk.text)
            case PartDone(part=Refusal() as refusal):
                return ChatResponse(message=self._current_message(), delta=refusal.text)
            case ReasoningDelta():
                thinking = {"thinking_delta": chunk.text}
                return ChatResponse(message=self._current_message(), delta="", additional_kwargs=thinking)
            case ToolCallStart():
                self._open[chunk.index] = _Call(chunk.id, chunk.name)
                return None
            case ToolCallDelta():
                return ChatResponse(message=self._current_message(), delta="") if self._extend_call(chunk) else None
            case ToolCallEnd():
                self._open.pop(chunk.index, None)
                return ChatResponse(message=self._current_message(), delta="")
        return None

    def last(self, reply: Reply) -> ChatResponse:
        """Return the complete answer, with its usage."""
        response = response_of(reply)
        response.delta = ""
        return response

    def _extend_call(self, chunk: ToolCallDelta) -> bool:
        """Add to the arguments of a call; return whether they can be shown."""
        call = self._open.get(chunk.index)
        return call is not None and call.extend(chunk.arguments_json)

    def _current_message(self) -> ChatMessage:
        message = chat_message_of(self._fold.reply().message)
        shown = [call for call in self._open.values() if isinstance(call.arguments, dict)]
        if shown:
            message.blocks += [call.block() for call in shown]
            more = [call_dict(call.id, call.name, call.text) for call in shown]
            message.additional_kwargs[CALLS] = [*message.additional_kwargs.get(CALLS, ()), *more]
        return message


@define
class _Call:
    """A tool call, as far as it has come."""

    id: str
    name: str
    text: str = ""
    arguments: Any = MISSING
    _json: PartialJSON | None = field(factory=PartialJSON)

    def extend(self, text: str) -> bool:
        """Add to the arguments; return whether they are an object so far."""
        self.text += text
        if self._json is None:
            return False
        try:
            self.arguments = self._json.feed(text)
        except DecodeError:
            self._json, self.arguments = None, MISSING  # not JSON: the last response shows the call as text
        return isinstance(self.arguments, dict)

    def block(self) -> ToolCallBlock:
        """Return the call as a content block."""
        return ToolCallBlock(tool_call_id=self.id, tool_name=self.name, tool_kwargs=deepcopy(self.arguments))
