"""The clients that Faults puts around others: they change what comes back, or answer in place of them.

They have the interface of what they are around: `exchange` of pipeline/http/fast, or `send` of httpx.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Mapping
from random import Random
from types import SimpleNamespace
from typing import Any, Protocol, cast

from ..pipeline.effects import Wait
from ..pipeline.http.fast.errors import ReadTimeout
from ..pipeline.http.headers import Headers, received
from ..pipeline.http.live_timeout import Limits
from ..pipeline.http.request import Request
from ..pipeline.http.timeouts import Clock
from ..pipeline.http.urls import split_url
from ..pipeline.threads import Scope, wait_in_thread
from ..schemas.async_items import next_item
from .fault_kinds import AlteredBody, BodyEnd, Fault, Item, Pause


class RawAnswer(Protocol):
    """An answer of a library's, as far as it is used here; those of async clients have `aclose` and an async stream."""

    status_code: int
    headers: Any
    stream: Any
    url: Any
    extensions: dict[str, Any]

    close: Callable[[], None]
    aclose: Callable[[], Awaitable[None]]


class RawClient(Protocol):
    """A client within: one of pipeline/http/fast, or with httpx's interface."""

    exchange: Callable[..., Any]
    send: Callable[..., Any]
    close: Callable[[], None]
    aclose: Callable[[], Awaitable[None]]


class HttpxRequest(Protocol):
    """An httpx request: what is read of one here."""

    method: str
    url: object
    extensions: Mapping[str, Limits]


Next = Callable[[str, str], tuple[tuple[Fault, ...], Random]]
"""`next(method, url)` returns the faults of the next request, and their chance."""
_LONGEST = 1e6  # seconds, in place of for ever


class FaultyClient:
    """A client of sync calls around another one. `owned`: whether closing it closes that."""

    def __init__(self, client: RawClient, faults: Next, *, owned: bool) -> None:
        self._client = client
        self._faults = faults
        self._owned = owned

    def exchange(self, request: Request, clock: Clock, scope: Scope | None) -> FaultyAnswer:
        """Send a request of ours; see pipeline/http/fast/client.py."""
        flow = _exchange(*self._faults(request.method, request.url), request.url)
        return self._run(flow, clock, scope, lambda: self._client.exchange(request, clock, scope))

    def send(self, request: HttpxRequest, **settings: object) -> FaultyAnswer:
        """Send an httpx request, with the faults that the plan has for it."""
        limits, url = request.extensions["timeout"], str(request.url)
        flow = _exchange(*self._faults(request.method, url), url)
        return self._run(flow, limits.clock, limits.scope, lambda: self._client.send(request, **settings))

    def _run(self, flow: Flow, clock: Clock, scope: Scope | None, send: Callable[[], RawAnswer]) -> FaultyAnswer:
        raw = None
        try:
            pause = next(flow)
            while True:
                if pause is None:
                    raw = send()
                else:
                    wait_as_read(pause.seconds, clock, scope)
                pause = flow.send(raw)
        except StopIteration as stop:
            answer: FaultyAnswer = stop.value
        except BaseException:
            if raw is not None:
                raw.close()
            raise
        answer.stream = _Body(answer, clock, scope)
        return answer

    def close(self) -> None:
        """Close the client within, unless it is the caller's."""
        if self._owned:
            self._client.close()


class AsyncFaultyClient:
    """Async version of FaultyClient."""

    def __init__(self, client: RawClient, faults: Next, *, owned: bool) -> None:
        self._client = client
        self._faults = faults
        self._owned = owned
        if hasattr(client, "shut_down"):
            self.shut_down = client.shut_down

    async def exchange(self, request: Request, clock: Clock) -> FaultyAnswer:
        """Send a request of ours; see pipeline/http/fast/client.py."""
        flow = _exchange(*self._faults(request.method, request.url), request.url)
        return await self._run(flow, clock, lambda: self._client.exchange(request, clock))

    async def send(self, request: HttpxRequest, **settings: object) -> FaultyAnswer:
        """Send an httpx request, with the faults that the plan has for it."""
        url = str(request.url)
        flow = _exchange(*self._faults(request.method, url), url)
        return await self._run(
            flow, request.extensions["timeout"].clock, lambda: self._client.send(request, **settings)
        )

    async def _run(self, flow: Flow, clock: Clock, send: Callable[[], Awaitable[RawAnswer]]) -> FaultyAnswer:
        raw = None
        try:
            pause = next(flow)
            while True:
                if pause is None:
                    raw = await send()
                else:
                    await await_as_read(pause.seconds, clock)
                pause = flow.send(raw)
        except StopIteration as stop:
            answer: FaultyAnswer = stop.value
        except BaseException:
            if raw is not None:
                await raw.aclose()
            raise
        answer.stream = _AsyncBody(answer, clock)
        return answer

    async def aclose(self) -> None:
        """Close the client within, unless it is the caller's."""
        if self._owned:
            await self._client.aclose()


