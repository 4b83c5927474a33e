"""Work that calls a model several times, written once for sync and async.

A recipe is a generator. It yields an effect, gets the result sent back, and returns its own result; a driver does the
waiting. Pipelines work alike, one level below: there an effect is a request sent, here a whole call.

    def twice(model, prompt):
        first = yield Ask("chat", model, prompt)
        second = yield Ask("chat", model, first.context.append(user("Shorter.")))
        return second

    carry_out(client, twice(...))          await acarry_out(async_client, twice(...))

A recipe that has items for a reader yields `Emit(item)`, and is read through `Reading` or `AsyncReading`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextvars import copy_context
from typing import Any

from attrs import define, field

from .events import current, within
from .pipeline.effects import Run
from .pipeline.http.transport import adrive, drive
from .schemas.chunks import StreamChunk
from .schemas.errors import StepError


@define
class Ask:
    """Call a model and wait. Gives the Reply."""

    operation: str
    model: Any
    input: Any
    options: Mapping[str, Any] = field(factory=dict)


@define
class Open:
    """Start a streamed chat. Gives the stream, for Pull and Shut."""

    model: Any
    prompt: Any
    options: Mapping[str, Any] = field(factory=dict)


@define
class Pull:
    """The next chunks of a stream, as a list; None at its end."""

    stream: Any


@define
class Shut:
    """Leave a stream and return its connection."""

    stream: Any


@define
class Drive:
    """Run the flow of a pipeline over the client's connections. Gives what it returns."""

    flow: Any


@define
class Gather:
    """Do several things at once, at most `limit` at a time (None: all). Gives their results in order; what failed
    is its exception, in its place."""

    effects: Sequence[Any]
    limit: int | None = None


@define
class Emit:
    """Hand something to the reader."""

    item: Any


Recipe = Generator[Any, Any, Any]
MAX_THREADS = 64


def carry_out(client: Any, recipe: Recipe) -> Any:
    """Run a recipe to its end with a Client and return its result. Items that it emits are dropped."""
    reading = Reading(client, recipe)
    for _ in reading:
        pass
    return reading.result


async def acarry_out(client: Any, recipe: Recipe) -> Any:
    """Run a recipe to its end with an AsyncClient; see `carry_out`."""
    reading = AsyncReading(client, recipe)
    async for _ in reading:
        pass
    return reading.result


class Left(GeneratorExit):
    """Raised in a recipe when its reader stops. Unlike after a plain close, it may still yield Shut."""


def stream_call(
    model: Any, prompt: Any, options: Mapping[str, Any], items: Callable[[list[StreamChunk]], Iterable[Any]]
) -> Recipe:
    """Stream one chat call: emit what `items` makes of the chunks as they come, and return the Reply.

    The connection is returned when the reader leaves.
    """
    source = yield Open(model, prompt, options)
    try:
        while (chunks := (yield Pull(source))) is not None:
            for item in items(chunks):
                yield Emit(item)
    except Left:
        yield Shut(source)
        raise
    return source.whole_reply()


class _Reading:
    """What both readings share: a recipe under way, and its result once it has ended.

    The recipe runs in a context of its own, so that a span which it opens is not the reader's, between two items.
    """

    def __init__(self, client: Any, recipe: Recipe) -> None:
        self._client = client
        self._recipe = recipe
        self._context = copy_context()
        self.over = False
        self.result: Any = None

    def _advance(self, value: Any, error: BaseException | None) -> Any:
        """Return the next effect, or None at the end."""
        try:
            if error is not None:
                return self._context.run(self._recipe.throw, error)
            return self._context.run(self._recipe.send, value)
        except StopIteration as stop:
            self.over, self.result = True, stop.value
            return None
        except BaseException:
            self.over = True
            raise

    def _leave(self, value: Any) -> Any:
        """Return the next effect of a recipe without a reader, which closes what it has opened; None at the end."""
        try:
            return self._advance(None, value) if isinstance(value, Left) else self._advance(value, None)
        except GeneratorExit:
            return None

    def _span(self) -> str | None:
        return self._context.run(current)


