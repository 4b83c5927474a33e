"""A tool loop as it runs, sync and async."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from ...reply_stream import AsyncReplyStream, ReplyStream
from ...schemas.chunks import StreamChunk, TextDelta
from .call import ToolRun


class ToolStream(ReplyStream[StreamChunk | ToolRun, None]):
    """A tool loop as it runs, to be iterated: the chunks of each answer and a ToolRun for each call of a tool.

    `reply()` reads to the end and returns the last Reply, with all the steps on it. Leaving early stops the loop before
    its next step.
    """

    def text_deltas(self) -> Iterator[str]:
        """Return the text alone, piece by piece."""
        return (item.text for item in self if type(item) is TextDelta)


class AsyncToolStream(AsyncReplyStream[StreamChunk | ToolRun, None]):
    """Async version of ToolStream."""

    async def text_deltas(self) -> AsyncIterator[str]:
        """Yield the text alone, piece by piece."""
        async for item in self:
            if type(item) is TextDelta:
                yield item.text
