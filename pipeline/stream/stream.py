"""The streams that a caller reads: chunks pass from the decoder through the stages and the fold to the reader."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any

from ...schemas.chunks import StreamChunk, TextDelta
from ...schemas.errors import StepwellError, StreamTruncated, TransportError
from ...schemas.fold import Fold
from ...schemas.message import Context
from ...schemas.reply import Reply
from ...schemas.usage import Usage
from ..annotate import annotate, attach_partial
from ..effects import Close, Read
from ..http.redact import redact
from ..http.response import Response, Stage
from .source import Source
from .whole_calls import WholeCalls

_NO_READ = Read(None)


class _Stream:
    """The part that sync and async streams share: everything but the waiting.

    A batch goes straight from `_feed` to the reader: a flow of effects costs 0.1 µs more for each event.
    """

    def __init__(self, prompt: Context | None) -> None:
        self._prompt = prompt
        self._fold = Fold()
        self._response: Response | None = None
        self._error: BaseException | None = None
        self._over = False
        self._ready: list[StreamChunk] | None = None
        self._ended = False
        self._read: Read = _NO_READ
        self._decoder: Any = None
        self._stages: list[Stage] = []
        self._calls = WholeCalls()

    @property
    def usage(self) -> Usage | None:
        """The usage known so far; final once the stream has ended."""
        return self._fold.usage

    @property
    def finish_reason(self) -> str | None:
        """None until the stream has ended."""
        return self._fold.finished.reason if self._fold.finished else None

    @property
    def request_id(self) -> str | None:
        return self._response.request_id if self._response else None

    def _adopt(self, response: Response) -> None:
        self._response = response
        self._ready = response.ready
        self._decoder = response.decoder
        self._stages = response.stages
        self._read = Read(response.source)

    def _first(self, ready: list[StreamChunk]) -> list[StreamChunk]:
        """Return the chunks that are there before anything is read: the first, or all of a reply without a network."""
        self._ready = None
        self._ended = self._decoder is None or self._decoder.ended
        return self._through_stages(ready)

    def _feed(self, data: bytes) -> list[StreamChunk]:
        """Return the chunks for these bytes; b"" is the end of the input."""
        decoder = self._decoder
        if data:
            chunks: list[StreamChunk] = decoder.feed(data)
            if not self._stages:
                self._fold.feed(chunks)
                return chunks
        else:
            chunks = decoder.end()
            self._ended = decoder.ended
        return self._through_stages(chunks) if chunks or self._ended else chunks

    def _through_stages(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        if self._stages:
            self._calls.fill(chunks)
        for stage in self._stages:
            chunks = stage.feed(chunks)
            if self._ended:
                chunks = chunks + stage.flush()
        self._fold.feed(chunks)
        return chunks

    def _raise_if_unfinished(self, error: TransportError) -> bytes:
        """Raise the error, unless the terminal event has arrived: then the answer is complete, so return b""."""
        if not self._decoder.has_finished():
            raise error
        return b""

    def _record_failure(self, error: BaseException) -> BaseException:
        if isinstance(error, Exception):
            self._error = error = self._attach_details(error)
        return error

    def _attach_details(self, error: Exception) -> Exception:
        """Put on the error what is known so far."""
        if isinstance(error, StepwellError) and self._response is not None:
            attach_partial(error, self._reply(self._response))
            request = self._response.request
            redact(error, request)
            error.provider, error.model = request.model.provider, request.model.id
            error.request_id = error.request_id or self._response.request_id
            error.warnings = request.warnings
        return error

    def _leave(self) -> Source | None:
        """End the stream, once, and return the source of the connection that must still be closed."""
        response = self._response
        if self._over or response is None:
            return None
        self._over = True
        complete = self._fold.finished is not None
        response.ended(self._reply(response) if complete or self._error is not None else None, self._error)
        source: Source | None = response.source
        return source

    def _reply(self, response: Response) -> Reply:
        reply = self._fold.reply()
        reply.prompt = self._prompt
        return annotate(reply, response)

    def whole_reply(self) -> Reply:
        """Return the reply of a stream that was read to its end. Raises StreamTruncated for one closed early."""
        if self._error is not None:
            raise self._error
        if self._fold.finished is None or self._response is None:
            error = StreamTruncated("the stream was closed before its end", hint="read it to the end, or use .usage")
            raise self._attach_details(error)
        return self._reply(self._response)


class Stream(_Stream):
    """An answer while it is being written. Iterate it for chunks, or use `text_deltas()`; `reply()` reads it all.

    Leaving the loop or the `with` block, or calling `close()`, returns the connection at once. Errors carry `.partial`.
    """

    def __init__(self, response: Response, perform: Callable[[Any], Any], prompt: Context | None = None) -> None:
        super().__init__(prompt)
        self._perform = perform
        self._adopt(response)

    def __iter__(self) -> Iterator[StreamChunk]:
        try:
            while (batch := self.next_chunks()) is not None:
                yield from batch
        finally:
            self.close()

    def text_deltas(self) -> Iterator[str]:
        """Yield the text alone, piece by piece."""
        # Its own loop: one over __iter__ would cost a generator more, and its async version would not close at once.
        try:
            while (batch := self.next_chunks()) is not None:
                for chunk in batch:
                    if type(chunk) is TextDelta:
                        yield chunk.text
        finally:
            self.close()

    def reply(self) -> Reply:
        """Read the rest and return the complete reply. Raises StreamTruncated for a stream that was closed early."""
        while self.next_chunks() is not None:
            pass
        return self.whole_reply()

    def close(self) -> None:
        """Stop reading and return the connection. A second call does nothing."""
        if (source := self._leave()) is not None:
            self._perform(Close(source))

    def next_chunks(self) -> list[StreamChunk] | None:
        """Read the next chunks; None at the end of the stream."""
        if self._over:
            return None
        try:
            if self._ready is not None and (batch := self._first(self._ready)):
                return batch
            while not self._ended:
                try:
                    data = b"" if self._decoder.failure else self._perform(self._read)
                except TransportError as error:
                    data = self._raise_if_unfinished(error)
                if batch := self._feed(data):
                    return batch
        except BaseException as error:
            failure = self._record_failure(error)
            self.close()
            raise failure from None
        self.close()
        return None

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncStream(_Stream):
    """Async version of Stream. It opens on first use: `await` it, enter it with `async with`, or iterate it."""

    def __init__(
        self,
        opening: Callable[[], Awaitable[tuple[Response, Callable[[Any], Awaitable[Any]]]]],
        prompt: Context | None = None,
    ) -> None:
        super().__init__(prompt)
        self._opening = opening
        self._perform: Callable[[Any], Awaitable[Any]] | None = None

    async def _open(self) -> AsyncStream:
        if self._response is None:
            response, self._perform = await self._opening()
            self._adopt(response)
        return self

    def __await__(self) -> Generator[Any, None, AsyncStream]:
        return self._open().__await__()

    async def __aiter__(self) -> AsyncIterator[StreamChunk]:
        await self._open()
        try:
            while (batch := await self.next_chunks()) is not None:
                for chunk in batch:
                    yield chunk
        finally:
            await self.close()

    async def text_deltas(self) -> AsyncIterator[str]:
        """Yield the text alone, piece by piece."""
        await self._open()
        try:
            while (batch := await self.next_chunks()) is not None:
                for chunk in batch:
                    if type(chunk) is TextDelta:
                        yield chunk.text
        finally:
            await self.close()

    async def reply(self) -> Reply:
        """Read the rest and return the complete reply. Raises StreamTruncated for a stream that was closed early."""
        await self._open()
        while await self.next_chunks() is not None:
            pass
        return self.whole_reply()

    async def close(self) -> None:
        """Stop reading and return the connection. A second call does nothing."""
        if (source := self._leave()) is not None and self._perform is not None:
            await self._perform(Close(source))

    aclose = close

    async def next_chunks(self) -> list[StreamChunk] | None:
        """Read the next chunks; None at the end of the stream."""
        if self._over or self._perform is None:
            return None
        try:
            if self._ready is not None and (batch := self._first(self._ready)):
                return batch
            while not self._ended:
                try:
                    data = b"" if self._decoder.failure else await self._perform(self._read)
                except TransportError as error:
                    data = self._raise_if_unfinished(error)
                if batch := self._feed(data):
                    return batch
        except BaseException as error:
            failure = self._record_failure(error)
            await self.close()
            raise failure from None
        await self.close()
        return None

    async def __aenter__(self) -> AsyncStream:
        return await self._open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()