class Reading(_Reading):
    """The items of a recipe, as it emits them. `result` is what it returned, once read to the end."""

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.over:
            raise StopIteration
        effect = self._advance(None, None)
        while effect is not None:
            if type(effect) is Emit:
                return effect.item
            try:
                with within(self._span()):
                    value = _perform(self._client, effect)
            except BaseException as error:
                effect = self._advance(None, error)
            else:
                effect = self._advance(value, None)
        raise StopIteration

    def close(self) -> None:
        """Stop here; open connections are returned. Harmless when done twice."""
        if self.over:
            return
        effect = self._leave(Left())
        while effect is not None:
            effect = self._leave(_perform(self._client, effect))

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncReading(_Reading):
    """Async version of Reading."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self.over:
            raise StopAsyncIteration
        effect = self._advance(None, None)
        while effect is not None:
            if type(effect) is Emit:
                return effect.item
            try:
                with within(self._span()):
                    value = await _aperform(self._client, effect)
            except BaseException as error:
                effect = self._advance(None, error)
            else:
                effect = self._advance(value, None)
        raise StopAsyncIteration

    async def close(self) -> None:
        """Stop here; open connections are returned. Harmless when done twice."""
        if self.over:
            return
        effect = self._leave(Left())
        while effect is not None:
            effect = self._leave(await _aperform(self._client, effect))

    aclose = close

    async def __aenter__(self) -> AsyncReading:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _perform(client: Any, effect: Any) -> Any:
    kind = type(effect)
    if kind is Ask:
        return client.make_call(effect.operation, effect.model, effect.input, dict(effect.options))
    if kind is Pull:
        return effect.stream.next_chunks()
    if kind is Open:
        return client.open_stream(effect.model, effect.prompt, dict(effect.options))
    if kind is Shut:
        return effect.stream.close()
    if kind is Run:
        return effect.sync_fn()
    if kind is Drive:
        return drive(effect.flow, client.connections.open().perform)
    if kind is Gather:
        return _gather(client, effect)
    raise _unknown_effect(effect)


async def _aperform(client: Any, effect: Any) -> Any:
    kind = type(effect)
    if kind is Ask:
        return await client.make_call(effect.operation, effect.model, effect.input, dict(effect.options))
    if kind is Pull:
        return await effect.stream.next_chunks()
    if kind is Open:
        return await client.open_stream(effect.model, effect.prompt, dict(effect.options))
    if kind is Shut:
        return await effect.stream.close()
    if kind is Run:
        return await effect.async_fn() if effect.async_fn else effect.sync_fn()
    if kind is Drive:
        return await adrive(effect.flow, (await client.connections.open()).perform)
    if kind is Gather:
        return await _agather(client, effect)
    raise _unknown_effect(effect)


def _gather(client: Any, gather: Gather) -> list[Any]:
    """Perform several effects in threads.

    A Ctrl-C, or anything else that is not an Exception, is raised at once: effects that have not begun are not begun,
    and others run out by themselves (Python cannot stop a thread).
    """
    from queue import SimpleQueue  # brings in heapq: only where threads are wanted

    effects = gather.effects
    workers = min(gather.limit or MAX_THREADS, MAX_THREADS, len(effects))
    if workers <= 1:
        return [_outcome(client, effect) for effect in effects]
    waiting = deque(enumerate(effects))
    copies = [copy_context() for _ in effects]  # a context can be in use once at a time
    done: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()

    def work() -> None:
        while True:
            try:
                place, effect = waiting.popleft()
            except IndexError:
                return
            try:
                done.put((place, copies[place].run(_outcome, client, effect), None))
            except BaseException as fatal:
                done.put((place, None, fatal))

    for number in range(workers):
        threading.Thread(target=work, name=f"stepwell-{number}", daemon=True).start()
    results: list[Any] = [None] * len(effects)
    try:
        for _ in effects:
            place, results[place], fatal = done.get()
            if fatal is not None:
                raise fatal
    finally:
        waiting.clear()
    return results


def _outcome(client: Any, effect: Any) -> Any:
    try:
        return _perform(client, effect)
    except Exception as error:
        return error


async def _agather(client: Any, gather: Gather) -> list[Any]:
    import anyio  # comes with httpx; runs on whichever event loop there is

    # A task that ends in a cancellation of its own leaves no result: then this error stays in its place.
    results: list[Any] = [StepError("what it waited for was cancelled") for _ in gather.effects]
    places = anyio.Semaphore(gather.limit or max(len(results), 1))

    async def one(place: int, effect: Any) -> None:
        async with places:
            try:
                results[place] = await _aperform(client, effect)
            except Exception as error:
                results[place] = error

    async with anyio.create_task_group() as group:
        for place, effect in enumerate(gather.effects):
            group.start_soon(one, place, effect)
    return results


def _unknown_effect(effect: Any) -> StepError:
    return StepError(
        f"a recipe yielded {type(effect).__name__}", hint="yield Ask, Open, Pull, Shut, Run, Drive, Gather or Emit"
    )