Flow = Generator[Pause | None, RawAnswer | None, "FaultyAnswer"]
"""The exchange of one request: None asks for the raw answer, a Pause is waited."""


def _exchange(faults: tuple[Fault, ...], chance: Random, url: str) -> Flow:
    """Return the answer to a request with these faults."""
    for fault in faults:
        instead = fault.instead()
        if isinstance(instead, Exception):
            raise instead
        if instead is not None:
            headers, body = instead.content()
            answer = FaultyAnswer(
                None, instead.status, received(headers), (body,), SimpleNamespace(host=split_url(url)[1])
            )
            break
    else:
        raw = cast(RawAnswer, (yield None))
        answer = FaultyAnswer(raw, raw.status_code, received(raw.headers), raw.stream, raw.url)
    headers = dict(answer.headers)
    for fault in faults:
        happens = fault.at_head(headers)
        if isinstance(happens, Exception):
            raise happens
        if happens is not None:
            yield happens
    answer.headers = received(headers)
    answer.altered = AlteredBody([each for fault in faults if (each := fault.on_body(chance)) is not None])
    return answer


class FaultyAnswer:
    """An answer whose body is still to be read, with the interface of the library's. `raw` is the library's, if any."""

    def __init__(self, raw: RawAnswer | None, status: int, headers: Headers, body: Any, url: object) -> None:
        self.status_code = status
        self.headers = headers
        self.url = url
        self.extensions: dict[str, Any] = {} if raw is None else raw.extensions
        self.body = body
        self.stream: Any = None
        self.raw = raw
        self.altered = AlteredBody([])

    def whole(self, most: int) -> bytes | None:
        """Return None: the body is read piece by piece."""
        return None

    def close(self) -> None:
        """Close the library's answer."""
        if self.raw is not None:
            self.raw.close()

    async def aclose(self) -> None:
        """Async version of `close`."""
        if self.raw is not None:
            await self.raw.aclose()


class _Body:
    """The iterator over the body of an answer, sync."""

    def __init__(self, answer: FaultyAnswer, clock: Clock, scope: Scope | None) -> None:
        self._answer = answer
        self._inner = iter(answer.body)
        self._items: deque[Item] = deque()
        self._clock = clock
        self._scope = scope

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        while True:
            while self._items:
                item = self._items.popleft()
                if isinstance(item, Pause):
                    wait_as_read(item.seconds, self._clock, self._scope)
                elif isinstance(item, Exception):
                    self._items.append(item)  # a further read has the same outcome
                    raise StopIteration if isinstance(item, BodyEnd) else item
                elif item:
                    return item
            self._items = self._answer.altered.items(next(self._inner, None))


class _AsyncBody:
    """The iterator over the body of an answer, async."""

    def __init__(self, answer: FaultyAnswer, clock: Clock) -> None:
        self._answer = answer
        self._inner = iter(answer.body) if answer.raw is None else answer.body.__aiter__()
        self._items: deque[Item] = deque()
        self._clock = clock

    def __aiter__(self) -> _AsyncBody:
        return self

    async def __anext__(self) -> bytes:
        while True:
            while self._items:
                item = self._items.popleft()
                if isinstance(item, Pause):
                    await await_as_read(item.seconds, self._clock)
                elif isinstance(item, Exception):
                    self._items.append(item)
                    raise StopAsyncIteration if isinstance(item, BodyEnd) else item
                elif item:
                    return item
            data = next(self._inner, None) if self._answer.raw is None else await next_item(self._inner, None)
            self._items = self._answer.altered.items(data)


def wait_as_read(seconds: float, clock: Clock | None, scope: Scope | None) -> None:
    """Wait, as a read does: until the limit of the call at most. Raises ReadTimeout, and Cancelled in a task."""
    allowed = clock.allowance() if clock is not None else None
    wait = min(seconds, _LONGEST if allowed is None else allowed)
    if scope is None:
        time.sleep(wait)
    else:
        wait_in_thread(Wait(scope.signal, wait))
        scope.check()
    if allowed is not None and seconds >= allowed:
        raise ReadTimeout


async def await_as_read(seconds: float, clock: Clock | None) -> None:
    """Async version of `wait_as_read`."""
    import anyio  # comes with httpx; works on whichever event loop runs

    allowed = clock.allowance() if clock is not None else None
    await anyio.sleep(min(seconds, _LONGEST if allowed is None else allowed))
    if allowed is not None and seconds >= allowed:
        raise ReadTimeout
