"""Collect the text of an answer, parse it, and replace it by the result, as for tool calls written as text."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from attrs import evolve

from ...schemas.chunks import Finish, StreamChunk, TextDelta, ToolCallDelta, ToolCallEnd, ToolCallStart
from ...schemas.fold import fold
from ..http.response import Response, Stage

ReadText = Callable[[str, Finish], list[StreamChunk]]
"""Takes the complete text and its Finish; returns the chunks to put in their place, with a Finish at the end."""


def rewrite_text(response: Response, read: ReadText) -> Response:
    """Replace the text of the response, streamed or not, by what `read` makes of it."""
    stage = WholeText(read)
    if response.reply is None:
        return response.through(stage)
    reply = response.reply
    chunks: list[StreamChunk] = [TextDelta(reply.text), Finish(reply.finish_reason or "stop", reply.finish_reason_raw)]
    folded = fold(stage.feed(chunks))
    message = evolve(folded.message, model=reply.message.model)
    response.reply = reply.replace(message=message, finish_reason=folded.finish_reason)
    return response


class WholeText(Stage):
    """Hold back the text of a stream until its end, and replace it then. Other chunks pass."""

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


def call_chunks(index: int, name: str, arguments_json: str) -> list[StreamChunk]:
    """Return the chunks of a complete tool call, with a new id."""
    start = ToolCallStart(index, f"call_{uuid4().hex[:12]}", name)
    return [start, ToolCallDelta(index, arguments_json), ToolCallEnd(index)]
