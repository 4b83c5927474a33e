"""Call the functions that a CustomLLM has, for a whole answer or in pieces, sync or async, whichever are written.

How a function of the other kind is called is in user_functions.py.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from attrs import frozen

from ..pipeline.http.timeouts import Clock
from ..pipeline.stream.own_chunks import ItemReader
from ..schemas.async_items import next_item
from ..schemas.chunks import StreamChunk
from ..schemas.errors import StepError
from ..schemas.fold import fold
from ..schemas.message import Message, assistant
from ..schemas.reply import Reply
from ..schemas.reply_chunks import chunks_of
from ..user_functions import in_time, on_own_loop, run_in_thread

COMPLETION_METHODS = ("complete", "stream_complete", "acomplete", "astream_complete")
MESSAGES = "messages"
"""The parameter that gets the conversation as it is."""
Arguments = Mapping[str, Any]
_END: Any = object()


@frozen
class Hooks:
    """The functions of a CustomLLM, of which there is at least one."""

    written: Mapping[str, Callable[..., Any]]
    """By name, one of COMPLETION_METHODS."""

    def answer(self, prompt: str, options: Arguments) -> Reply:
        """Return the whole answer, in synchronous code."""
        name, fn = self._first("complete", "stream_complete", "acomplete", "astream_complete")
        match name:
            case "complete":
                return reply_of(_call(fn, prompt, options), name)
            case "acomplete":
                return reply_of(on_own_loop(lambda: _call(fn, prompt, options)), name)
            case _:
                return fold([chunk for chunks in self.pieces(prompt, options) for chunk in chunks])

    async def aanswer(self, prompt: str, options: Arguments, clock: Clock) -> Reply:
        """Return the whole answer, in async code, in the time that the clock allows."""
        name, fn = self._first("acomplete", "astream_complete", "complete", "stream_complete")
        match name:
            case "acomplete":
                return reply_of(await in_time(clock, lambda: _call(fn, prompt, options)), name)
            case "complete":
                answer = await in_time(clock, lambda: run_in_thread(lambda: _call(fn, prompt, options)))
                return reply_of(answer, name)
            case _:
                return fold([chunk async for chunks in self.apieces(prompt, options, clock) for chunk in chunks])

    def pieces(self, prompt: str, options: Arguments) -> Generator[list[StreamChunk]]:
        """Yield the answer in pieces, in synchronous code; the last holds its Finish."""
        name, fn = self._first("stream_complete", "astream_complete", "complete", "acomplete")
        match name:
            case "stream_complete":
                yield from _with_finish(_call(fn, prompt, options), name)
            case "astream_complete":
                yield from _with_finish(_over_portal(lambda: _call(fn, prompt, options)), name)
            case _:
                yield chunks_of(self.answer(prompt, options))

    async def apieces(self, prompt: str, options: Arguments, clock: Clock) -> AsyncGenerator[list[StreamChunk]]:
        """Yield the answer in pieces, in async code, each in the time that the clock allows."""
        name, fn = self._first("astream_complete", "stream_complete", "acomplete", "complete")
        match name:
            case "astream_complete":
                items: Any = await in_time(clock, lambda: _iterator(_call(fn, prompt, options)))
            case "stream_complete":
                items = _each_in_thread(lambda: iter(_call(fn, prompt, options)))
            case _:
                yield chunks_of(await self.aanswer(prompt, options, clock))
                return
        reader = ItemReader(name)
        try:
            while (item := await in_time(clock, lambda: next_item(items, _END))) is not _END:
                if chunks := reader.chunks(item):
                    yield chunks
            yield reader.last()
        finally:
            if hasattr(items, "aclose"):
                await items.aclose()

    def options(self) -> tuple[set[str], bool]:
        """Return the names of the options that some function takes, and whether one takes any (`**options`)."""
        parameters = [each for fn in self.written.values() for each in _parameters(fn)[1:]]
        named = {each.name for each in parameters if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD)}
        return named - {MESSAGES}, any(each.kind is each.VAR_KEYWORD for each in parameters)

    @property
    def takes_text(self) -> bool:
        """Whether some function takes the conversation as one text."""
        return any(_parameters(fn)[0].name != MESSAGES for fn in self.written.values())

    def _first(self, *names: str) -> tuple[str, Callable[..., Any]]:
        name = next(name for name in names if name in self.written)
        return name, self.written[name]


def reply_of(answer: object, by: str) -> Reply:
    """Make a Reply of what the function `by` returned: text, a Message, or a Reply. Raises StepError for all else."""
    if isinstance(answer, str):
        answer = assistant(answer)
    if isinstance(answer, Message):
        answer = Reply(answer)
    if not isinstance(answer, Reply):
        raise StepError(f"{by} gave a {type(answer).__name__}", hint="return text, a Message or a Reply")
    # A copy, since the pipeline goes on to write into it.
    return answer.replace(finish_reason=answer.finish_reason or ("tool_calls" if answer.tool_calls else "stop"))


def _with_finish(items: Iterable[object], by: str) -> Iterator[list[StreamChunk]]:
    reader = ItemReader(by)
    try:
        for item in items:
            if chunks := reader.chunks(item):
                yield chunks
        yield reader.last()
    finally:
        if hasattr(items, "close"):
            items.close()


def _parameters(fn: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(fn).parameters.values())


def _call(fn: Callable[..., Any], prompt: str, options: Arguments) -> Any:
    """Call the function with those of the arguments that its signature names, or takes by `**options`."""
    first, *others = _parameters(fn)
    names = {each.name for each in others}
    if any(each.kind is each.VAR_KEYWORD for each in others):
        names |= options.keys() - {MESSAGES}
    given = {name: value for name, value in options.items() if name in names}
    return fn(options[MESSAGES] if first.name == MESSAGES else prompt, **given)


async def _each_in_thread(start: Callable[[], Iterator[Any]]) -> AsyncIterator[Any]:
    items = await run_in_thread(start)
    try:
        while (item := await run_in_thread(lambda: next(items, _END))) is not _END:
            yield item
    finally:
        # A cancelled call may have left a thread that still runs the iterator, which then cannot be closed.
        with suppress(ValueError):
            if hasattr(items, "close"):
                items.close()


def _over_portal(start: Callable[[], Any]) -> Iterator[Any]:
    """Yield the items of an async iterator, in synchronous code."""
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal() as portal:
        items = portal.call(lambda: _iterator(start()))
        try:
            while (item := portal.call(lambda: _next(items))) is not _END:
                yield item
        finally:
            if hasattr(items, "aclose"):
                portal.call(items.aclose)


async def _iterator(returned: Any) -> Any:
    """Return the async iterator that a function returned, at once or once awaited."""
    return aiter(await returned if inspect.isawaitable(returned) else returned)


async def _next(items: AsyncIterator[Any]) -> Any:
    return await next_item(items, _END)
