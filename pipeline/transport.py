"""The two drivers and the two transports: the only code below the face that knows sync from async.

Neither imports an HTTP library: they are given a client with httpx's interface and a function that builds its requests.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from ..schemas.errors import ConnectError, InvalidOption, ResponseTooLarge, StepError
from .effects import Call, Close, Flow, Read, Send, Sleep
from .request import Headers, Request
from .response import Response
from .source import MAX_BODY_BYTES, MAX_ERROR_BYTES, Source, failure
from .timeouts import Clock

Build = Callable[..., Any]


def drive(flow: Flow, perform: Callable[[Any], Any]) -> Response:
    """Run a flow, doing what it asks for, until it gives its response."""
    try:
        effect = next(flow)
        while True:
            try:
                result = perform(effect)
            except BaseException as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as stop:
        response: Response = stop.value
        return response


async def adrive(flow: Flow, perform: Callable[[Any], Any]) -> Response:
    """`drive`, with an await in it."""
    try:
        effect = next(flow)
        while True:
            try:
                result = await perform(effect)
            except BaseException as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as stop:
        response: Response = stop.value
        return response


class Transport:
    """Does the effects over a client with httpx's interface. `build` makes the client's requests."""

    def __init__(self, client: Any, build: Build, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.client = client
        self._build = build
        self._max = max_body_bytes

    def perform(self, effect: Any) -> Any:
        kind = type(effect)
        if kind is Read:
            return self._read(effect.source)
        if kind is Send:
            return self._send(effect.request)
        if kind is Close:
            return self._close(effect.source)
        if kind is Sleep:
            return time.sleep(effect.seconds)
        if kind is Call:
            return effect.sync_fn()
        raise _unknown(effect)

    def _send(self, request: Request) -> Response:
        clock, marker, outgoing = _outgoing(request, self._build)
        try:
            raw = self.client.send(outgoing, stream=True, follow_redirects=False)
        except BaseException as error:
            raise failure(error, clock, request_host(request)) from None
        try:
            source = _source(request, raw, iter(raw.stream), clock, marker, self._max)
            response = Response(request, raw.status_code, Headers(raw.headers.items()))
            if request.stream and raw.status_code < 300:
                source.tune(outgoing.extensions["timeout"])
                response.source = source
                return response
            pieces = []
            for data in source.iterator:
                pieces.append(source.take(data))
                if source.full:
                    break
            response.body = b"".join(pieces)
        except BaseException as error:
            raw.close()
            raise failure(error, clock, request_host(request)) from None
        raw.close()
        return response

    def _read(self, source: Source) -> bytes:
        if source.limits is not None:
            source.limits["read"] = source.clock.allowance()
        try:
            for data in source.iterator:
                if data:
                    return source.take(data)
            return b""
        except BaseException as error:
            raise failure(error, source.clock, source.raw.url.host) from None

    def _close(self, source: Source) -> None:
        if not source.closed:
            source.release()
            source.raw.close()


class AsyncTransport:
    """Transport's twin for a client with httpx's async interface."""

    def __init__(self, client: Any, build: Build, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.client = client
        self._build = build
        self._max = max_body_bytes

    def perform(self, effect: Any) -> Awaitable[Any]:
        # Plain, giving what is to be awaited: a coroutine around each read would cost 0.1 µs.
        kind = type(effect)
        if kind is Read:
            return self._read(effect.source)
        if kind is Send:
            return self._send(effect.request)
        if kind is Close:
            return self._close(effect.source)
        if kind is Sleep:
            return _asleep(effect.seconds)
        if kind is Call:
            return _called(effect)
        raise _unknown(effect)

    async def _send(self, request: Request) -> Response:
        clock, marker, outgoing = _outgoing(request, self._build)
        try:
            raw = await self.client.send(outgoing, stream=True, follow_redirects=False)
        except BaseException as error:
            raise failure(error, clock, request_host(request)) from None
        try:
            source = _source(request, raw, raw.stream.__aiter__(), clock, marker, self._max)
            response = Response(request, raw.status_code, Headers(raw.headers.items()))
            if request.stream and raw.status_code < 300:
                source.tune(outgoing.extensions["timeout"])
                response.source = source
                return response
            pieces = []
            async for data in source.iterator:
                pieces.append(source.take(data))
                if source.full:
                    break
            response.body = b"".join(pieces)
        except BaseException as error:
            await raw.aclose()
            raise failure(error, clock, request_host(request)) from None
        await raw.aclose()
        return response

    async def _read(self, source: Source) -> bytes:
        if source.limits is not None:
            source.limits["read"] = source.clock.allowance()
        try:
            async for data in source.iterator:
                if data:
                    return source.take(data)
            return b""
        except BaseException as error:
            raise failure(error, source.clock, source.raw.url.host) from None

    async def _close(self, source: Source) -> None:
        if not source.closed:
            source.release()
            await source.raw.aclose()


async def _called(effect: Call) -> Any:
    return await effect.async_fn() if effect.async_fn else effect.sync_fn()


async def _asleep(seconds: float) -> None:
    import anyio  # comes with httpx; sleeps on whichever event loop runs

    await anyio.sleep(seconds)


def _outgoing(request: Request, build: Build) -> tuple[Clock, float | None, Any]:
    """The clock of this exchange, the number that marks its reads, and the library's own request object.

    Raises InvalidOption for a URL with a login in it: one library would send it, another drop it, a third fail.
    """
    if "@" in request.url.partition("://")[2].partition("/")[0]:
        raise InvalidOption("base_url holds a user name or password", hint="pass the key as api_key")
    clock = Clock(request.timeouts, request.started)
    read = clock.allowance()
    # A float of its own, so that Source.tune can tell this exchange's reads by identity.
    marker = None if read is None else float.fromhex(read.hex())
    connect = request.timeouts.connect
    limits = {"connect": connect, "read": marker, "write": marker, "pool": connect}
    outgoing = build(
        request.method, request.url, headers=request.headers, content=request.body, extensions={"timeout": limits}
    )
    return clock, marker, outgoing


def _source(request: Request, raw: Any, iterator: Any, clock: Clock, marker: float | None, most: int) -> Source:
    """The body to read: an error's is cut at its limit, an answer's refused at `most` bytes."""
    if raw.status_code >= 300:
        return Source(raw, iterator, clock, marker, limit=MAX_ERROR_BYTES, cut=True)
    declared = raw.headers.get("content-length", "")
    if not request.stream and declared.isdigit() and int(declared) > most:
        raise ResponseTooLarge(f"the answer is {int(declared):,} bytes, more than the limit of {most:,}")
    return Source(raw, iterator, clock, marker, limit=most)


def request_host(request: Request) -> str:
    """The host that the request goes to, for messages."""
    host = request.url.partition("://")[2].partition("/")[0]
    if not host:
        raise ConnectError(f"{request.url[:80]!r} is not a URL", hint="base_url needs https:// and a host")
    return host


def _unknown(effect: Any) -> StepError:
    return StepError(f"a step yielded {type(effect).__name__}", hint="yield Send, Read, Close, Sleep or Call")
