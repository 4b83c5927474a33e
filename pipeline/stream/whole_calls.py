"""Put the whole tool call on its last chunk, for stages: they get chunks before these are folded to a reply."""

from __future__ import annotations

from collections.abc import Iterable

from ...schemas.chunks import StreamChunk, ToolCallDelta, ToolCallEnd, ToolCallStart
from ...schemas.fold import said_once


class WholeCalls:
    """The tool calls of one stream that have not ended."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[ToolCallStart, list[str]]] = {}

    def fill(self, chunks: Iterable[StreamChunk]) -> None:
        """Write its id, name and arguments on the end of each call."""
        for chunk in chunks:
            if isinstance(chunk, ToolCallStart):
                self._open[chunk.index] = chunk, []
            elif isinstance(chunk, ToolCallDelta) and chunk.index in self._open:
                self._open[chunk.index][1].append(chunk.arguments_json)
            elif isinstance(chunk, ToolCallEnd) and chunk.index in self._open:
                start, pieces = self._open.pop(chunk.index)
                chunk.id, chunk.name, chunk.arguments_json = start.id, start.name, said_once("".join(pieces))
