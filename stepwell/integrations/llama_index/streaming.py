"""A stream of stepwell's chunks as a stream of LlamaIndex's responses, each of which holds all that came before."""

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
from .messages import CALLS, called, chat_message_of, response_of


class ResponseWriter:
    """A stream's chunks as responses, one at a time; `last` gives the final one.

    A call under way is shown with what is certain of its arguments, as LlamaIndex's programs want it to show an object
    that grows. Only those of the last response are to be run, which a stream that breaks off does not have.
    """

    def __init__(self) -> None:
        self._fold = Fold()
        self._open: dict[int, _Call] = {}

    def feed(self, chunk: StreamChunk) -> ChatResponse | None:
        """None for a chunk that shows nothing by itself."""
        self._fold.feed((chunk,))
        match chunk:
            case TextDelta() | RefusalDelta():
                return ChatResponse(message=self._so_far(), delta=chunk.text)
            case PartDone(part=Refusal() as refusal):
                return ChatResponse(message=self._so_far(), delta=refusal.text)
            case ReasoningDelta():
                thinking = {"thinking_delta": chunk.text}
                return ChatResponse(message=self._so_far(), delta="", additional_kwargs=thinking)
            case ToolCallStart():
                self._open[chunk.index] = _Call(chunk.id, chunk.name)
                return None
            case ToolCallDelta():
                return ChatResponse(message=self._so_far(), delta="") if self._grown(chunk) else None
            case ToolCallEnd():
                self._open.pop(chunk.index, None)
                return ChatResponse(message=self._so_far(), delta="")
        return None

    def last(self, reply: Reply) -> ChatResponse:
        """The whole answer once more, now with its usage."""
        response = response_of(reply)
        response.delta = ""
        return response

    def _grown(self, chunk: ToolCallDelta) -> bool:
        """Whether there is anything to show of the call now."""
        call = self._open.get(chunk.index)
        return call is not None and call.grow(chunk.arguments_json)

    def _so_far(self) -> ChatMessage:
        message = chat_message_of(self._fold.reply().message)
        shown = [call for call in self._open.values() if isinstance(call.arguments, dict)]
        if shown:
            message.blocks += [call.block() for call in shown]
            more = [called(call.id, call.name, call.text) for call in shown]
            message.additional_kwargs[CALLS] = [*message.additional_kwargs.get(CALLS, ()), *more]
        return message


@define
class _Call:
    """A call under way."""

    id: str
    name: str
    text: str = ""
    arguments: Any = MISSING
    _json: PartialJSON | None = field(factory=PartialJSON)

    def grow(self, text: str) -> bool:
        self.text += text
        if self._json is None:
            return False
        try:
            self.arguments = self._json.feed(text)
        except DecodeError:
            self._json, self.arguments = None, MISSING  # no JSON: the end will tell
        return isinstance(self.arguments, dict)

    def block(self) -> ToolCallBlock:
        return ToolCallBlock(tool_call_id=self.id, tool_name=self.name, tool_kwargs=deepcopy(self.arguments))
