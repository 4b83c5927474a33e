"""Answers whose chunks a step makes itself, or a provider inside the process."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Any

from ...schemas.async_items import next_item
from ...schemas.chunks import Finish, StreamChunk, TextDelta, ToolCallEnd
from ...schemas.errors import StepError
from ..effects import END, Cancelled, Emit, Flow, Run
from ..http.request import Request
from ..http.response import Response

OwnChunks = Iterable[StreamChunk | str] | AsyncIterable[StreamChunk | str]


def streamed_response(request: Request, chunks: OwnChunks) -> Response:
    """Make a response of chunks that come later: what a step returns to answer in pieces without a network.

    request: the request of the call. For an unstreamed call the chunks are collected.
    chunks: chunks, or pieces of text. An async iterable can be read by an AsyncClient only; any other iterator is read
        in a thread by an AsyncClient. One that ends without a Finish has ended well: Finish("stop") is added.

    A step that yields effects between its chunks returns `Response(request, flow=...)` instead: the flow emits lists of
    chunks by `Emit`, and its last chunk is a Finish.
    """
    return Response(request, flow=_emitted(chunks))


def _emitted(chunks: OwnChunks) -> Flow:
    read, close = _reader(chunks)
    items = ItemReader("a step")
    try:
        while (item := (yield read)) is not END:
            yield Emit(items.chunks(item))
    except (Exception, Cancelled):
        if close is not None:
            yield close
        raise
    yield Emit(items.last())


class ItemReader:
    """Makes chunks of what a user's function yields: text or chunks, and a Finish at the end if it gave none.

    by: the name of the function, for errors.
    """

    def __init__(self, by: str) -> None:
        self._by = by
        self._has_calls = self._has_finish = False

    def chunks(self, item: object) -> list[StreamChunk]:
        """Return the chunks of one item; none for empty text. Raises StepError for what is neither text nor chunk."""
        if isinstance(item, str):
            return [TextDelta(item)] if item else []
        if not isinstance(item, StreamChunk):
            raise StepError(f"{self._by} gave a {type(item).__name__} instead of a chunk", hint="yield text, or chunks")
        self._has_calls = self._has_calls or isinstance(item, ToolCallEnd)
        self._has_finish = isinstance(item, Finish)
        return [item]

    def last(self) -> list[StreamChunk]:
        """Return what is missing at the end: the Finish, unless it was the last chunk."""
        return [] if self._has_finish else [Finish("tool_calls" if self._has_calls else "stop")]


def _reader(chunks: OwnChunks) -> tuple[Run, Run | None]:
    """Return the effects that read the next item and that close the iterator."""
    if isinstance(chunks, AsyncIterable):
        items = aiter(chunks)

        async def read() -> Any:
            return await next_item(items, END)

        close = getattr(items, "aclose", None)
        return Run(_refuse, read), None if close is None else Run(_refuse, close)
    iterator = iter(chunks)
    close = getattr(iterator, "close", None)
    return Run(lambda: next(iterator, END), blocks=True), None if close is None else Run(close)


def _refuse() -> Any:
    raise StepError("the chunks come from an async iterable", hint="make the call with an AsyncClient")
