"""Streams of workflows: the items of a flow as they come, and the Reply at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any, Generic, Self, TypeVar, cast

from .client import BaseAsyncClient, BaseClient
from .pipeline.effects import Flow
from .schemas.errors import StepwellError
from .schemas.foreign_names import Hinted
from .schemas.reply import ObjectType, Reply

Item = TypeVar("Item")


class _ReplyStream(Hinted, Generic[Item, ObjectType], hints="stream of a workflow"):
    _reading: Any
    _error: BaseException | None = None

    def _check_unread(self) -> None:
        """Raise the error of a stream that is over; see OpenAnswer.check_unread."""
        if self._reading.over:
            self._whole()
            raise StepwellError("the stream was read to its end before", hint="stream.reply() is the whole answer")

    def _whole(self) -> Reply[ObjectType]:
        if self._error is not None:
            raise self._error
        if self._reading.result is None:
            raise StepwellError("the stream was left before its end", hint="read it to the end")
        return cast(Reply[ObjectType], self._reading.result)


class ReplyStream(_ReplyStream[Item, ObjectType], hints="sync stream"):
    """A stream to be iterated, or to be read to the end by `reply()`. It starts when it is first read.

    Leaving the loop, the `with` block, or calling `close()` stops the work and returns the connection.
    """

    def __init__(self, client: BaseClient, flow: Flow, job: str | None = None) -> None:
        self._reading = client.read_workflow(flow, job=job)

    def __iter__(self) -> Iterator[Item]:
        self._check_unread()
        return self._items()

    def _items(self) -> Iterator[Item]:
        try:
            yield from self._reading
        except Exception as error:
            self._error = error
            raise
        finally:
            self.close()

    def reply(self) -> Reply[ObjectType]:
        """Read what is left and return the whole Reply."""
        for _ in self._items():
            pass
        return self._whole()

    def close(self) -> None:
        """Stop here and return the connection. Harmless when done twice."""
        self._reading.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncReplyStream(_ReplyStream[Item, ObjectType], hints="async stream"):
    """Async version of ReplyStream. Awaiting it returns the stream itself, as with a stream of text."""

    def __init__(self, client: BaseAsyncClient, flow: Flow, job: str | None = None) -> None:
        self._reading = client.read_workflow(flow, job=job)

    async def _itself(self) -> Self:
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self._itself().__await__()

    def __aiter__(self) -> AsyncIterator[Item]:
        self._check_unread()
        return self._items()

    async def _items(self) -> AsyncIterator[Item]:
        try:
            async for item in self._reading:
                yield item
        except Exception as error:
            self._error = error
            raise
        finally:
            await self.close()

    async def reply(self) -> Reply[ObjectType]:
        """Read what is left and return the whole Reply."""
        async for _ in self._items():
            pass
        return self._whole()

    async def close(self) -> None:
        """Stop here and return the connection. Harmless when done twice."""
        await self._reading.close()

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
