"""An answer whose text means something else: collected until it is whole, read, and replaced by what it means."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from attrs import evolve

from ...schemas.chunks import Finish, StreamChunk, TextDelta, ToolCallDelta, ToolCallEnd, ToolCallStart
from ...schemas.fold import fold
from ..http.response import Response

ReadText = Callable[[str, Finish], list[StreamChunk]]
"""The chunks that a text means, its Finish at their end."""


def rewrite_text(response: Response, read: ReadText) -> Response:
    """The response with its text replaced by what `read` makes of it, streamed or not."""
    stage = WholeText(read)
    if response.reply is None:
        return response.through(stage)
    reply = response.reply
    said: list[StreamChunk] = [TextDelta(reply.text), Finish(reply.finish_reason or "stop", reply.finish_reason_raw)]
    whole = fold(stage.feed(said))
    message = evolve(whole.message, model=reply.message.model)
    response.reply = reply.replace(message=message, finish_reason=whole.finish_reason)
    return response


class WholeText:
    """Holds back the text of a stream and gives at its end what it means. Everything else passes."""

    def __init__(self, read: ReadText) -> None:
        self._read = read
        self._text: list[str] = []

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        out: list[StreamChunk] = []
        for chunk in chunks:
            if isinstance(chunk, TextDelta):
                self._text.append(chunk.text)
            elif isinstance(chunk, Finish):
                out += self._read("".join(self._text), chunk)
            else:
                out.append(chunk)
        return out

    def flush(self) -> list[StreamChunk]:
        return []


def call_chunks(index: int, name: str, arguments_json: str) -> list[StreamChunk]:
    """A whole tool call, with an id of our own."""
    start = ToolCallStart(index, f"call_{uuid4().hex[:12]}", name)
    return [start, ToolCallDelta(index, arguments_json), ToolCallEnd(index)]
