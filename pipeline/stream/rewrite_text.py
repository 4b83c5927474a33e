"""Change the chunks of an answer, streamed or not; among others, replace its text by what was read out of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve

from ...schemas.chunks import Finish, StreamChunk, TextDelta, ToolCallStart
from ...schemas.fold import fold
from ...schemas.reply import joined_warnings
from ..http.response import Response, Stage

ReadText = Callable[[str, Finish], list[StreamChunk]]
"""Takes the complete text and its Finish; returns the chunks to put in their place, with a Finish at the end."""


def rewrite_text(response: Response, read: ReadText) -> Response:
    """Replace the text of the response, streamed or not, by what `read` makes of it."""
    return pass_through(response, WholeText(read, response.request.world.new_id))


def pass_through(response: Response, stage: Stage) -> Response:
    """Pass the chunks of the response through the stage: as they come, or those of an unstreamed reply at once."""
    reply = response.reply
    if reply is None:
        return response.through(stage)
    from ...schemas.reply_chunks import chunks_of  # only for an answer that did not come as a stream

    folded = fold([*stage.feed(chunks_of(reply)), *stage.flush()])
    response.reply = reply.replace(
        message=evolve(folded.message, model=reply.message.model),
        id=folded.id,
        model=folded.model,
        warnings=joined_warnings(reply.warnings, folded.warnings),
        finish_reason=folded.finish_reason,
        finish_reason_raw=folded.finish_reason_raw,
        usage=folded.usage,
        metadata=folded.metadata,
        alternatives=folded.alternatives,
    )
    return response


class WholeText(Stage):
    """Hold back the text of a stream until its end, and replace it then. Other chunks pass; their parts come first.

    read: makes the chunks of the text.
    new_id: makes the ids of calls that it gives none.
    """

    def __init__(self, read: ReadText, new_id: Callable[[], str]) -> None:
        self._read = read
        self._new_id = new_id
        self._text: list[str] = []
        self._passed = 0
        """how many places the parts that passed have"""

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        out: list[StreamChunk] = []
        for chunk in chunks:
            if isinstance(chunk, TextDelta):
                self._text.append(chunk.text)
            elif isinstance(chunk, Finish):
                out += map(self._placed, self._read("".join(self._text), chunk))
            else:
                self._passed = max(self._passed, getattr(chunk, "index", -1) + 1)
                out.append(chunk)
        return out

    def held(self) -> list[StreamChunk]:
        return [self._placed(TextDelta(text))] if (text := "".join(self._text)) else []

    def _placed(self, chunk: StreamChunk) -> StreamChunk:
        """Return a chunk that was read, with its part behind those that passed and an id for its call."""
        changes: dict[str, Any] = {}
        if self._passed and (index := getattr(chunk, "index", None)) is not None:
            changes["index"] = index + self._passed
        if isinstance(chunk, ToolCallStart) and not chunk.id:
            changes["id"] = f"call_{self._new_id()[:12]}"
        return evolve(chunk, **changes) if changes else chunk
