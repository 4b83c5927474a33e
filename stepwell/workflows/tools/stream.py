"""A tool loop as it runs: the chunks of each answer, and each tool's run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from ...reading import AsyncReplyStream, ReplyStream
from ...schemas.chunks import StreamChunk, TextDelta
from .call import ToolRun


class ToolStream(ReplyStream[StreamChunk | ToolRun, None]):
    """Iterate it for the chunks of each answer and a ToolRun for each call that was made; `text_deltas()` gives the
    text alone, `reply()` the last Reply, with all the steps on it. Leaving early stops the loop before its next step.
    """

    def text_deltas(self) -> Iterator[str]:
        return (item.text for item in self if type(item) is TextDelta)


class AsyncToolStream(AsyncReplyStream[StreamChunk | ToolRun, None]):
    """ToolStream's twin."""

    async def text_deltas(self) -> AsyncIterator[str]:
        async for item in self:
            if type(item) is TextDelta:
                yield item.text
